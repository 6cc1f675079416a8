"""What listen turns to sound that never was one: patterns, and maximised inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from speechlrp.artifacts.hdf5 import open_artifact
from speechlrp.artifacts.layout import attribute
from speechlrp.artifacts.maps import AVERAGES
from speechlrp.artifacts.maximized import open_maximized
from speechlrp.audio.inversion import distance_db, to_wave
from speechlrp.data.dataset import Spoken
from speechlrp.errors import unknown
from speechlrp.navai.sound import laid_over, reach
from speechlrp.pipeline.stage import Context
from speechlrp.stages.listen.making import Sound
from speechlrp.stages.maximize.stage import title_of

Unit = Callable[[], list[Sound]]


class Levels(NamedTuple):
    """A spectrogram to be turned to sound: values `[T, F]`, and what makes them dB."""

    values: torch.Tensor
    mean: float
    deviation: float


def _resynthesised(
    context: Context, spoken: Spoken, sound: Sound, make: Callable[[], Levels | None]
) -> list[Sound]:
    """A spectrogram as sound, with phases made up, and how far its own is from what was asked."""
    levels = make()
    if levels is None:
        return [sound]
    settings, config = spoken.feature_settings, context.config
    level = {"mean": levels.mean, "deviation": levels.deviation}
    rounds = config.listen.iterations
    wave = to_wave(levels.values, settings, seed=config.seed, iterations=rounds, **level)
    away = distance_db(wave, levels.values, settings, **level)
    return [replace(sound, wave=wave, distance_db=away)]


def _typical(context: Context, spoken: Spoken) -> tuple[float, float]:
    """Mean and deviation in dB, the medians over the split, for what is no utterance."""
    table = spoken.table.iloc[spoken.rows(context.config.subset)]
    return float(table.mean_db.median()), float(table.deviation_db.median())


def patterns(context: Context, spoken: Spoken, path: Path) -> Iterator[Unit]:
    """What makes the sound of every pattern, each alignment's mean first."""
    config, command = context.config.listen, context.made_by["patterns"]
    with open_artifact(path, AVERAGES, command) as file:
        classes, alignments = (attribute(file, name, list) for name in AVERAGES.attributes)
    typical, rate = _typical(context, spoken), spoken.feature_settings.rate
    for alignment in _some("listen.align", config.align, alignments):
        at = alignments.index(alignment)
        mean = f"patterns/all-{alignment}.wav"
        sound = Sound(mean, "patterns", "all letters", "", alignment, None, rate)
        levels = partial(_normaliser, path, command, at, typical)
        yield partial(_resynthesised, context, spoken, sound, levels)
        for name in _some("listen.letters", config.letters, classes):
            place = classes.index(name), at
            levels = partial(_pattern, path, command, place, config.strength, typical)
            file = f"patterns/{plain_name(name)}-{alignment}.wav"
            sound = Sound(file, "patterns", "pattern", name, alignment, None, rate, mean)
            yield partial(_resynthesised, context, spoken, sound, levels)


def _some(key: str, wanted: str, known: list[str]) -> list[str]:
    names = known if wanted == "all" else [name.strip() for name in wanted.split(",")]
    for name in names:
        if name not in known:
            raise unknown(f"value of {key}", name, ("all", *known))
    return list(dict.fromkeys(names))


def plain_name(name: str) -> str:
    """A name that is safe in a file's."""
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


def maximised(context: Context, spoken: Spoken, path: Path) -> Iterator[Unit]:
    """What makes the sound of every maximised input."""
    command, typical = context.made_by["maximized"], _typical(context, spoken)
    with open_maximized(path, command) as file:
        table = file.table
    for row, one in enumerate(table.itertuples()):
        name = f"maximized/{plain_name(str(one.layer))}-{one.neuron}.wav"
        levels = partial(_wanted, path, command, row, typical)
        letter = one.symbol or one.chosen_for
        rate, title = spoken.feature_settings.rate, title_of(table.iloc[row])
        sound = Sound(name, "maximized", "wanted", letter, title, None, rate)
        yield partial(_resynthesised, context, spoken, sound, levels)


def _wanted(path: Path, command: str, row: int, typical: tuple[float, float]) -> Levels:
    with open_maximized(path, command) as file:
        return Levels(torch.from_numpy(file.seen(row).T.copy()), *typical)
