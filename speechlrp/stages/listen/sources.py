"""What listen turns to sound: patterns, maximised inputs, utterances masked by relevance."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
import torch

from speechlrp.artifacts.averages import KIND as AVERAGES
from speechlrp.artifacts.hdf5 import open_artifact, read_table
from speechlrp.artifacts.maximized import open_maximized
from speechlrp.audio.inversion import masked
from speechlrp.data.dataset import Spoken
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.explainers.masks import most_relevant
from speechlrp.navai.sound import laid_over, reach
from speechlrp.pipeline.stage import Context
from speechlrp.stages.maximize.stage import title_of

RELEVANCE = "utterance_relevance"


class Levels(NamedTuple):
    """A spectrogram to be turned to sound: values `[T, F]`, and what makes them dB."""

    values: torch.Tensor
    mean: float
    deviation: float


@dataclass(frozen=True)
class Sound:
    """A sound to be made.

    Attributes:
        source: patterns, maximized or utterances.
        what: pattern, all letters, wanted, original, resynthesised or masked.
        letter: the class, or what was said.
        place: the alignment, the neuron, or the utterance.
        file: its name below the stage's folder.
        levels: gives its spectrogram; None where no frame has one.
        recording: the file to take in place of a spectrogram's sound.
        beside: the name of the sound it is to be compared with.
    """

    source: str
    what: str
    letter: str
    place: str
    file: str
    levels: Callable[[], Levels | None]
    recording: Path | None = None
    beside: str = ""


def sounds(context: Context, spoken: Spoken) -> list[Sound]:
    """All sounds of the configured source, in the order of the page."""
    found: list[Sound] = []
    for name, make in (
        ("patterns", _patterns),
        ("maximized", _maximized),
        ("utterances", _utterances),
    ):
        if name in context.inputs:
            found += make(context, spoken, context.inputs[name])
    return found


def _typical(context: Context, spoken: Spoken) -> tuple[float, float]:
    """Mean and deviation in dB, the medians over the split, for what is no utterance."""
    table = spoken.table.iloc[spoken.rows(context.config.subset)]
    return float(table.mean_db.median()), float(table.deviation_db.median())


def _patterns(context: Context, spoken: Spoken, path: Path) -> Iterator[Sound]:
    config, command = context.config.listen, context.made_by["patterns"]
    with open_artifact(path, AVERAGES, command) as file:
        classes, alignments = (json.loads(file.attrs[k]) for k in ("classes", "alignments"))
    typical = _typical(context, spoken)
    for alignment in _some("listen.align", config.align, alignments):
        at = alignments.index(alignment)
        mean = f"patterns/all-{alignment}.wav"
        levels = partial(_normaliser, path, command, at, typical)
        yield Sound("patterns", "all letters", "", alignment, mean, levels)
        for name in _some("listen.letters", config.letters, classes):
            place = classes.index(name), at
            levels = partial(_pattern, path, command, place, config.strength, typical)
            file = f"patterns/{_plain(name)}-{alignment}.wav"
            yield Sound("patterns", "pattern", name, alignment, file, levels, beside=mean)


def _some(key: str, wanted: str, known: list[str]) -> list[str]:
    names = known if wanted == "all" else [name.strip() for name in wanted.split(",")]
    for name in names:
        if name not in known:
            raise unknown(f"value of {key}", name, ("all", *known))
    return list(dict.fromkeys(names))


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_." else f"u{ord(c):04x}" for c in name)


def _pattern(
    path: Path, command: str, place: tuple[int, int], strength: float, typical: tuple[float, float]
) -> Levels | None:
    with open_artifact(path, AVERAGES, command) as file:
        arrays = [file[name][place] for name in ("pattern", "counts")]
        normaliser = file["normaliser"][place[1]]
    values = laid_over(arrays[0], normaliser, arrays[1], strength)
    return Levels(torch.from_numpy(values), *typical) if len(values) else None


def _normaliser(path: Path, command: str, at: int, typical: tuple[float, float]) -> Levels | None:
    with open_artifact(path, AVERAGES, command) as file:
        values, counts = file["normaliser"][at], file["counts"][:, at].sum(0)
    kept = np.nan_to_num(values[:, reach(counts)]).T.copy()
    return Levels(torch.from_numpy(kept), *typical) if len(kept) else None


def _maximized(context: Context, spoken: Spoken, path: Path) -> Iterator[Sound]:
    command, typical = context.made_by["maximized"], _typical(context, spoken)
    with open_maximized(path, command) as file:
        table = file.table
    for row, one in enumerate(table.itertuples()):
        name = f"maximized/{_plain(str(one.layer))}-{one.neuron}.wav"
        levels = partial(_wanted, path, command, row, typical)
        letter = one.symbol or one.chosen_for
        yield Sound("maximized", "wanted", letter, title_of(table.iloc[row]), name, levels)


def _wanted(path: Path, command: str, row: int, typical: tuple[float, float]) -> Levels:
    with open_maximized(path, command) as file:
        return Levels(torch.from_numpy(file.seen(row).T.copy()), *typical)


def _utterances(context: Context, spoken: Spoken, path: Path) -> Iterator[Sound]:
    config, command = context.config, context.made_by["utterances"]
    with open_artifact(path, RELEVANCE, command) as file:
        table = read_table(file)
    known = spoken.table.set_index("id")
    for number, one in enumerate(table.itertuples()):
        if one.id not in known.index:
            raise SpeechLRPError(
                f"{path} is of other utterances: {one.id!r} is not in {spoken.path}; make it again "
                f"with `{command} --force`"
            )
        about = known.loc[one.id]
        levels = partial(_utterance, path, command, number, about)
        share = (config.listen.share, config.listen.floor_db)
        name = f"utterances/{_plain(one.id)}"
        about_it = "utterances", one.transcript, one.id
        first = f"{name}-original.wav"
        for what, make, recording, beside in (
            ("original", levels, Path(about.path), ""),
            ("resynthesised", levels, None, first),
            ("masked", partial(_masked, levels, *share), None, first),
        ):
            yield Sound(
                about_it[0], what, *about_it[1:], f"{name}-{what}.wav",
                partial(_levels, make), recording, beside,
            )  # fmt: skip


class _Explained(NamedTuple):
    levels: Levels
    relevance: np.ndarray
    covered: np.ndarray


def _utterance(path: Path, command: str, number: int, about: pd.Series) -> _Explained:
    with open_artifact(path, RELEVANCE, command) as file:
        rows = slice(*(int(row) for row in file["offsets"][number : number + 2]))
        values, relevance, windows = _arrays(file, rows)
    levels = Levels(torch.from_numpy(values), float(about.mean_db), float(about.deviation_db))
    return _Explained(levels, relevance, windows > 0)


def _arrays(file: h5py.File, rows: slice) -> list[np.ndarray]:
    return [file[name][rows] for name in ("features", "relevance", "windows")]


def _masked(make: Callable[[], _Explained], share: float, floor_db: float) -> _Explained:
    one = make()
    values, mean, deviation = one.levels
    kept = most_relevant(one.relevance, share, one.covered[:, None])
    mask = torch.from_numpy(kept.astype(np.float64))
    quieter = masked(values, mask, mean=mean, deviation=deviation, floor_db=floor_db)
    return one._replace(levels=Levels(quieter, mean, deviation))


def _levels(make: Callable[[], _Explained]) -> Levels:
    return make().levels
