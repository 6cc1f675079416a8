"""The preprocessed corpus: its table, classes and axes, and the way to its features.

Shapes: N examples of the dataset, F frequencies, T frames of a window.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import open_artifact, read_table
from speechlrp.artifacts.layout import Damaged, attribute, read_attribute
from speechlrp.artifacts.relevance import FEATURES as WINDOWS
from speechlrp.artifacts.utterances import SPOKEN, Utterances
from speechlrp.audio import FEATURES
from speechlrp.audio.windows import WindowSettings
from speechlrp.config.schema import Config, configure, options
from speechlrp.data.seen import SampleView
from speechlrp.errors import SpeechLRPError
from speechlrp.letters.vocabulary import encode
from speechlrp.navai.frames import Clock
from speechlrp.pipeline.stage import Context
from speechlrp.training.loaders import Batches
from speechlrp.training.utterance_batches import LetterBatches

DONORS = 128
"""Recordings that bins may be taken from."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Preprocessed recordings, without their features."""

    path: Path  # the HDF5 file
    command: str  # the command line that makes it, for errors
    table: pd.DataFrame
    """A row an example: id, path, speaker, subset, and what its kind knows besides."""
    classes: list[str]  # names of the labels, or the symbols of a recogniser
    settings: dict[str, Any]  # how the features were made
    task: str  # what the label is
    frequency: np.ndarray  # of the rows in Hz, `[F]`; empty of samples
    units: str  # of a feature

    @cached_property
    def row_of(self) -> dict[str, int]:
        """The row of each example, by its id."""
        return {name: row for row, name in enumerate(self.table.id)}

    def rows(self, subset: str) -> np.ndarray:
        """The rows of a subset, or of several: ``test_music+test_noise``.

        Raises:
            SpeechLRPError: one is empty.
        """
        parts, subsets = subset.split("+"), list(self.table.subset.unique())
        missing = [part for part in parts if part not in subsets]
        if missing:
            copies = "; conditions=musan or synthesised makes copies"
            raise SpeechLRPError(
                f"{self.path} has no examples in the split {missing[0]!r}; there are: "
                f"{', '.join(subsets)}{copies if missing[0].startswith('test_') else ''}"
            )
        return np.flatnonzero(self.table.subset.isin(parts))

    @cached_property
    def feature_settings(self) -> Any:
        """The settings object that the features were made with."""
        try:
            return _settings(self.settings)
        except SpeechLRPError as error:
            raise SpeechLRPError(f"{self.path}, made with `{self.command}`: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Windows(Dataset):
    """Examples of one length; the table also has source, label, start_s, onset_s, duration_s."""

    time: np.ndarray  # of the frames in s, `[T]`
    silence: float  # the value of silence
    train_mean: np.ndarray  # of the training split, `[1, F, T]`; of samples `[1, L]`
    view: SampleView | None = None
    """Through which samples are looked at, see `seen`; axes and units are then its own."""

    @property
    def labels(self) -> np.ndarray:
        """The class of each example, `[N]`."""
        return self.table.label.to_numpy()

    @contextmanager
    def features(self) -> Iterator[h5py.Dataset]:
        """The features `[N, 1, F, T]` or samples `[N, 1, L]`, while the file is open."""
        with open_artifact(self.path, WINDOWS, self.command) as file:
            yield file["features"]

    def picture(self, features: np.ndarray) -> np.ndarray:
        """What is drawn below a map, `[..., F, T]`, of features `[..., 1, F, T]` or samples."""
        return self.view.picture(features) if self.view else features[..., 0, :, :]

    @property
    def half_window(self) -> float:
        """Half the length of a frame of the maps, s."""
        return self.view.half_window if self.view else self.feature_settings.half_window

    def donors(self, seed: int) -> tuple[list[str], np.ndarray]:
        """Names and features `[D, ...]` of at most `DONORS` training recordings."""
        rows = np.flatnonzero(self.table.subset == "train")
        rows = rows if len(rows) > 1 else np.arange(len(self.table))
        drawn = np.sort(np.random.default_rng(seed).permutation(rows)[:DONORS])
        with self.features() as features:
            return self.table.id.iloc[drawn].astype(str).tolist(), features[drawn]

    def batches(self, subset: str, **settings: Any) -> Batches:
        """Batches of a subset; settings as in `Batches`."""
        return Batches(self.path, self.labels, self.rows(subset), **settings)


@dataclass(frozen=True, kw_only=True)
class Spoken(Dataset):
    """Utterances of any length; the table also has frames, seconds, mean_db, transcript, part."""

    @cached_property
    def clock(self) -> Clock:
        """When the frames are."""
        try:
            return Clock.of(self.settings)
        except (KeyError, TypeError, ZeroDivisionError) as error:
            where = f"{self.path}, made with `{self.command}`"
            raise SpeechLRPError(f"{where}: its settings have no rate, hop and window") from error

    def texts(self, rows: Sequence[int] | np.ndarray) -> list[str]:
        """What was said in these utterances."""
        return self.table.transcript.iloc[rows].tolist()

    def features(self) -> Utterances:
        """The features of each utterance, while the file is open."""
        return Utterances(self.path, self.command)

    def batches(self, subset: str, **settings: Any) -> LetterBatches:
        """Batches of a subset; settings as in `LetterBatches` and `Buckets`."""
        rows = self.rows(subset)
        targets = [encode(text) for text in self.texts(rows)]
        frames = self.table.frames.to_numpy()[rows]
        return LetterBatches(self.path, rows, targets, frames, command=self.command, **settings)


def dataset(context: Context, name: str = "features") -> Any:
    """The dataset that a stage reads: `Windows` or `Spoken`, by the kind of the file."""
    return read_dataset(context.inputs[name], context.made_by[name])


def read_dataset(path: Path, command: str) -> Any:
    """Read all but the features of a preprocessed file; `command` makes it.

    Raises:
        SpeechLRPError: the file is missing, damaged or of another kind.
    """
    layout = SPOKEN if path.stem == SPOKEN.kind else WINDOWS
    with open_artifact(path, layout, command) as file:
        facts: dict[str, Any] = {
            "path": path,
            "command": command,
            "table": read_table(file),
            **{name: attribute(file, name, kind) for name, kind in SPOKEN.attributes.items()},
            "frequency": file["frequency"][:] if "frequency" in file else np.zeros(0),
            "units": str(read_attribute(file["features"], "units", "")),
        }
        if layout is SPOKEN:
            return Spoken(**facts)
        facts |= {key: file[key][:] for key in ("time", "train_mean")}
        bins = (*facts["frequency"].shape, *facts["time"].shape)
        if file["features"].shape[2:] not in (bins, bins[1:]):
            raise Damaged("its axes are not those of its features")
        return Windows(**facts, silence=attribute(file, "silence", float))


ONE_LENGTH = "one length, such as features=spectrogram_db"


def feature_settings(config: Config, kind: type = WindowSettings, wanted: str = ONE_LENGTH) -> Any:
    """The settings object of the configured features, of the kind that the task needs.

    Raises:
        SpeechLRPError: the configured ones are of another kind; says what is `wanted`.
    """
    name = config.features["name"]
    if not issubclass(FEATURES[name], kind):
        raise SpeechLRPError(
            f"task={config.task.name} needs features of {wanted}, not features={name}"
        )
    return _settings(config.features)


def _settings(section: dict[str, Any]) -> Any:
    name = section["name"]
    return configure(f"features {name}", FEATURES[name], options(section, "name", "train_from"))
