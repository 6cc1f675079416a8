"""An explainer of the configuration, ready to explain batches of a network's examples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from numbers import Real
from typing import Any

import h5py
import numpy as np
import pandas as pd
import torch
from torch import nn

from speechlrp.artifacts.layout import Damaged, read_attribute
from speechlrp.artifacts.relevance import Maps, merge
from speechlrp.artifacts.shards import Shards
from speechlrp.config.schema import configure, options
from speechlrp.data.network import Classifier
from speechlrp.data.seen import VIEW
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.explainers import EXPLAINERS
from speechlrp.explainers.base import check_whole
from speechlrp.explainers.question import answer, logits_of
from speechlrp.flipping import BASELINES
from speechlrp.flipping.strategies import flipping_order
from speechlrp.measures import SCORES
from speechlrp.measures.absorption import absorbed
from speechlrp.measures.scores import Asked, whole_bins
from speechlrp.measures.scores import Maps as Judged
from speechlrp.measures.texture import first_stride
from speechlrp.pipeline.stage import Context
from speechlrp.registry import guarded, is_reference
from speechlrp.training.intervals import guessing
from speechlrp.training.losses import PROBABILITIES

SEED = "seed"
"""Of a file of relevance: draws the order of bins that are equal."""
TARGETS = ("label", "predicted", "contrast", "runner_up")
"""What is explained: the true class, the network's, or the true one against the others' mean."""
OURS = (
    *("name", "kind", "reference", "target", "batch_size", "examples", "utterances"),
    *("bands_hz", "f0_hz", *VIEW),
)
"""Settings of the section that the stage itself uses; the others are the explainer's."""


def check(section: Mapping[str, Any]) -> None:
    """Check the stage's own settings of the section.

    Raises:
        SpeechLRPError: one of them is out of its range.
    """
    for key, known in (("target", TARGETS), ("reference", BASELINES)):
        if section[key] not in known:
            raise unknown(f"value of explainer.{key}", section[key], known)
    for key in ("batch_size", "examples"):
        check_whole(key, section[key])
    bands = section["bands_hz"]
    if not _rises(bands) or len(bands) < 2:
        raise SpeechLRPError(
            f"explainer.bands_hz must be rising limits in Hz, such as [0,500,4000]; found {bands}"
        )
    f0 = {} if section["f0_hz"] is None else section["f0_hz"]
    if not isinstance(f0, Mapping) or not all(_rises(r) and len(r) == 2 for r in f0.values()):
        raise SpeechLRPError(
            "explainer.f0_hz must give classes two limits in Hz, such as {male: [85, 155]}; "
            f"found {f0}"
        )


def _rises(limits: Any) -> bool:
    numbers = isinstance(limits, list | tuple) and all(
        isinstance(limit, Real) and not isinstance(limit, bool) for limit in limits
    )
    return numbers and all(low < high for low, high in pairwise(limits))


def explainer(section: Mapping[str, Any], loss: str) -> Any:
    """The explainer of a section such as ``explainer`` of the configuration.

    ``start: probability`` is the one that belongs to the loss that the network was trained with.
    """
    settings = options(section, *OURS)
    if settings.get("start") == "probability":
        settings["start"] = PROBABILITIES.get(loss, "softmax")
    name = section["kind"]
    return configure(f"explainer {name}", EXPLAINERS[name], settings)


def _check_pair(what: str, pair: Any, inputs: torch.Tensor) -> None:
    wanted = f"it must give the model's output and relevance {list(inputs.shape)}"
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise SpeechLRPError(f"{what} gives {type(pair).__name__}; {wanted} as a pair")
    shape = list(getattr(pair[1], "shape", ()))
    if not all(isinstance(part, torch.Tensor) for part in pair) or shape != list(inputs.shape):
        kinds = ", ".join(type(part).__name__ for part in pair)
        raise SpeechLRPError(f"{what} gives {kinds}, of shape {shape}; {wanted} as tensors")
    if not bool(pair[1].isfinite().all()):
        raise SpeechLRPError(f"{what} gives relevance that is not finite")
    if pair[0].dim() < 2 or len(pair[0]) != len(inputs):
        shape = list(pair[0].shape)
        raise SpeechLRPError(f"{what} gives an output of shape {shape}; it must be the model's")
    if any(part.requires_grad for part in pair):
        raise SpeechLRPError(f"{what} gives tensors with a graph; give them with .detach()")


