"""listen, task=letters: what was found inside a recogniser, as sound (K's future work)."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from speechlrp.artifacts.hdf5 import open_artifact, read_table
from speechlrp.artifacts.layout import attribute
from speechlrp.artifacts.maps import ALONG, AVERAGES
from speechlrp.artifacts.maximized import open_maximized
from speechlrp.audio.inversion import distance_db, to_wave
from speechlrp.audio.reading import read
from speechlrp.audio.resampling import mono, resample
from speechlrp.config import SOURCES
from speechlrp.config.names import names_in
from speechlrp.config.schema import Config
from speechlrp.data.dataset import Spoken, dataset
from speechlrp.data.network import Recogniser, network
from speechlrp.errors import SpeechLRPError, about
from speechlrp.letters.decoding import greedy
from speechlrp.letters.error_rates import count_errors
from speechlrp.navai.pattern import laid_over, reach
from speechlrp.pipeline.places import (
    UTTERANCES,
    Artifact,
    explanation,
    network_facts,
    weights,
)
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.stages.listen.making import WHOLE, Sound, listen, sides
from speechlrp.stages.maximize.verb import maximized, title_of
from speechlrp.stages.navai.verb import navai_facts

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
    for alignment in names_in(config.align, alignments, "value of listen.align"):
        at = alignments.index(alignment)
        mean = f"patterns/all-{alignment}.wav"
        sound = Sound(mean, "patterns", "all letters", "", alignment, None, rate)
        levels = partial(_normaliser, path, command, at, typical)
        yield partial(_resynthesised, context, spoken, sound, levels)
        for name in names_in(config.letters, classes, "value of listen.letters"):
            place = classes.index(name), at
            levels = partial(_pattern, path, command, place, config.strength, typical)
            file = f"patterns/{plain_name(name)}-{alignment}.wav"
            sound = Sound(file, "patterns", "pattern", name, alignment, None, rate, mean)
            yield partial(_resynthesised, context, spoken, sound, levels)


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


def work(context: Context) -> None:
    """Write WAV files, `sounds.csv` and `index.html`."""
    spoken = dataset(context)
    made: list[Unit] = []
    makers = {"patterns": patterns, "maximized": maximised, "utterances": utterances}
    for name in (name for name in makers if name in context.inputs):
        made += makers[name](context, spoken, context.inputs[name])
    index = listen(context, made)
    heard = index[index.file != ""]
    near = heard.groupby("what", sort=False).distance_db.median().dropna()
    parts = [f"{name} {away:.1f} dB from what was asked for" for name, away in near.items()]
    wrong = heard.groupby("what", sort=False).score.median().dropna()
    parts += [f"{name} {share:.0%} of the letters wrong" for name, share in wrong.items()]
    context.say(f"{len(heard)} sounds (medians: {', '.join(parts)}); open index.html")


def utterances(context: Context, spoken: Spoken, path: Path) -> Iterator[Unit]:
    """What makes the sounds of every explained utterance."""
    command = context.made_by["utterances"]
    with open_artifact(path, ALONG, command) as file:
        table = read_table(file)
    known, recogniser = spoken.table.set_index("id", drop=False), network(context, spoken)
    for number, name in enumerate(table.id):
        if name not in known.index:
            raise SpeechLRPError(
                f"{path} is of other utterances: {name!r} is not in {spoken.path}; make it again "
                f"with `{command} --force`"
            )
        yield partial(_heard, context, recogniser, number, known.loc[name])


def _heard(context: Context, recogniser: Recogniser, number: int, one: pd.Series) -> list[Sound]:
    """An utterance whole, with only what speaks for its letters, and only against."""
    spoken = recogniser.dataset
    settings = spoken.feature_settings
    with open_artifact(context.inputs["utterances"], ALONG, context.made_by["utterances"]) as file:
        rows = slice(*(int(row) for row in file["offsets"][number : number + 2]))
        relevance, windows = (file[name][rows].T for name in ("relevance", "windows"))
    axes = spoken.frequency, spoken.clock.seconds(np.arange(len(windows)))
    with about(one.path):
        samples, rate = read(one.path)
    wave = resample(mono(samples, settings.channel), rate, settings.rate, settings.lowpass_width)
    whole = Sound(
        plain_name(one.id), "utterances", WHOLE, one.transcript, one.id, wave, settings.rate
    )
    said = partial(_said, recogniser, one.transcript)
    return sides(whole, relevance, axes, context.config.listen, said, windows > 0)


def _said(recogniser: Recogniser, transcript: str, wave: torch.Tensor) -> tuple[str, float]:
    """What the recogniser writes of a sound, and the share of letters that are wrong."""
    anything = {"min_s": 0.0, "longest_s": None, "min_peak": 0.0}
    settings = replace(recogniser.dataset.feature_settings, **anything)
    with torch.inference_mode():
        values = settings.transform(wave).values.numpy()
    (decoded,) = greedy(recogniser.scores(recogniser.scaled(values.T.copy())[None]))
    return decoded.text, count_errors([transcript], [decoded.text]).letter_error_rate


def _inputs(config: Config) -> dict:
    sources = {
        "patterns": Artifact("navai", "averages.h5", navai_facts(config)),
        "maximized": maximized(config),
        "utterances": explanation(config, "utterances.h5"),
    }
    wanted = SOURCES if config.listen.source == "all" else (config.listen.source,)
    chosen = {name: sources[name] for name in wanted}
    return {"features": UTTERANCES, **weights(config), **chosen}


STAGE = Stage(
    name="listen",
    facts=lambda config: network_facts(
        config, source="" if config.listen.source == "all" else config.listen.source
    ),
    keys=("subset", "seed", "listen"),
    inputs=_inputs,
    work=work,
)
