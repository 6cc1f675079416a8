"""What every listen does: sounds are made unit by unit, written, and put into an index."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from speechlrp.artifacts.atomic import write_bytes, write_csv, write_text
from speechlrp.artifacts.shards import Shards
from speechlrp.audio.regions import encode_wav, with_gains
from speechlrp.config.sections import Listen
from speechlrp.explainers.masks import most_relevant
from speechlrp.pipeline.places import weights_name
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context
from speechlrp.report.listen import listening
from speechlrp.report.page import Page, render

INDEX = "sounds.csv"
WHOLE, FOR, AGAINST = "whole", "for", "against"


@dataclass(frozen=True)
class Sound:
    """A sound, and its row of the index."""

    file: str  # its name below the stage's folder
    source: str  # patterns, maximized, utterances or recordings
    what: str  # pattern, all letters, wanted; or whole, for, against
    letter: str  # the class, or what was said
    place: str  # the alignment, the neuron, the utterance or the recording
    wave: Tensor | None  # `[N]`; None where there is none
    rate: int  # samples a second
    beside: str = ""  # the name of the sound it is to be compared with
    distance_db: float = np.nan  # of its own spectrogram from the one asked for
    heard: str = ""  # what the network says of it
    score: float = np.nan  # probability of the class explained, or share of letters that are wrong


def listen(context: Context, units: Sequence[Callable[[], list[Sound]]]) -> pd.DataFrame:
    """Make the sounds of every unit; write WAV files, `index.html` and the index, `sounds.csv`."""
    config = context.config
    shards = Shards(context.units(), len(units))
    missing = shards.missing()
    for number in progress(missing, "listen", len(missing)):
        rows = [_written(context, sound) for sound in units[number]()]
        shards.put(number, {}, pd.DataFrame(rows))
    index = shards.table()
    write_csv(context.folder / INDEX, index)
    shards.remove()
    title = f"Listen: {weights_name(config)} on {config.subset}"
    page = Page(title, config.run, sections=listening(index, asdict(config.listen)))
    write_text(context.folder / "index.html", render(page))
    context.note("sounds", int((index.file != "").sum()))
    context.note("without_sound", int((index.file == "").sum()))
    return index


def _written(context: Context, sound: Sound) -> dict[str, object]:
    """Write a sound, at the common peak, and say what stands in the index."""
    row = {name: value for name, value in vars(sound).items() if name not in ("wave", "rate")}
    if sound.wave is None:
        return row | {"file": "", "seconds": 0.0}
    wave = sound.wave * (context.config.listen.peak / sound.wave.abs().max())
    write_bytes(context.folder / sound.file, encode_wav(wave, sound.rate))
    return row | {"seconds": len(wave) / sound.rate}


def sides(
    whole: Sound,
    relevance: np.ndarray,
    axes: tuple[np.ndarray, np.ndarray],
    settings: Listen,
    said: Callable[[Tensor], tuple[str, float]],
    among: np.ndarray | None = None,
) -> list[Sound]:
    """A recording whole, with only what speaks for a decision, and with only what speaks against.

    The share of bins that speak most keep their level, all others are turned down to the
    floor, and phases stay the recording's own. A side of which no bin speaks has no wave.

    Args:
        whole: the recording; its file is the name that all three begin with.
        relevance: `[F, T]`.
        axes: of the relevance: Hz `[F]`, and s from the wave's first sample `[T]`.
        settings: `share` and `floor_db`.
        said: what the network says of a wave, and the score of that.
        among: bool, broadcast against the relevance: the bins that count; None: all.
    """
    waves: dict[str, Any] = {WHOLE: whole.wave}
    for name, sign in ((FOR, 1), (AGAINST, -1)):
        kept = most_relevant(sign * relevance, settings.share, among)
        gains = np.where(kept, 1.0, 10 ** (settings.floor_db / 20))
        waves[name] = with_gains(waves[WHOLE], whole.rate, gains, *axes) if kept.any() else None
    sounds, start = [], f"{whole.source}/{whole.file}"
    for what, wave in waves.items():
        heard, score = said(wave) if wave is not None else ("", np.nan)
        beside = "" if what == WHOLE else f"{start}-{WHOLE}.wav"
        facts: dict[str, Any] = {"wave": wave, "beside": beside, "heard": heard, "score": score}
        sounds.append(replace(whole, file=f"{start}-{what}.wav", what=what, **facts))
    return sounds
