"""What the stages of letters share: the utterances, and the recogniser of their letters."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from speechlrp.artifacts.utterances import Utterances
from speechlrp.config.schema import Config
from speechlrp.data.features import check_belongs
from speechlrp.errors import SpeechLRPError
from speechlrp.letters.vocabulary import encode
from speechlrp.models.custom import own_code
from speechlrp.pipeline.stage import Context
from speechlrp.training.checkpoint import load_model
from speechlrp.training.seeding import device
from speechlrp.training.utterances import LetterBatches

UTTERANCES = "preprocess/utterances.h5"


@dataclass(frozen=True)
class Spoken:
    """Preprocessed utterances, without their features.

    Attributes:
        path: the HDF5 file.
        table: a row an utterance: id, frames, seconds, mean_db, deviation_db, path,
            speaker, gender, transcript, subset, part (of the corpus).
        classes: the symbols.
        settings: how the features were made.
        task: ``"letters"``.
        frequencies: of the bands in Hz, `[F]`.
        units: of the features.
    """

    path: Path
    table: pd.DataFrame
    classes: list[str]
    settings: dict[str, Any]
    task: str
    frequencies: np.ndarray
    units: str

    def rows(self, subset: str) -> np.ndarray:
        """The rows of a split.

        Raises:
            SpeechLRPError: it is empty.
        """
        rows = np.flatnonzero(self.table.subset == subset)
        if not len(rows):
            raise SpeechLRPError(f"{self.path} has no utterances in the split {subset!r}")
        return rows

    def texts(self, rows: Sequence[int] | np.ndarray) -> list[str]:
        """What was said in some utterances."""
        return self.table.transcript.iloc[rows].tolist()

    def batches(self, subset: str, *, command: str, **options: Any) -> LetterBatches:
        """Batches of a split; `options` as in `LetterBatches` and `Buckets`."""
        rows = self.rows(subset)
        targets = [encode(text) for text in self.texts(rows)]
        frames = self.table.frames.to_numpy()[rows]
        return LetterBatches(self.path, rows, targets, frames, command=command, **options)


def require_letters(config: Config, stage: str) -> None:
    """Refuse a run whose network is no recogniser.

    Raises:
        SpeechLRPError: its task is another than ``letters``.
    """
    if config.task.name != "letters":
        raise SpeechLRPError(
            f"{stage} is for task=letters, a recogniser such as experiment=demo_letters has; "
            f"this run's task is {config.task.name}"
        )


def read_spoken(path: Path, command: str) -> Spoken:
    """Read the table and attributes of a file of utterances."""
    with Utterances(path, command) as file:
        attributes = file.attributes
        lists = {name: json.loads(attributes[name]) for name in ("classes", "settings")}
        about = {"table": file.table, "frequencies": file.frequencies, "task": attributes["task"]}
        about["units"] = file.units
    return Spoken(path=path, **about, **lists)


class Recogniser:
    """A trained recogniser, ready to be asked.

    Attributes:
        model: inputs `[B, F, T]` (scaled) -> logits `[B, V, S]`, in evaluation mode.
        scale: what features are multiplied with before the model sees them.
        device: where it is.
    """

    def __init__(self, context: Context, spoken: Spoken) -> None:
        self.device = device(context.config.device)
        path = context.inputs["weights"]
        command, factory = context.command("train", "--force"), own_code(context.config.model)
        self.model, self.meta = load_model(path, self.device, command, factory)
        self.scale = float(self.meta["input_scale"])
        here = {"task": spoken.task, "classes": spoken.classes, "features": spoken.settings}
        check_belongs(self.meta, here, path, spoken.path)

    @torch.inference_mode()
    def scores(self, inputs: torch.Tensor) -> torch.Tensor:
        """Logits `[B, V, S]` of inputs `[B, F, T]` (scaled, on any device)."""
        return self.model(inputs.to(self.device))
