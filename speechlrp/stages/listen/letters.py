"""listen, task=letters: what was found inside a recogniser, as sound (K's future work)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from speechlrp.artifacts.hdf5 import open_artifact, read_table
from speechlrp.artifacts.maps import ALONG
from speechlrp.audio.reading import read
from speechlrp.audio.resampling import mono, resample
from speechlrp.config import SOURCES
from speechlrp.config.schema import Config
from speechlrp.data.dataset import Spoken, dataset
from speechlrp.data.network import Recogniser, network
from speechlrp.errors import SpeechLRPError
from speechlrp.letters.decoding import greedy
from speechlrp.letters.error_rates import count_errors
from speechlrp.pipeline.places import UTTERANCES, Artifact, explanation, weights, weights_name
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.stages.listen.inverted import Unit, maximised, patterns, plain_name
from speechlrp.stages.listen.making import WHOLE, Sound, listen, sides
from speechlrp.stages.maximize.stage import maximized
from speechlrp.stages.navai.stage import navai_facts


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
    spoken, config = recogniser.dataset, context.config.listen
    settings = spoken.feature_settings
    with open_artifact(context.inputs["utterances"], ALONG, context.made_by["utterances"]) as file:
        rows = slice(*(int(row) for row in file["offsets"][number : number + 2]))
        relevance, windows = (file[name][rows].T for name in ("relevance", "windows"))
    axes = spoken.frequency, spoken.clock.seconds(np.arange(len(windows)))
    samples, rate = read(one.path)
    wave = resample(mono(samples, settings.channel), rate, settings.rate, settings.lowpass_width)
    name, sounds = f"utterances/{plain_name(one.id)}", []
    for what, sound in sides(wave, settings.rate, relevance, axes, config, windows > 0):
        said, wrong = "", np.nan
        if sound is not None:
            said = _said(recogniser, sound)
            wrong = count_errors([one.transcript], [said]).letter_error_rate
        beside = "" if what == WHOLE else f"{name}-{WHOLE}.wav"
        about = ("utterances", what, one.transcript, one.id, sound, settings.rate, beside)
        sounds.append(Sound(f"{name}-{what}.wav", *about, heard=said, score=wrong))
    return sounds


def _said(recogniser: Recogniser, wave: torch.Tensor) -> str:
    """What the recogniser writes of a sound."""
    anything = {"min_s": 0.0, "longest_s": None, "min_peak": 0.0}
    settings = replace(recogniser.dataset.feature_settings, **anything)
    with torch.inference_mode():
        values = settings.transform(wave).values.numpy()
    (decoded,) = greedy(recogniser.scores(recogniser.scaled(values.T.copy())[None]))
    return decoded.text


def _inputs(config: Config) -> dict:
    sources = {
        "patterns": Artifact("navai", "averages.h5", navai_facts(config)),
        "maximized": maximized(config),
        "utterances": explanation(config, "utterances.h5"),
    }
    wanted = SOURCES if config.listen.source == "all" else (config.listen.source,)
    chosen = {name: sources[name] for name in wanted}
    return {"features": UTTERANCES, **weights(config), **chosen}


def _facts(config: Config) -> dict[str, str]:
    source = "" if config.listen.source == "all" else config.listen.source
    return {"weights": weights_name(config), "subset": config.subset, "source": source}


STAGE = Stage(
    name="listen", facts=_facts, keys=("subset", "seed", "listen"), inputs=_inputs, work=work
)
