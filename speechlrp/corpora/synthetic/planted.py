"""Corpora whose label is carried by something known and nothing else.

So it is known where relevance should be. ``planted_tone``: spoken digits with a tone burst
at a random time; the label is the tone's band. ``planted_f0``: vowels whose harmonics below
500 Hz have a fundamental of the class, and above that noise with the same formants in both;
the label is the fundamental. See `cues` for how a recording is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from speechlrp.corpora.synthetic import cues
from speechlrp.corpora.synthetic.layouts import Utterance
from speechlrp.corpora.synthetic.render import Rendered, render
from speechlrp.corpora.synthetic.run import SynthesisSummary
from speechlrp.corpora.synthetic.speakers import Speaker, cast
from speechlrp.corpora.synthetic.store import Store, table, write
from speechlrp.corpora.synthetic.text import DIGITS
from speechlrp.errors import SpeechLRPError, unknown

KINDS = ("planted_tone", "planted_f0")
CLASSES = ("low", "high")
TABLE = "planted.csv"
COLUMNS = (
    *("id", "path", "speaker", "digit", "cue", "shuffled", "cue_hz", "seconds"),
    *("true_start_s", "true_end_s", "true_low_hz", "true_high_hz"),
)
"""Of the table beside the recordings; times in s of the file."""
_BLOCK = 50
_EDITION = 1
_FULL = 32_767


@dataclass(frozen=True)
class Plant:
    """One recording to be made: its place, its label, and a label drawn without reason."""

    utterance: Utterance
    speaker: Speaker
    cue: str
    shuffled: str
    seed: tuple[int, ...]


def plant(
    root: Path,
    kind: str,
    *,
    speakers: int,
    per_speaker: int,
    seed: int = 0,
    workers: int = 1,
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> SynthesisSummary:
    """Make a corpus with a planted cue, and `TABLE` beside it with where the cue lies.

    Half of every speaker's recordings have each label. The column ``shuffled`` holds the
    same labels dealt anew: what a network learns of them is by heart, and where it then
    sees relevance is chance. A rerun keeps what is there and goes on after a kill.

    Args:
        root: an empty or new folder.
        kind: of `KINDS`.
        speakers: how many voices.
        per_speaker: recordings of each.
        seed: of all that is drawn.
        workers: processes.
        force: replace a corpus made with other settings.
        progress: called with the number of recordings done and of all.

    Raises:
        SpeechLRPError: no such kind, a number out of its range, or the folder holds
            something else.
    """
    if kind not in KINDS:
        raise unknown("planted corpus", kind, KINDS)
    if per_speaker < 2 or workers < 1 or seed < 0:
        raise SpeechLRPError(
            f"per_speaker is {per_speaker}, workers {workers}, seed {seed}; they must be at "
            "least 2, 1 and 0"
        )
    store = Store(root)
    people = cast(speakers, seed=seed)
    plan = [one for speaker in people for one in _plan(speaker, per_speaker, seed)]
    settings = {
        "kind": kind, "speakers": speakers, "per_speaker": per_speaker, "seed": seed,
        "edition": _EDITION, "speech": background_of(kind),
    }  # fmt: skip
    try:
        store.begin(settings, [*(one.utterance.path for one in plan), TABLE], force=force)
        entries, written = _make(store, kind, plan, workers, progress)
        rows = ([entry[name] for name in COLUMNS] for entry in entries)
        write(store.root / TABLE, table(COLUMNS, rows))
    except OSError as error:
        raise SpeechLRPError(f"cannot synthesise into {root}: {error}") from error
    total = sum(entry["seconds"] for entry in entries)
    where = store.root / TABLE
    return SynthesisSummary(store.root, kind, speakers, len(plan), written, total, where, where)


def background_of(kind: str) -> str:
    """What the cue is hidden in: vowels, eSpeak NG's digits, or noise where that is missing."""
    if kind == "planted_f0":
        return "vowels"
    return "espeak" if find_spec("espeakng_loader") else "noise"


