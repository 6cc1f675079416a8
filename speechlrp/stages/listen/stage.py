"""listen, task=letters: what was found inside a recogniser, back to sound (K's future work)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import torch

from speechlrp.artifacts.atomic import write_bytes, write_csv, write_text
from speechlrp.artifacts.shards import Shards
from speechlrp.audio.inversion import distance_db, to_wave
from speechlrp.audio.log_mel import LogMelSettings
from speechlrp.audio.reading import read
from speechlrp.audio.resampling import mono, resample
from speechlrp.audio.writing import encode_wav
from speechlrp.config import SOURCES
from speechlrp.config.schema import Config
from speechlrp.data.dataset import Spoken, dataset
from speechlrp.pipeline.places import UTTERANCES, Artifact, explanation, weights_name
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.listen import listening
from speechlrp.report.page import Page, render
from speechlrp.stages.listen.sources import Levels, Sound, sounds
from speechlrp.stages.maximize.stage import maximized
from speechlrp.stages.navai.stage import navai_facts

INDEX = "sounds.csv"


def work(context: Context) -> None:
    """Write WAV files, `sounds.csv` and `index.html`."""
    config = context.config
    spoken = dataset(context)
    wanted = sounds(context, spoken)
    shards = Shards(context.units(), len(wanted))
    missing = shards.missing()
    for number in progress(missing, "listen", len(missing)):
        row = _made(context, spoken, wanted[number])
        shards.put(number, {}, pd.DataFrame([row]))
    index = shards.table()
    write_csv(context.folder / INDEX, index)
    shards.remove()
    title = f"Listen: {weights_name(config)} on {config.subset}"
    page = Page(title, config.run, sections=listening(index, asdict(config.listen)))
    write_text(context.folder / "index.html", render(page))
    _say(context, index)


def _made(context: Context, spoken: Spoken, sound: Sound) -> dict[str, Any]:
    """Make one sound, and its row of the index."""
    settings = spoken.feature_settings
    levels = sound.levels()
    row = {
        "file": sound.file, "source": sound.source, "what": sound.what, "letter": sound.letter,
        "place": sound.place, "beside": sound.beside, "seconds": 0.0, "distance_db": np.nan,
    }  # fmt: skip
    if levels is None:
        return row | {"file": ""}
    wave = _wave(context, sound, levels, settings)
    write_bytes(context.folder / sound.file, encode_wav(wave, settings.rate))
    away = distance_db(wave, levels.values, settings, mean=levels.mean, deviation=levels.deviation)
    return row | {"seconds": len(wave) / settings.rate, "distance_db": away}


def _wave(context: Context, sound: Sound, levels: Levels, settings: LogMelSettings) -> torch.Tensor:
    config = context.config.listen
    if sound.recording is None:
        return to_wave(
            levels.values,
            settings,
            mean=levels.mean,
            deviation=levels.deviation,
            iterations=config.iterations,
            peak=config.peak,
            seed=context.config.seed,
        )
    samples, rate = read(sound.recording)
    wave = resample(mono(samples, settings.channel), rate, settings.rate, settings.lowpass_width)
    return wave * (config.peak / wave.abs().max())


def _say(context: Context, index: pd.DataFrame) -> None:
    made = index[index.file != ""]
    context.note("sounds", len(made))
    context.note("without_frames", len(index) - len(made))
    parts = [
        f"{len(part)} {name} ({part.distance_db.median():.1f} dB)"
        for name, part in made.groupby("what", sort=False)
    ]
    context.say(
        f"{len(made)} sounds, with the median distance between their own spectrogram and the one "
        f"asked for: {', '.join(parts)}; open {INDEX.replace('sounds.csv', 'index.html')}"
    )


def _inputs(config: Config) -> dict[str, Artifact]:
    sources = {
        "patterns": Artifact("navai", "averages.h5", navai_facts(config)),
        "maximized": maximized(config),
        "utterances": explanation(config, "utterances.h5"),
    }
    wanted = SOURCES if config.listen.source == "all" else (config.listen.source,)
    return {"features": UTTERANCES, **{name: sources[name] for name in wanted}}


def _facts(config: Config) -> dict[str, str]:
    source = "" if config.listen.source == "all" else config.listen.source
    return {"weights": weights_name(config), "subset": config.subset, "source": source}


STAGE = Stage(
    name="listen", facts=_facts, keys=("subset", "seed", "listen"), inputs=_inputs, work=work
)
