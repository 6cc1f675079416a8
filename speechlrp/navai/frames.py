"""Letter frames: every unpadded window of an utterance whose prediction has a class.

Shapes: ``F`` mel bands, ``T`` frames of an utterance, ``W`` frames of a window (the model's
receptive field), ``S`` steps of the output, ``B`` windows of a batch, ``C`` classes. A
window is K's "spectrogram frame" (K 3.3).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError
from speechlrp.models.heads import check_outputs
from speechlrp.models.wav2letter import Wav2Letter
from speechlrp.navai.gathered import Gathered


class FrameClasses(Protocol):
    """Says which class each window of an utterance has; see `speechlrp.navai.frame_classes`."""

    @property
    def names(self) -> Sequence[str]:
        """The classes, by number."""

    def __call__(self, key: str, symbols: Tensor, starts: Tensor) -> Tensor:
        """Utterance, greedy symbols ``[S]``, first frames ``[S]`` -> classes ``[S]``, or -1."""


@dataclass(frozen=True)
class Clock:
    """When a frame is: frame ``t`` is centred at ``first_s + t * hop_s`` seconds.

    By default as `speechlrp.audio.log_mel` has it: 512 samples at 16 kHz, every 128, no
    padding.
    """

    hop_s: float = 0.008
    first_s: float = 0.016

    @classmethod
    def of(cls, settings: Mapping[str, float]) -> Clock:
        """That of features by their settings: window and hop in samples, rate in Hz."""
        rate = settings["rate"]
        return cls(settings["hop"] / rate, settings["window"] / rate / 2)

    def seconds(self, frame):
        """Turn frames (a number, an array or a tensor) into seconds."""
        return self.first_s + frame * self.hop_s


@dataclass(frozen=True)
class Frames:
    """A batch of windows."""

    windows: Tensor  # ``[B, F, W]``
    classes: Tensor  # index into the names of the classes ``[B]``, int64
    symbols: Tensor  # the symbol that the model predicts ``[B]``, int64: the target to explain
    runs: Tensor
    """``[B]`` int64; windows with one number follow each other, have the same class and symbol, and
    so are nearly the same. Numbers rise through the stream."""
    starts: Tensor  # first frame in the utterance ``[B]``, int64
    ids: tuple[str, ...]  # utterances ``[B]``

    def table(self) -> pd.DataFrame:
        """All but the windows: columns id, run, class, symbol, start (frames)."""
        columns = {"run": self.runs, "class": self.classes, "symbol": self.symbols}
        columns["start"] = self.starts
        return pd.DataFrame(
            {"id": list(self.ids), **{k: v.cpu().numpy() for k, v in columns.items()}}
        )


class Tally(Gathered):
    """What was counted while frames were read.

    Attributes:
        counts: windows of each class ``[C]``, int64, as are the others, ``[]``.
        utterances: how many were read, the short ones included.
        short: how many of them are shorter than a window.
        windows: of all utterances, whatever was predicted.
    """

    def __init__(self, classes: int) -> None:
        self.counts = torch.zeros(classes, dtype=torch.int64)
        self.utterances, self.short, self.windows = torch.zeros(3, dtype=torch.int64)
        super().__init__(vars(self))


class _Run(NamedTuple):
    features: Tensor
    key: str
    starts: Tensor
    label: int
    symbol: int
    number: int


@dataclass
class LetterFrames:
    """Stream the windows of utterances whose prediction has a class, in batches.

    The model runs once over each whole utterance, without padding: its outputs are those
    of the windows one by one. No more than a batch of windows is held. Batches end where
    a run ends, so they hold `batch` windows or a few less; only a run longer than `batch`
    is cut, and its parts count as runs.

    Args:
        utterances: pairs of id and features ``[F, T]``, read as needed; to iterate twice,
            give something that can be.
        model: in evaluation mode and without padding; ``[1, F, T]`` -> ``[1, V, S]``, with
            `receptive_field` and `stride` in frames.
        classes: which windows have which class.
        batch: most windows in a batch.

    Raises:
        SpeechLRPError: the model pads or trains; features of another shape, or not finite.
    """

    utterances: Iterable[tuple[str, Tensor]]
    model: Wav2Letter  # or another with its stride and receptive_field
    classes: FrameClasses
    batch: int = 256
    tally: Tally = field(init=False)
    """What was counted in the present iteration, complete at its end."""

    def __post_init__(self) -> None:
        self.tally = Tally(len(self.classes.names))
        if self.batch < 1:
            raise SpeechLRPError(f"a batch of frames holds at least 1, not {self.batch}")

    def __iter__(self) -> Iterator[Frames]:
        """Yield batches, in the order of the utterances and of time."""
        self.tally = Tally(len(self.classes.names))
        pending: list[_Run] = []
        size = 0
        for run in self._runs():
            if size + len(run.starts) > self.batch:
                yield self._gather(pending)
                pending, size = [], 0
            pending.append(run)
            size += len(run.starts)
        if pending:
            yield self._gather(pending)

    def _runs(self) -> Iterator[_Run]:
        number = 0
        for key, features in self.utterances:
            symbols = self._symbols(key, features)
            starts = torch.arange(len(symbols)) * self.model.stride
            labels = self.classes(key, symbols, starts)
            kept = labels[labels >= 0]
            self.tally.counts += kept.bincount(minlength=len(self.tally.counts))
            for first, last in _equal(labels, symbols, self.batch):
                label, symbol = int(labels[first]), int(symbols[first])
                yield _Run(features, key, starts[first:last], label, symbol, number)
                number += 1

    def _symbols(self, key: str, features: Tensor) -> Tensor:
        self.tally.utterances += 1
        if features.dim() != 2 or not torch.isfinite(features).all():
            raise SpeechLRPError(
                f"features of {key!r} must be finite and [F, T], not {list(features.shape)} with "
                f"{int((~torch.isfinite(features)).sum())} values that are not finite"
            )
        if features.shape[1] < self.model.receptive_field:
            self.tally.short += 1
            return torch.empty(0, dtype=torch.int64)
        symbols = predict(self.model, features)
        self.tally.windows += len(symbols)
        return symbols

    def _gather(self, runs: list[_Run]) -> Frames:
        width, device = self.model.receptive_field, _device(self.model)
        windows = [run.features.unfold(1, width, 1)[:, run.starts] for run in runs]
        sizes = torch.tensor([len(run.starts) for run in runs])
        columns = ([r.label for r in runs], [r.symbol for r in runs], [r.number for r in runs])
        classes, symbols, numbers = (
            torch.tensor(column).repeat_interleave(sizes).to(device) for column in columns
        )
        return Frames(
            torch.cat(windows, 1).transpose(0, 1).contiguous().to(device),
            classes,
            symbols,
            numbers,
            torch.cat([run.starts for run in runs]).to(device),
            tuple(run.key for run in runs for _ in run.starts),
        )


def predict(model: nn.Module, features: Tensor) -> Tensor:
    """The symbols of all windows of an utterance, by one unpadded forward.

    Those of highest score ``[S]``, int64, on the CPU, of features ``[F, T]``, ``T`` at least a
    window; step ``s`` sees the frames from ``s * stride``. The model is as in `LetterFrames`.

    Raises:
        SpeechLRPError: the model pads or trains, or its scores are not finite.
    """
    if model.training or getattr(model, "padding", "none") != "none":
        raise SpeechLRPError(
            "letter frames need a model in evaluation mode without padding, not "
            f"training={model.training}, padding={getattr(model, 'padding', 'none')!r}"
        )
    with torch.no_grad():
        scores = check_outputs(model(features[None].to(_device(model))))
    return scores[0].argmax(0).cpu()


def _device(model: nn.Module) -> torch.device:
    return next((p.device for p in model.parameters()), torch.device("cpu"))


def _equal(labels: Tensor, symbols: Tensor, longest: int) -> Iterator[tuple[int, int]]:
    """First and last steps of what has one class and one symbol, cut at `longest`."""
    pairs = torch.stack([labels, symbols], 1).numpy()
    changes = np.flatnonzero((pairs[1:] != pairs[:-1]).any(1)) + 1
    borders = [0, *changes.tolist(), len(pairs)] if len(pairs) else []
    for first, last in pairwise(borders):
        if labels[first] >= 0:
            for cut in range(first, last, longest):
                yield cut, min(cut + longest, last)


def draw(frames: pd.DataFrame, each: int, seed: int) -> pd.DataFrame:
    """Draw at most `each` frames of every class, by the seed.

    Each frame has a number that follows from the seed, its class, utterance and place; the
    lowest win. So the draw does not depend on the order of the frames, and is the same for
    every explanation. Of an utterance at most one frame of a class is drawn, and speakers take
    turns.

    Of columns class, speaker, id (of the utterance) and start (first frame in it), gives the rows
    that are drawn, class by class; of a class in the order of the draw.
    """
    where = zip(frames["class"], frames.id, frames.start, strict=True)
    numbered = frames.assign(number=[_number(seed, *place) for place in where])
    best = numbered.sort_values("number").drop_duplicates(["class", "id"])
    turns = best.assign(turn=best.groupby(["class", "speaker"]).cumcount())
    in_turn = turns.sort_values(["class", "turn", "number"]).groupby("class").head(each)
    return in_turn[frames.columns].reset_index(drop=True)


def _number(seed: int, label: int, name: str, start: int) -> int:
    """Evenly spread over 0 to 2^56, and the same in every process: `hash` is not."""
    text = f"{seed}/{label}/{name}/{start}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "little")
