"""Make a corpus: plan, speak in parallel, write the tables."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from speechlrp.corpora.synthetic import espeak
from speechlrp.corpora.synthetic.layouts import LAYOUTS, Layout, Request, Utterance
from speechlrp.corpora.synthetic.render import render
from speechlrp.corpora.synthetic.speakers import Speaker, cast
from speechlrp.corpora.synthetic.store import Progress, Store, table, write
from speechlrp.errors import SpeechLRPError, unknown

_TABLES = ("phonemes.csv", "words.csv", "speakers.csv")
_EDITION = 2  # raise it when the same settings would give other bytes


@dataclass(frozen=True)
class SynthesisSummary:
    """What `synthesise` made."""

    root: Path  # the corpus's root
    layout: str  # its layout
    speakers: int  # how many
    utterances: int  # how many files there are
    written: int  # how many of them this call made; the others were there
    seconds: float  # of speech, in all
    phonemes: Path
    """Table ``id, phoneme, start_s, end_s``; phonemes in IPA, times in seconds of the file, pauses
    left out."""
    words: Path  # table ``id, word, start_s, end_s``


def synthesise(
    root: Path,
    layout: str,
    *,
    speakers: int,
    per_speaker: int,
    seed: int = 0,
    workers: int = 1,
    swap_f0: bool = False,
    digits: Sequence[int] = tuple(range(10)),
    sentences: Sequence[str] | None = None,
    subset: str = "train-clean-100",
    force: bool = False,
    progress: Progress | None = None,
) -> SynthesisSummary:
    """Synthesise a corpus in an official layout, with the time of every phoneme.

    The same arguments give the same bytes, however many workers there are. A rerun
    keeps what is there and goes on after a kill.

    Args:
        root: the corpus's root, an empty or new folder.
        layout: ``"audiomnist"`` (digits, 48 kHz WAV), ``"librispeech"`` (sentences,
            16 kHz FLAC, transcripts) or ``"voxceleb"`` (two sentences a file, 16 kHz WAV).
        speakers: how many.
        per_speaker: recordings of each; with all ten digits, 500 gives 50 repetitions.
        seed: of all that is drawn.
        workers: processes.
        swap_f0: fundamentals of the other gender, see `cast`.
        digits: which, for ``audiomnist``.
        sentences: what is said in the other layouts; the project's own by default.
        subset: the folder's name, for ``librispeech``.
        force: replace a corpus made with other settings.
        progress: called with the number of recordings done and of all.

    Raises:
        SpeechLRPError: eSpeak NG is not installed, the folder holds something else or
            a corpus made with other settings, or an argument is out of range.
    """
    if layout not in LAYOUTS:
        raise unknown("layout", layout, LAYOUTS)
    if per_speaker < 1 or workers < 1 or seed < 0:
        raise SpeechLRPError(
            "per_speaker and workers must be at least 1 and seed at least 0, "
            f"not {per_speaker}, {workers} and {seed}"
        )
    espeak.find_library()
    people = cast(speakers, seed=seed, swap_f0=swap_f0)
    request = Request(people, per_speaker, seed, tuple(digits), sentences, subset)
    store = Store(root)
    plan = LAYOUTS[layout].plan(request)
    files = _files(LAYOUTS[layout], request, plan)
    store.begin(_settings(layout, request, swap_f0), files, force=force)
    parts = [(people[utterance.speaker], utterance) for utterance in plan]
    speak = partial(_speak, LAYOUTS[layout].rate, seed)
    entries, written = store.make(parts, speak, workers, progress)
    _write_tables(store.root, LAYOUTS[layout], request, plan, entries)
    return SynthesisSummary(
        root=store.root,
        layout=layout,
        speakers=speakers,
        utterances=len(plan),
        written=written,
        seconds=sum(entry["seconds"] for entry in entries),
        phonemes=store.root / "phonemes.csv",
        words=store.root / "words.csv",
    )


def _files(layout: Layout, request: Request, plan: list[Utterance]) -> list[str]:
    """Return all that will be made, below the root."""
    tables = layout.describe(request, plan, defaultdict(float))
    return [*(utterance.path for utterance in plan), *tables, *_TABLES]


def _settings(layout: str, request: Request, swap_f0: bool) -> dict[str, object]:
    """Return what a corpus's content follows from; digits and text only where they count."""
    said: dict[str, object] = {"digits": list(request.digits)}
    if layout != "audiomnist":
        text = json.dumps(request.sentences and list(request.sentences)).encode()
        said = {"sentences": hashlib.sha256(text).hexdigest()[:12], "subset": request.subset}
    return said | {
        "layout": layout,
        "speakers": len(request.cast),
        "swap_f0": swap_f0,
        "per_speaker": request.per_speaker,
        "seed": request.seed,
        "edition": _EDITION,
        "espeakng-loader": version("espeakng-loader"),
    }


def _speak(rate: int, seed: int, store: Store, part: tuple[Speaker, Utterance]) -> dict[str, Any]:
    """Speak and write one recording."""
    speaker, utterance = part
    stream = [seed, 5, speaker.number, utterance.index]
    return store.save(utterance, render(speaker, utterance.text, rate, stream, utterance.longest))


def _write_tables(
    root: Path, layout: Layout, request: Request, plan: list[Utterance], entries: list[dict]
) -> None:
    """Write the layout's own tables, the times, and the speakers' traits."""
    seconds = {entry["id"]: entry["seconds"] for entry in entries}
    for path, text in layout.describe(request, plan, seconds).items():
        write(root / path, text.encode())
    for plural, name in (("phonemes", "phoneme"), ("words", "word")):
        rows = ((entry["id"], *span) for entry in entries for span in entry[plural])
        write(root / f"{plural}.csv", table(("id", name, "start_s", "end_s"), rows))
    traits = [field.name for field in fields(Speaker) if field.name != "number"]
    people = ([layout.speaker_id(s.number), *map(asdict(s).get, traits)] for s in request.cast)
    write(root / "speakers.csv", table(("speaker", *traits), people))