def scored(name: str, judged: Judged) -> dict[str, np.ndarray]:
    """The columns of a score, ``[N]`` each; see `SCORES`.

    Raises:
        SpeechLRPError: a score of the user's own raises, or gives something else.
    """
    with guarded(f"score {name}", SCORES[name]):
        columns = SCORES[name](judged)
    if is_reference(name):
        _check_columns(f"score {name}", columns, judged)
    return dict(columns)


def _check_columns(what: str, columns: Any, judged: Judged) -> None:
    count = len(judged.relevance)
    wanted = f"it must give named columns, of {count} numbers each"
    if not isinstance(columns, Mapping) or not all(isinstance(one, str) for one in columns):
        raise SpeechLRPError(f"{what} gives {type(columns).__name__}; {wanted}")
    if taken := sorted(set(columns) & set(judged.table.columns)):
        raise SpeechLRPError(
            f"{what} gives a column {taken[0]!r}, which the table of recordings has; "
            "call it otherwise"
        )
    arrays = {one: np.asarray(values) for one, values in columns.items()}
    numbers = (a.shape == (count,) and a.dtype.kind in "fiub" for a in arrays.values())
    if not arrays or not all(numbers):
        shapes = ", ".join(f"{one} {list(a.shape)} of {a.dtype}" for one, a in arrays.items())
        raise SpeechLRPError(f"{what} gives {shapes or 'no columns'}; {wanted}")


def order_of(file: h5py.File, rows: Any) -> torch.Tensor:
    """Bins by falling relevance `[n, F T]` of some rows of a file of relevance."""
    ids = file["table/id"].asstr()[rows]
    maps = torch.from_numpy(Maps(file)[rows])
    return flipping_order("lrp", maps, list(ids), _seed(file))


def _seed(file: h5py.File) -> int:
    """Of the draw that breaks ties of a ranking."""
    seed = read_attribute(file, SEED, 1)
    if not isinstance(seed, int | np.integer) or seed < 0:
        raise Damaged(f"its attribute {SEED} is not a whole number")
    return int(seed)


