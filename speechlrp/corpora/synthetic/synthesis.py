"""Make a corpus: plan, speak in parallel, write the tables."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path

from joblib import Parallel, delayed

from speechlrp.corpora.synthetic import espeak
from speechlrp.corpora.synthetic.layouts import LAYOUTS, Layout, Request, Utterance
from speechlrp.corpora.synthetic.render import render
from speechlrp.corpora.synthetic.speakers import Speaker, cast
from speechlrp.corpora.synthetic.store import Store, table, write
from speechlrp.errors import SpeechLRPError, unknown

_BLOCK = 50  # utterances: the unit of work, and of what a rerun keeps
_TABLES = ("phonemes.csv", "words.csv", "speakers.csv")
_EDITION = 2  # raise it when the same settings would give other bytes


@dataclass(frozen=True)
class SynthesisSummary:
    """What `synthesise` made.

    Attributes:
        root: the corpus's root.
        layout: its layout.
        speakers: how many.
        utterances: how many files there are.
        written: how many of them this call made; the others were there.
        seconds: of speech, in all.
        phonemes: table ``id, phoneme, start_s, end_s``; phonemes in IPA, times in
            seconds of the file, pauses left out.
        words: table ``id, word, start_s, end_s``.
    """

    root: Path
    layout: str
    speakers: int
    utterances: int
    written: int
    seconds: float
    phonemes: Path
    words: Path


def synthesise(
    root: Path,
    layout: str,
    *,
    speakers: int,
    per_speaker: int,
    seed: int = 0,
    workers: int = 1,
    women: int | None = None,
    digits: Sequence[int] = tuple(range(10)),
    sentences: Sequence[str] | None = None,
    subset: str = "train-clean-100",
    force: bool = False,
    progress: Callable[[int, int], None] | None = None,
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
        women: how many speakers are women; see `cast` for the default.
        digits: which, for ``audiomnist``.
        sentences: what is said in the other layouts; the project's own by default.
        subset: the folder's name, for ``librispeech``.
        force: replace a corpus made with other settings.
        progress: called with the number of recordings done and of all.

    Raises:
        SpeechLRPError: eSpeak NG is not installed, the folder holds something else or
            a corpus made with other settings, the disk is full, or an argument is
            out of range.
    """
    if layout not in LAYOUTS:
        raise unknown("layout", layout, LAYOUTS)
    if per_speaker < 1 or workers < 1 or seed < 0:
        raise SpeechLRPError(
            "per_speaker and workers must be at least 1 and seed at least 0, "
            f"not {per_speaker}, {workers} and {seed}"
        )
    espeak.check()
    people = cast(speakers, seed=seed, women=women)
    request = Request(people, per_speaker, seed, tuple(digits), sentences, subset)
    store = Store(root)
    try:
        plan = LAYOUTS[layout].plan(request)
        files = _files(LAYOUTS[layout], request, plan)
        store.begin(_settings(layout, request, women), files, force=force)
        entries, written = _make(store, layout, request, plan, workers, progress)
        _write_tables(store.root, LAYOUTS[layout], request, plan, entries)
    except OSError as error:
        raise SpeechLRPError(f"cannot synthesise into {root}: {error}") from error
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


def _settings(layout: str, request: Request, women: int | None) -> dict[str, object]:
    """Return what a corpus's content follows from; digits and text only where they count."""
    said: dict[str, object] = {"digits": list(request.digits)}
    if layout != "audiomnist":
        text = json.dumps(request.sentences and list(request.sentences)).encode()
        said = {"sentences": hashlib.sha256(text).hexdigest()[:12], "subset": request.subset}
    return said | {
        "layout": layout,
        "speakers": len(request.cast),
        "women": women,
        "per_speaker": request.per_speaker,
        "seed": request.seed,
        "edition": _EDITION,
        "espeakng-loader": version("espeakng-loader"),
    }


def _make(
    store: Store,
    layout: str,
    request: Request,
    plan: list[Utterance],
    workers: int,
    progress: Callable[[int, int], None] | None,
) -> tuple[list[dict], int]:
    """Speak what is not there yet; return the entries in the plan's order, and how many are new."""
    blocks = {k: plan[k : k + _BLOCK] for k in range(0, len(plan), _BLOCK)}
    entries = {k: saved for k in blocks if (saved := store.done(k)) is not None}
    missing = [k for k in blocks if k not in entries]
    tasks = [
        (k, store.root, [(request.cast[u.speaker], u) for u in blocks[k]], layout, request.seed)
        for k in missing
    ]
    done = len(plan) - sum(len(blocks[k]) for k in missing)
    written = len(plan) - done
    if progress:
        progress(done, len(plan))
    for block, made in _run(tasks, workers):
        entries[block] = made
        done += len(made)
        if progress:
            progress(done, len(plan))
    return [entry for k in blocks for entry in entries[k]], written


def _run(tasks: list[tuple], workers: int) -> Iterator[tuple[int, list[dict]]]:
    """Do the blocks in this process, or in several."""
    if workers == 1 or len(tasks) < 2:
        yield from (_block(*task) for task in tasks)
    else:
        parallel = Parallel(n_jobs=workers, return_as="generator_unordered")
        yield from parallel(delayed(_block)(*task) for task in tasks)


def _block(
    block: int, root: Path, parts: list[tuple[Speaker, Utterance]], layout: str, seed: int
) -> tuple[int, list[dict]]:
    """Speak and write one block."""
    store, rate = Store(root), LAYOUTS[layout].rate
    entries = []
    for speaker, utterance in parts:
        stream = [seed, 5, speaker.number, utterance.index]
        rendered = render(speaker, utterance.text, rate, stream, utterance.longest)
        entries.append(store.save(utterance, rendered))
    store.finish(block, entries)
    return block, entries


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
