"""Corpora whose label is carried by something known and nothing else.

So it is known where relevance should be. See `cues` for how a recording is made. The label is

- ``planted_tone``: the band of a tone burst at a random time in a spoken digit;
- ``planted_pair``: the bands of two such bursts, either of which is enough;
- ``planted_four``: the band of one burst, of four;
- ``planted_f0``: the fundamental of the harmonics below 500 Hz of a vowel, which above that is
  noise with the same formants in both classes;
- ``planted_formant``: the place of one formant of whispered vowels;
- ``planted_word``: one of the three words that are said.

Tones can also be planted into recordings of one's own.
"""

import hashlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from speechlrp.corpora.manifest import manifest as listed_in
from speechlrp.corpora.synthetic import espeak
from speechlrp.corpora.synthetic.cues import BANDS, RATE
from speechlrp.corpora.synthetic.hiding import (
    FULL,
    KINDS,
    TONES,
    Plant,
    background_of,
    recording,
)
from speechlrp.corpora.synthetic.layouts import Utterance
from speechlrp.corpora.synthetic.phrases import DIGITS
from speechlrp.corpora.synthetic.render import Rendered
from speechlrp.corpora.synthetic.speakers import Speaker, cast
from speechlrp.corpora.synthetic.store import Progress, Store, table, write
from speechlrp.corpora.synthetic.synthesis import SynthesisSummary
from speechlrp.errors import SpeechLRPError, unknown

TABLE = "planted.csv"
COLUMNS = (
    *("id", "path", "speaker", "digit", "cue", "shuffled", "cue_hz", "seconds"),
    *("true_start_s", "true_end_s", "true_low_hz", "true_high_hz"),
)
"""Of the table beside the recordings; times in s of the file."""
SECOND = ("also_start_s", "also_end_s", "also_low_hz", "also_high_hz")
"""And of ``planted_pair``, where its other cue is."""
_EDITION = 1


def plant(
    root: Path,
    kind: str,
    *,
    speakers: int = 0,
    per_speaker: int = 0,
    manifest: Path | None = None,
    seed: int = 0,
    workers: int = 1,
    force: bool = False,
    progress: Progress | None = None,
) -> SynthesisSummary:
    """Make a corpus with a planted cue, and `TABLE` beside it with where the cue lies.

    As many of every speaker's recordings have each label. The column ``shuffled`` holds the
    same labels dealt anew: what a network learns of them is by heart, and where it then
    sees relevance is chance. A rerun keeps what is there and goes on after a kill.

    Args:
        root: an empty or new folder.
        kind: of `KINDS`.
        speakers: how many voices.
        per_speaker: recordings of each.
        manifest: in place of voices, a list of one's own recordings: a piece of each, as long
            as those that are synthesised, gets the cue.
        seed: of all that is drawn.
        workers: processes.
        force: replace a corpus made with other settings.
        progress: called with the number of recordings done and of all.

    Raises:
        SpeechLRPError: no such kind, or none that can be planted into recordings; a number out
            of its range; the folder holds something else; a list or a recording that cannot
            be read.
    """
    if kind not in KINDS:
        raise unknown("planted corpus", kind, KINDS)
    if kind == "planted_word":
        espeak.find_library()
    least = 2 if manifest is None else 0
    if per_speaker < least or workers < 1 or seed < 0:
        raise SpeechLRPError(
            f"per_speaker is {per_speaker}, workers {workers}, seed {seed}; they must be at "
            "least 2, 1 and 0"
        )
    store, classes = Store(root), [*(TONES[kind][0] if kind in TONES else BANDS)]
    settings: dict[str, Any] = {"kind": kind, "seed": seed, "edition": _EDITION}
    if manifest is None:
        plan = [
            one
            for voice in cast(speakers, seed=seed)
            for one in _plan(voice, per_speaker, classes, seed)
        ]
        settings |= {"speakers": speakers, "per_speaker": per_speaker}
        settings |= {"speech": background_of(kind)}
    else:
        plan = _own_plan(kind, manifest, classes, seed)
        listed = hashlib.sha256(manifest.read_bytes()).hexdigest()
        settings |= {"manifest": str(manifest.resolve()), "listed": listed}
    store.begin(settings, [*(one.utterance.path for one in plan), TABLE], force=force)
    entries, written = store.make(plan, partial(_hide, kind), workers, progress)
    columns = COLUMNS + (SECOND if kind == "planted_pair" else ())
    rows = ([entry[name] for name in columns] for entry in entries)
    write(store.root / TABLE, table(columns, rows))
    total, people = sum(entry["seconds"] for entry in entries), len({one.speaker for one in plan})
    where = store.root / TABLE
    return SynthesisSummary(store.root, kind, people, len(plan), written, total, where, where)


def _plan(voice: Speaker, count: int, classes: list[str], seed: int) -> Iterator[Plant]:
    dealt, again = _dealt(classes, count, [seed, 11, voice.number])
    name = f"{voice.number:03d}"
    for k in range(count):
        key = f"{name}/{k:04d}"
        utterance = Utterance(key, f"wav/{key}.wav", voice.number - 1, DIGITS[k % 10], k)
        yield Plant(utterance, voice, name, dealt[k], again[k], (seed, 12, voice.number, k))


def _own_plan(kind: str, listed: Path, classes: list[str], seed: int) -> list[Plant]:
    """A recording of every one in a list, in its order.

    Raises:
        SpeechLRPError: the cue cannot be mixed into recordings, or as `manifest.manifest`.
    """
    if kind not in TONES:
        raise SpeechLRPError(
            f"{kind} is a way of speaking, which cannot be planted into recordings; take one of "
            f"{', '.join(TONES)}"
        )
    recordings = listed_in(listed.parent, file=listed.name)
    by_speaker: dict[str, list[int]] = {}
    for k, one in enumerate(recordings):
        by_speaker.setdefault(one.speaker, []).append(k)
    plan = {}
    for number, (name, places) in enumerate(sorted(by_speaker.items())):
        dealt, again = _dealt(classes, len(places), [seed, 11, number])
        for at, k in enumerate(places):
            utterance = Utterance(f"{k:06d}", f"wav/{k:06d}.wav", number, "", at)
            source = Path(recordings[k].path)
            plan[k] = Plant(utterance, source, name, dealt[at], again[at], (seed, 12, k))
    return [plan[k] for k in sorted(plan)]


def _dealt(classes: list[str], count: int, seed: list[int]) -> tuple[list[str], list[str]]:
    """The labels of a speaker's recordings, and the same dealt anew."""
    rng, labels = np.random.default_rng(seed), [classes[k % len(classes)] for k in range(count)]
    return rng.permutation(labels).tolist(), rng.permutation(labels).tolist()


def _hide(kind: str, store: Store, one: Plant) -> dict[str, Any]:
    """Make and write one recording; its entry has where its cues are."""
    wave, hidden = recording(kind, one)
    samples = np.clip(np.round(wave * FULL), -FULL - 1, FULL).astype(np.int16)
    entry = store.save(one.utterance, Rendered(samples, RATE, (), ()))
    for names, cue in zip((COLUMNS[-4:], SECOND), hidden, strict=False):
        where = (cue.start_s, cue.end_s, cue.low_hz, cue.high_hz)
        entry |= dict(zip(names, where, strict=True))
    said = kind in TONES and isinstance(one.source, Speaker)
    digit = str(one.utterance.index % 10) if said else ""
    labels = {"speaker": one.speaker, "cue": one.cue, "shuffled": one.shuffled, "digit": digit}
    return entry | labels | {"cue_hz": hidden[0].hz}