def _plan(speaker: Speaker, count: int, seed: int) -> Iterator[Plant]:
    rng = np.random.default_rng([seed, 11, speaker.number])
    labels = [CLASSES[k % 2] for k in range(count)]
    dealt, again = rng.permutation(labels), rng.permutation(labels)
    for k in range(count):
        key = f"{speaker.number:03d}/{k:04d}"
        utterance = Utterance(key, f"wav/{key}.wav", speaker.number - 1, DIGITS[k % 10], k)
        own = (seed, 12, speaker.number, k)
        yield Plant(utterance, speaker, str(dealt[k]), str(again[k]), own)


def recording(kind: str, one: Plant) -> tuple[np.ndarray, cues.Cue]:
    """A recording ``[N]`` (full scale 1) and its cue; the cue alone depends on the label."""
    background, hidden = (np.random.default_rng([*one.seed, k]) for k in (0, 1))
    if kind == "planted_tone":
        return _over(_digit(one, background), cues.tone(one.cue, hidden), one, background)
    tracks, voiced = cues.formants(one.speaker.tract, background), cues.span(background)
    cue = cues.harmonics(one.cue, tracks, voiced, hidden)
    return _over(cues.whisper(tracks, voiced, background), cue, one, background)


def _over(
    background: np.ndarray, cue: cues.Cue, one: Plant, rng: np.random.Generator
) -> tuple[np.ndarray, cues.Cue]:
    """The background at the speaker's level with the room's noise, and the cue in it."""
    wave = 10 ** (min(one.speaker.level, -8.0) / 20) * background / np.abs(background).max()
    room = 10 ** ((one.speaker.noise + one.speaker.level) / 20)
    return cues.planted(wave + room * rng.standard_normal(len(wave)), cue), cue


def _digit(one: Plant, rng: np.random.Generator) -> np.ndarray:
    """A spoken digit somewhere in silence ``[N]``; where eSpeak NG is missing, noise."""
    count = round(cues.SECONDS * cues.RATE)
    if background_of("planted_tone") == "noise":
        return cues.whisper(cues.formants(one.speaker.tract, rng), cues.span(rng), rng)
    said = render(one.speaker, one.utterance.text, cues.RATE, list(one.seed), cues.SECONDS)
    wave = said.samples[:count] / _FULL
    before = int(rng.integers(0, count - len(wave) + 1))
    return np.pad(wave, (before, count - len(wave) - before))


def _make(store: Store, kind: str, plan: list[Plant], workers: int, progress) -> tuple[list, int]:
    """Make what is not there yet; the entries in the plan's order, and how many are new."""
    blocks = {k: plan[k : k + _BLOCK] for k in range(0, len(plan), _BLOCK)}
    entries = {k: found for k in blocks if (found := store.done(k)) is not None}
    missing = [k for k in blocks if k not in entries]
    done = len(plan) - sum(len(blocks[k]) for k in missing)
    written = len(plan) - done
    tasks = (delayed(_block)(k, store.root, kind, blocks[k]) for k in missing)
    for block, made in Parallel(n_jobs=workers, return_as="generator_unordered")(tasks):
        entries[block] = made
        done += len(made)
        if progress:
            progress(done, len(plan))
    return [entry for k in blocks for entry in entries[k]], written


def _block(block: int, root: Path, kind: str, plants: list[Plant]) -> tuple[int, list[dict]]:
    store, entries = Store(root), []
    for one in plants:
        wave, cue = recording(kind, one)
        samples = np.clip(np.round(wave * _FULL), -_FULL - 1, _FULL).astype(np.int16)
        saved = store.save(one.utterance, Rendered(samples, cues.RATE, (), ()))
        truth = {
            "true_start_s": cue.start_s, "true_end_s": cue.end_s,
            "true_low_hz": cue.low_hz, "true_high_hz": cue.high_hz,
        }  # fmt: skip
        about = {"speaker": f"{one.speaker.number:03d}", "cue": one.cue, "shuffled": one.shuffled}
        digit = str(one.utterance.index % 10) if kind == "planted_tone" else ""
        entries.append(saved | truth | about | {"digit": digit, "cue_hz": cue.hz})
    store.finish(block, entries)
    return block, entries
