"""A recording with a cue hidden in it: what it is hidden in, and the cue."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from speechlrp.audio.reading import read
from speechlrp.audio.resampling import mono, resample
from speechlrp.corpora.synthetic import cues
from speechlrp.corpora.synthetic.espeak import Span
from speechlrp.corpora.synthetic.layouts import Utterance
from speechlrp.corpora.synthetic.phrases import DIGITS
from speechlrp.corpora.synthetic.render import render
from speechlrp.corpora.synthetic.speakers import Speaker
from speechlrp.errors import SpeechLRPError, about

TONES = {
    "planted_tone": (cues.BANDS,),
    "planted_pair": (cues.BANDS, cues.OTHER_BANDS),
    "planted_four": (cues.FOUR_BANDS,),
}
"""What is mixed into what is there -> class -> band, of each of its tones."""
KINDS = (*TONES, "planted_f0", "planted_formant", "planted_word")
WORDS = {"low": "left", "high": "right"}
"""Class -> the word that is said."""
FULL = 32_767


@dataclass(frozen=True)
class Plant:
    """One recording to be made: its place, its label, and a label drawn without reason."""

    utterance: Utterance  # its place, and the digit that is said
    source: Speaker | Path  # who says it; or a recording of one's own that the cue is planted into
    speaker: str  # a name for who says it
    cue: str  # its label
    shuffled: str  # the other
    seed: tuple[int, ...]  # of all that is drawn for it


def background_of(kind: str) -> str:
    """What the cue is hidden in: vowels, eSpeak NG's speech, or noise where that is missing."""
    if kind in ("planted_f0", "planted_formant"):
        return "vowels"
    return "espeak" if find_spec("espeakng_loader") else "noise"


def recording(kind: str, one: Plant) -> tuple[np.ndarray, list[cues.Cue]]:
    """A recording ``[N]`` (full scale 1) and its cues; they alone depend on the label."""
    background, hidden = (np.random.default_rng([*one.seed, k]) for k in (0, 1))
    if isinstance(one.source, Path):
        return _hidden(_piece(one.source, background), _tones(kind, one.cue, hidden))
    voice = one.source
    if kind in TONES:
        wave, planted = _digit(voice, one, background), _tones(kind, one.cue, hidden)
    elif kind == "planted_word":
        wave, word = _words(voice, one, background)
        return _in_a_room(wave, voice, background), [word]
    elif kind == "planted_formant":
        wave, cue = cues.second_formant(one.cue, cues.span(background), background)
        planted = [cue]
    else:
        tracks, voiced = cues.formants(voice.tract, background), cues.span(background)
        planted = [cues.harmonics(one.cue, tracks, voiced, hidden)]
        wave = cues.whisper(tracks, voiced, background)
    return _hidden(_in_a_room(wave, voice, background), planted)


def _tones(kind: str, label: str, rng: np.random.Generator) -> list[cues.Cue]:
    return [cues.tone(bands[label], rng) for bands in TONES[kind]]


def _hidden(background: np.ndarray, planted: list[cues.Cue]) -> tuple[np.ndarray, list[cues.Cue]]:
    """A background with the cues in it, each as loud as if it were alone."""
    return background + sum(cues.planted(background, cue) - background for cue in planted), planted


def _in_a_room(wave: np.ndarray, voice: Speaker, rng: np.random.Generator) -> np.ndarray:
    """What is said at the speaker's level, with the room's noise."""
    said = 10 ** (min(voice.level, -8.0) / 20) * wave / np.abs(wave).max()
    return said + 10 ** ((voice.noise + voice.level) / 20) * rng.standard_normal(len(said))


def _piece(path: Path, rng: np.random.Generator) -> np.ndarray:
    """A piece of a recording of one's own, somewhere in silence where it is short ``[N]``."""
    with about(path):
        wave, rate = read(path)
    samples = resample(mono(wave), rate, cues.RATE).numpy().astype(float)
    count = round(cues.SECONDS * cues.RATE)
    start = int(rng.integers(0, max(len(samples) - count, 0) + 1))
    samples = samples[start : start + count]
    before = int(rng.integers(0, count - len(samples) + 1))
    loudest = float(np.abs(samples).max(initial=0))
    if not loudest:
        raise SpeechLRPError(f"{path} is silent, so that nothing is hidden in it; leave it out")
    return np.pad(samples, (before, count - len(samples) - before)) * min(1.0, 0.5 / loudest)


def _words(voice: Speaker, one: Plant, rng: np.random.Generator) -> tuple[np.ndarray, cues.Cue]:
    """Three words in a random order, one of them the label's, and where that is said."""
    words, place = [DIGITS[k] for k in rng.permutation(len(DIGITS))[:2]], int(rng.integers(3))
    words.insert(place, WORDS[one.cue])
    wave, before, spans = _said(voice, " ".join(words), one, rng)
    word = next(span for span in spans if span.name == WORDS[one.cue])
    start, end = (before / cues.RATE + at for at in (word.start, word.end))
    return wave, cues.Cue(np.zeros(0), start, min(end, cues.SECONDS), 0.0, cues.RATE / 2, 0.0)


def _digit(voice: Speaker, one: Plant, rng: np.random.Generator) -> np.ndarray:
    """A spoken digit somewhere in silence ``[N]``; where eSpeak NG is missing, noise."""
    if background_of("planted_tone") == "noise":
        return cues.whisper(cues.formants(voice.tract, rng), cues.span(rng), rng)
    return _said(voice, one.utterance.text, one, rng)[0]


def _said(
    voice: Speaker, text: str, one: Plant, rng: np.random.Generator
) -> tuple[np.ndarray, int, Sequence[Span]]:
    """A text somewhere in silence ``[N]``, where it begins, and its words' times in itself."""
    count = round(cues.SECONDS * cues.RATE)
    said = render(voice, text, cues.RATE, list(one.seed), cues.SECONDS)
    wave = said.samples[:count] / FULL
    before = int(rng.integers(0, count - len(wave) + 1))
    return np.pad(wave, (before, count - len(wave) - before)), before, said.words
