"""What the stages share: the preprocessed examples, and the weights they work on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from speechlrp.artifacts.hdf5 import open_artifact, read_table
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.explainers.logits import logits_of
from speechlrp.flipping import BASELINES
from speechlrp.models.custom import own_code
from speechlrp.pipeline.stage import Context
from speechlrp.training.checkpoint import load_model
from speechlrp.training.losses import probabilities
from speechlrp.training.seeding import device

FEATURES = "preprocess/features.h5"


@dataclass(frozen=True)
class Examples:
    """Preprocessed examples, without their spectrograms.

    Attributes:
        path: the HDF5 file.
        table: a row an example: id, source, path, speaker, label, subset, start_s, ...
        classes: names of the labels.
        silence: the value of silence.
        settings: how the features were made.
        task: what the label is.
        axes: ``frequency`` (Hz), ``time`` (s) and ``train_mean`` `[1, F, T]`, where the
            file has them.
        units: of a value of the spectrograms.
    """

    path: Path
    table: pd.DataFrame
    classes: list[str]
    silence: float
    settings: dict[str, Any]
    task: str
    axes: dict[str, np.ndarray]
    units: str

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The row of each example, by its id."""
        return {name: row for row, name in enumerate(self.table.id)}

    def rows(self, subset: str) -> np.ndarray:
        """The rows of a split, or of several: ``test_music+test_noise``.

        Raises:
            SpeechLRPError: one is empty.
        """
        parts, there = subset.split("+"), list(self.table.subset.unique())
        missing = [part for part in parts if part not in there]
        if missing:
            copies = "; conditions=musan or synthesised makes copies"
            raise SpeechLRPError(
                f"{self.path} has no examples in the split {missing[0]!r}; there are: "
                f"{', '.join(there)}{copies if missing[0].startswith('test_') else ''}"
            )
        return np.flatnonzero(self.table.subset.isin(parts))


def read_examples(path: Path, command: str) -> Examples:
    """Read the table and attributes of a features file."""
    with open_artifact(path, "features", command) as file:
        axes = {n: file[n][:] for n in ("frequency", "time", "train_mean") if n in file}
        attributes = {n: file.attrs[n] for n in ("silence", "task")}
        lists = {n: json.loads(file.attrs[n]) for n in ("classes", "settings")}
        about = {"table": read_table(file), "units": file["features"].attrs["units"]}
        return Examples(path=path, axes=axes, **about, **attributes, **lists)


class Shifted(nn.Module):
    """A model of what its inputs differ from a reference by: y -> model(y + reference).

    LRP decomposes an output against the input 0. Of this model, y = x - reference, it
    gives (x - reference) c: what the output owes to not being the reference.
    """

    def __init__(self, model: nn.Module, reference: torch.Tensor) -> None:
        super().__init__()
        self.model = model
        self.reference = reference

    def forward(self, difference: torch.Tensor) -> torch.Tensor:
        """Logits `[B, K]` of differences from the reference `[B, 1, F, T]`."""
        return self.model(difference + self.reference)


def check_belongs(
    meta: Mapping[str, Any], here: Mapping[str, Any], weights: Path, features: Path
) -> None:
    """Check that weights were trained on features like these.

    Args:
        meta: of the weights.
        here: facts about the features, such as ``classes``.
        weights: the file, for the error.
        features: the same.

    Raises:
        SpeechLRPError: a fact differs.
    """
    for fact, value in here.items():
        if meta.get(fact) != value:
            raise SpeechLRPError(
                f"{weights} was trained on {fact} {meta.get(fact)}, but {features} holds {value}"
            )


class Network:
    """A trained network, ready to be asked.

    Attributes:
        model: inputs `[B, 1, F, T]` (scaled) -> logits `[B, K]`, in evaluation mode.
        scale: what features are multiplied with before the model sees them.
        device: where it is.
    """

    def __init__(self, context: Context, examples: Examples) -> None:
        self.device = device(context.config.device)
        factory = own_code(context.config.model)
        self.model, self.meta = load_model(context.inputs["weights"], self.device, factory=factory)
        self.model.eval()
        self.scale = float(self.meta["input_scale"])
        self.examples = examples
        here = {"classes": examples.classes, "features": examples.settings}
        check_belongs(self.meta, here, context.inputs["weights"], examples.path)

    def inputs(self, features: np.ndarray) -> torch.Tensor:
        """Features `[B, 1, F, T]` in dB -> the model's inputs, on its device."""
        return torch.from_numpy(features).to(self.device) * self.scale

    def predict(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, which decide, and class probabilities of the model's inputs, `[B, K]` each."""
        with torch.inference_mode():
            logits = logits_of(self.model, inputs)
            return logits, probabilities(self.meta["loss"], logits)

    def baseline(self, name: str) -> torch.Tensor:
        """What a bin without information is, as the model sees it, `[1, F, T]`.

        Args:
            name: ``"zero"``, ``"silence"``, or ``"mean"`` of the training split.
        """
        mean = self.inputs(self.examples.axes["train_mean"])
        if name == "mean":
            return mean
        values = {"zero": 0.0, "silence": self.examples.silence * self.scale}
        if name not in values:
            raise unknown("baseline", name, BASELINES)
        return torch.full_like(mean, values[name])

    def measured_from(self, reference: str) -> tuple[nn.Module, torch.Tensor]:
        """The model of differences from a baseline, and that baseline `[1, F, T]`."""
        values = self.baseline(reference)
        return (self.model if reference == "zero" else Shifted(self.model, values).eval()), values