@dataclass(frozen=True)
class Explaining:
    """An explainer at work on a network."""

    network: Classifier  # what is explained
    section: Mapping[str, Any]  # the explainer's section of the configuration

    @cached_property
    def explainer(self) -> Any:
        """Whose explanations."""
        return explainer(self.section, self.network.meta["loss"])

    @cached_property
    def _measured(self) -> tuple[nn.Module, torch.Tensor]:
        return self.network.measured_from(self.section["reference"])

    @property
    def model(self) -> nn.Module:
        """The model of differences from the reference."""
        return self._measured[0]

    def explain(
        self, inputs: torch.Tensor, target: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The output, and the relevance of inputs `[B, C, F, T]`; see `batch`.

        Raises:
            SpeechLRPError: an explainer of the user's own raises, or gives something else.
        """
        kind = self.section["kind"]
        with guarded(f"explainer {kind}", self.explainer):
            pair = self.explainer.explain(self.model, inputs, target)
        if is_reference(kind):
            _check_pair(f"explainer {kind}", pair, inputs)
        return pair

    @torch.inference_mode()
    def logits(self, inputs: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """The logits of a batch: its output, unless the network ends in a softmax or sigmoid."""
        ends = answer(self.model, inputs[:1].clone()).ends
        return logits_of(self.model, inputs.clone()) if ends else output

    def asked(
        self, inputs: torch.Tensor, target: torch.Tensor, relevance: torch.Tensor, seed: int
    ) -> Asked:
        """The network behind some maps, to be asked again; see `batch`."""
        probability = PROBABILITIES.get(self.network.meta["loss"], "softmax")
        return Asked(self.explainer, self.model, inputs, target, relevance, probability, seed=seed)

    def judged(
        self,
        inputs: torch.Tensor,
        target: torch.Tensor,
        relevance: torch.Tensor,
        table: pd.DataFrame,
        bands_hz: Sequence[float],
        *,
        seed: int,
        period: int | None = None,
    ) -> Judged:
        """Some maps as measures see them, with the network behind them; see `batch`.

        Inputs are differences from the reference, `[B, C, F, T]`, relevance is theirs, and a row of
        the table each input's. `period` is as of `Judged`; None: the network's first stride, which
        of samples is 1.
        """
        asked = self.asked(inputs, target, relevance, seed)
        examples, maps = self.network.dataset, self.maps(relevance)[:, 0].double().cpu().numpy()
        period = period or (1 if examples.view else first_stride(self.network.model))
        axes = examples.frequency, examples.time
        return Judged(maps, table.reset_index(drop=True), *axes, bands_hz, period, asked)

    def batch(
        self, features: np.ndarray, labels: np.ndarray
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Inputs as the network sees them and from the reference, `[B, C, F, T]`, and targets.

        Of features `[B, 1, F, T]`, or samples `[B, 1, L]`, and true classes `[B]`; targets are
        classes `[B]`, or weights of the logits `[B, K]`.
        """
        inputs = self.network.inputs(features)
        target = torch.tensor(labels).to(self.network.device)
        if self.section["target"] == "predicted":
            target = self.network.predict(inputs)[0].argmax(1)
        if self.section["target"] == "contrast":
            target = against_others(target, len(self.network.dataset.classes))
        if self.section["target"] == "runner_up":
            target = against_next(target, self.network.predict(inputs)[0])
        return inputs, inputs - self._measured[1], target

    def merged(
        self,
        file: h5py.File,
        shards: Shards,
        context: Context,
        each: Callable[[dict, pd.DataFrame], None] | None = None,
    ) -> pd.DataFrame:
        """Put units of maps together as a file of relevance; arguments as of `merge`."""
        examples, weights = self.network.dataset, str(context.inputs["weights"])
        facts = {"explainer": dict(self.section), "weights": weights, SEED: context.config.seed}
        axes = {"frequency": examples.frequency, "time": examples.time}
        named = {"classes": examples.classes, "units": self.explainer.units}
        return merge(file, shards, axes=axes, facts=facts, each=each, **named)

    def maps(self, relevance: torch.Tensor) -> torch.Tensor:
        """Relevance of inputs `[B, C, F, T]` as maps `[B, 1, F, T]`, see `whole_bins`."""
        return whole_bins(self.explainer, relevance)


def against_others(labels: torch.Tensor, classes: int) -> torch.Tensor:
    """Weights of logits ``[B, K]`` that ask why the label and not the mean of the other classes."""
    asked = torch.nn.functional.one_hot(labels, classes).float()
    return asked - (1 - asked) / (classes - 1)


def against_next(labels: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Weights of logits ``[B, K]`` that ask why the label and not the likeliest other class."""
    asked = torch.nn.functional.one_hot(labels, logits.shape[1])
    rival = logits.masked_fill(asked.bool(), -torch.inf).argmax(1)
    return (asked - torch.nn.functional.one_hot(rival, logits.shape[1])).float()


def caution_of_guessing(
    context: Context, table: pd.DataFrame, predicted: np.ndarray, classes: int
) -> None:
    """Warn, and note as ``guessing``, where the network is at chance on what is explained.

    Of the recordings the table has label and speaker, and `predicted` the network's classes `[N]`.
    """
    counted = table.assign(right=table.label.to_numpy() == predicted)
    sums = counted.groupby("speaker", sort=True).right.agg(["sum", "size"])
    words = guessing(sums["sum"].tolist(), sums["size"].tolist(), classes, seed=context.config.seed)
    context.note("guessing", words)
    if words:
        context.say(f"caution: {words}")


def caution_of_losses(context: Context, conservation: pd.DataFrame, explainer: str) -> None:
    """Say where little of the relevance arrives, by the table of `summarise_conservation`."""
    words = absorbed(conservation)
    if words:
        context.say(f"note: {explainer}: {words}")
