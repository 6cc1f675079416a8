"""Batches of utterances of similar length and their transcripts, read ahead of the model.

Shapes: N utterances, B of a batch, T_i frames of each, T of the longest, F bands, L symbols of
the longest transcript.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from speechlrp.artifacts.utterances import Utterances
from speechlrp.audio.parallel import ordered_map
from speechlrp.errors import SpeechLRPError
from speechlrp.training.loaders import check_features
from speechlrp.training.seeding import ORDER, derive


class LetterBatches:
    """Batches of some utterances of a file, epoch by epoch.

    Which utterances form a batch follows from the seed and the number of the epoch
    alone; see `Buckets`. Memory is a few batches, whatever N.

    Args:
        path: the file.
        rows: int [n], the utterances to use.
        targets: the symbols of each of these, [n].
        frames: the length of each of these, [n].
        input_scale: factor on the inputs.
        command: the command line that makes the file, named in errors.
        options: of `Buckets`.

    Raises:
        SpeechLRPError: no utterances, or one longer than a batch may be.
    """

    def __init__(
        self,
        path: Path,
        rows: Sequence[int] | np.ndarray,
        targets: Sequence[Sequence[int]],
        frames: Sequence[int] | np.ndarray,
        *,
        input_scale: float = 1.0,
        command: str = "speechlrp preprocess",
        **options: Any,
    ) -> None:
        self._path, self._command, self.input_scale = path, command, input_scale
        self.rows, self.targets = np.asarray(rows, np.int64), list(targets)
        self.buckets = Buckets(frames, **options)
        self._options = options

    @property
    def examples(self) -> int:
        """The number of utterances an epoch."""
        return len(self.rows)

    def steps(self, epoch: int) -> int:
        """The number of batches of an epoch."""
        return len(self.buckets.epoch(epoch))

    def epoch(self, number: int, device: torch.device | None = None) -> Iterator[LetterBatch]:
        """Go through the utterances once; arguments as in `Batches.epoch`."""
        device = device or torch.device("cpu")
        plan = self.buckets.epoch(number)
        with Utterances(self._path, self._command) as utterances:
            read = partial(self._read, utterances, device.type == "cuda")
            with closing(ordered_map(read, plan, workers=1, prefetch=2)) as batches:
                for batch in batches:
                    yield batch.to(device)

    def fingerprint(self) -> str:
        """Say which utterances and transcripts there are, and in which order they come."""
        digest = hashlib.sha256(self.rows.tobytes() + repr(self.targets).encode()).hexdigest()
        shared = {key: value for key, value in self._options.items() if key != "rank"}
        order = (sorted(shared.items()), self.input_scale)
        return f"{self.examples} utterances {digest[:16]} {order}"

    def _read(self, utterances: Utterances, pinned: bool, positions: np.ndarray) -> LetterBatch:
        rows = self.rows[positions]
        targets = [self.targets[place] for place in positions]
        batch = collate(utterances.batch(rows), targets, rows, self.input_scale)
        check_features(batch.inputs.numpy(), rows)
        return batch._replace(inputs=batch.inputs.pin_memory()) if pinned else batch


class Buckets:
    """Which utterances form a batch, epoch by epoch, the same plan on all ranks.

    Utterances are sorted by length, each length first stretched at random by up to
    `jitter`, and cut into steps that all ranks share; then the steps are shuffled. The
    plan follows from the arguments and the number of the epoch alone. Every step gives
    each rank equally many utterances, so the mean over ranks is the mean over the step.

    Args:
        frames: length of each utterance, [N].
        max_frames: most frames of a rank's batch, padding included.
        max_utterances: most utterances of a rank's batch; 0 for no limit.
        shuffle: otherwise the shortest come first, every epoch the same.
        every: go through every utterance, for evaluation: the last step may then be short
            and leave some ranks without. Otherwise the N modulo `ranks` that are over are
            left out, others each epoch.
        jitter: how far lengths are stretched, as a fraction; 0 forms the same batches
            every epoch.
        seed: of the order.
        rank: this process, from 0.
        ranks: processes that share the work.

    Raises:
        SpeechLRPError: no utterances, or one that is longer than `max_frames`.
        ValueError: a rank that there is not.
    """

    def __init__(
        self,
        frames: Sequence[int] | np.ndarray,
        *,
        max_frames: int,
        max_utterances: int = 0,
        shuffle: bool = True,
        every: bool = False,
        jitter: float = 0.1,
        seed: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self.frames = np.asarray(frames, dtype=np.int64)
        self.max_frames, self.max_utterances = max_frames, max_utterances or len(self.frames)
        self.shuffle, self.every, self.jitter, self.seed = shuffle, every, jitter, seed
        self.rank, self.ranks = rank, ranks
        if not 0 <= rank < ranks:
            raise ValueError(f"rank {rank} of {ranks}")
        if len(self.frames) < (1 if every else ranks):
            raise SpeechLRPError(
                f"{len(self.frames)} utterances for {ranks} processes; use fewer processes, "
                "or choose a subset that has some"
            )
        if self.frames.max() > max_frames:
            raise SpeechLRPError(
                f"an utterance has {self.frames.max()} frames, more than a batch may have "
                f"({max_frames}); allow more, or leave longer utterances out"
            )

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Give the utterances of all ranks at each step, each int64 [about ranks * B]."""
        order, generator = self._order(epoch)
        steps = list(self._cut(order))
        if self.shuffle:
            generator.shuffle(steps)
        return steps

    def epoch(self, number: int) -> list[np.ndarray]:
        """Give this rank's batches, each int64 [B]."""
        parts = (step[self.rank :: self.ranks] for step in self.plan(number))
        return [part for part in parts if len(part)]

    def padding(self, epoch: int) -> float:
        """Give the share of an epoch's frames that are padding, over all ranks."""
        steps = self.plan(epoch)
        spent = sum(len(step) * int(self.frames[step].max()) for step in steps)
        return 1 - sum(int(self.frames[step].sum()) for step in steps) / spent

    def _order(self, epoch: int) -> tuple[np.ndarray, np.random.Generator]:
        """Sort the utterances that take part."""
        generator = np.random.default_rng(derive(self.seed, epoch, ORDER))
        chosen, stretched = np.arange(len(self.frames)), self.frames.astype(float)
        if not self.every:
            over = len(chosen) % self.ranks
            chosen = np.sort(generator.permutation(chosen)[over:]) if over else chosen
        if self.shuffle:
            stretched *= 1 + self.jitter * generator.uniform(-1, 1, len(stretched))
        return chosen[np.argsort(stretched[chosen], kind="stable")], generator

    def _cut(self, order: np.ndarray) -> Iterator[np.ndarray]:
        """Cut sorted utterances into steps, each as long as it may be."""
        start = 0
        while start < len(order):
            most = min(self.max_frames // self.frames[order[start]], self.max_utterances)
            most *= self.ranks
            tops = np.maximum.accumulate(self.frames[order[start : start + most]])
            a_rank = np.arange(len(tops)) // self.ranks + 1
            fits = a_rank * tops <= self.max_frames
            count = len(fits) if fits.all() else int(fits.argmin()) // self.ranks * self.ranks
            yield order[start : start + count]
            start += count


class LetterBatch(NamedTuple):
    """Utterances that go through the model together."""

    inputs: torch.Tensor  # float32 [B, F, T], after its last frame each is filled with zeros
    frames: torch.Tensor  # int64 [B], the T_i
    targets: torch.Tensor  # int64 [B, L], filled with zeros
    lengths: torch.Tensor  # int64 [B], symbols of each transcript
    rows: torch.Tensor  # int64 [B], numbers of the utterances in the data set

    def to(self, device: torch.device) -> LetterBatch:
        """Move inputs and targets; lengths and rows stay on the CPU, where they are read."""
        return self._replace(
            inputs=self.inputs.to(device, non_blocking=True),
            targets=self.targets.to(device, non_blocking=True),
        )


def collate(
    features: Sequence[np.ndarray],
    targets: Sequence[Sequence[int]],
    rows: Sequence[int],
    input_scale: float = 1.0,
) -> LetterBatch:
    """Put utterances into one batch.

    Args:
        features: of each, float [T_i, F].
        targets: its symbols.
        rows: its number in the data set.
        input_scale: factor on the features.
    """
    frames = [len(values) for values in features]
    # Numpy alone: a reader's thread would start torch's threads beside the model's.
    inputs = np.zeros((len(features), features[0].shape[1], max(frames)), np.float32)
    for padded, values in zip(inputs, features, strict=True):
        padded[:, : len(values)] = values.T
    inputs *= np.float32(input_scale)
    lengths = [len(transcript) for transcript in targets]
    symbols = np.zeros((len(targets), max(lengths)), np.int64)
    for row, transcript in zip(symbols, targets, strict=True):
        row[: len(transcript)] = transcript
    return LetterBatch(
        inputs=torch.from_numpy(inputs),
        frames=torch.tensor(frames),
        targets=torch.from_numpy(symbols),
        lengths=torch.tensor(lengths),
        rows=torch.as_tensor(rows, dtype=torch.int64),
    )
