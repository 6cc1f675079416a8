"""What every preprocessing shares: which recordings there are, their split, and the rest."""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pandas as pd

from speechlrp.artifacts.atomic import write_csv
from speechlrp.artifacts.shards import Shards
from speechlrp.artifacts.tables import read_csv
from speechlrp.audio import RecordingError
from speechlrp.audio.opening import opened
from speechlrp.config import SUBSETS
from speechlrp.config.schema import Config, configure, options
from speechlrp.corpora import CORPORA, SPLITS, Recording
from speechlrp.corpora.recording import checked, rank
from speechlrp.corpora.splits_unseen import unseen_speakers
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.record import fingerprint
from speechlrp.pipeline.stage import Context
from speechlrp.registry import is_reference

HEARD = 25
"""Recordings whose rates are looked at before another corpus is taken."""
AGAIN = "run the same command again with --force"
KEYS = ("dataset", "task", "split", "features", "conditions", "shortcut", "data_seed")
"""The settings that change what preprocess writes."""


def read_corpus(config: Config) -> list[Recording]:
    """The recordings of the configured corpus."""
    section = config.dataset
    name, root = section["name"], Path(section["root"])
    read = configure(f"dataset {name}", CORPORA[name], options(section, "name", "root"), root)
    return checked(name, read) if is_reference(name) else read


def check_rate(config: Config, recordings: Sequence[Recording]) -> None:
    """Check that another corpus has the frequencies that the network hears.

    Raises:
        SpeechLRPError: most of some recordings have a lower rate than the network's features.
    """
    rate, rates = config.features.get("rate", 0), []
    for recording in sorted(recordings, key=lambda r: rank(0, r.id))[:HEARD] if config.on else ():
        with suppress(RecordingError), opened(recording.path) as sound:
            rates.append(sound.samplerate)
    low = [lower for lower in rates if lower < rate]
    if 2 * len(low) > len(rates):
        raise SpeechLRPError(
            f"recordings in {config.dataset['root']} have {max(low)} Hz and end at "
            f"{max(low) / 2:g} Hz, but run {config.run} hears up to {rate / 2:g} Hz; train one on "
            f"lower rates: features.rate={max(low)}"
        )


def split_of(config: Config, recordings: Sequence[Recording], label: str | None) -> dict[str, str]:
    """The subset of each recording by its id; some may be in none.

    Raises:
        SpeechLRPError: it leaves no recording, or does not fit them.
    """
    name = config.split["name"]
    task = {"label": label}
    subsets = configure(
        f"split {name}", SPLITS[name], options(config.split, "name"), recordings, **task
    )
    if is_reference(name):
        _check_subsets(name, subsets, {r.id for r in recordings})
    if not subsets:
        raise SpeechLRPError(f"split {name} leaves no recording")
    return subsets


def _check_subsets(name: str, subsets: Any, ids: set[str]) -> None:
    wanted = f"it must give the subset ({', '.join(SUBSETS)}) of each recording by its id"
    if not isinstance(subsets, Mapping):
        raise SpeechLRPError(f"split {name} gives {type(subsets).__name__}; {wanted}")
    if strange := [key for key in subsets if key not in ids]:
        one = str(strange[0])[:60]
        raise SpeechLRPError(f"split {name} names {one!r}, no id of a recording; {wanted}")
    if strange := [value for value in subsets.values() if value not in SUBSETS]:
        raise SpeechLRPError(f"split {name} gives the subset {strange[0]!r}; {wanted}")


def unseen(config: Config, recordings: Iterable[Recording]) -> list[Recording]:
    """Those of the recordings whose speakers are in no subset, see `unseen_speakers`."""
    recordings, setting = list(recordings), config.split.get("unseen")
    speakers = unseen_speakers(recordings, setting, config.split.get("seed", config.data_seed))
    return [r for r in recordings if r.speaker in speakers]


def recordings_on_disk(config: Config) -> dict[str, dict]:
    """How many recordings there are, a digest of files and of all that is known; split's lists."""
    with _unsaid():
        corpus = read_corpus(config)
    inputs = {"recordings": files_on_disk((r.id, r.path, _known(r)) for r in corpus)}
    lists = {name: config.split.get(name) for name in ("file", "unseen")}
    paths = {n: Path(path).expanduser() for n, path in lists.items() if isinstance(path, str)}
    return inputs | {f"split.{n}": fingerprint(path) for n, path in paths.items() if path.is_file()}


@contextmanager
def _unsaid() -> Iterator[None]:
    """Read a corpus without what it warns of: whoever works on it reads it too, and says so."""
    corpora = logging.getLogger("speechlrp.corpora")
    before = corpora.level
    corpora.setLevel(logging.ERROR)
    try:
        yield
    finally:
        corpora.setLevel(before)


def _known(recording: Recording) -> str:
    """All that a corpus knows of a recording: another label in a list makes a stage stale."""
    known = vars(recording) | {"extra": sorted(recording.extra.items())}
    return repr([value for name, value in known.items() if name not in ("id", "path")])


def files_on_disk(files: Iterable[tuple[str, Path, str]]) -> dict[str, int | str]:
    """How many files there are, and a digest of names, sizes, times and what else is said."""
    digest, count = hashlib.sha256(), 0
    for name, path, said in files:
        count += 1
        digest.update(f"{name} {_state(path)} {said}\n".encode())
    return {"count": count, "sha256": digest.hexdigest()}


def _state(path: Path) -> str:
    """Size and time of a file; of a link to nothing, which is left out with its reason, none."""
    try:
        status = path.stat()
    except OSError:
        return "missing"
    return f"{status.st_size} {status.st_mtime_ns}"


def in_units(
    context: Context, recordings: Sequence[Recording], size: int
) -> tuple[list[Sequence[Recording]], Shards]:
    """Recordings as units of work, when their rates are checked and their number is said."""
    check_rate(context.config, recordings)
    context.say(f"{len(recordings)} recordings, {len({r.speaker for r in recordings})} speakers")
    units = [recordings[i : i + size] for i in range(0, len(recordings), size)]
    return units, Shards(context.units(), len(units))


def reject(shards: Shards, unit: int, rejected: Iterable[tuple[str, str]]) -> None:
    """Write down what a unit of work left out: ids and reasons."""
    write_csv(_file(shards, unit), pd.DataFrame(list(rejected), columns=["id", "reason"]))


def all_rejected(shards: Shards) -> pd.DataFrame:
    """What all units left out."""
    files = (_file(shards, unit) for unit in range(shards.count))
    return pd.concat([read_csv(f, AGAIN) for f in files], ignore_index=True)


def note_rejected(context: Context, total: int, rejected: pd.DataFrame) -> None:
    """Write `rejected.csv`, and say how many of all recordings are in it."""
    context.write(rejected=rejected)
    missing = rejected.id.nunique()
    context.note("recordings", total)
    context.note("rejected", missing)
    context.note("reasons", dict(Counter(rejected.reason).most_common(20)))
    context.note("rejected_files", rejected.head(1000).to_dict(orient="records"))
    if missing:
        first = rejected.iloc[0]
        context.say(
            f"{missing} of {total} recordings left out, see rejected.csv; "
            f"the first: {first.id} ({first.reason})"
        )


def _file(shards: Shards, unit: int) -> Path:
    return shards.path(unit).with_suffix(".rejected.csv")


def explored(table: pd.DataFrame, predicted: np.ndarray, count: int) -> list[int]:
    """Rows to explore: classes and speakers in turn, of each the misclassified first.

    `predicted` are the network's classes `[N]`.
    """
    wrong = table.label.to_numpy() != predicted
    order = table[["label", "speaker"]].assign(wrong=wrong)
    order = order.sort_values("wrong", ascending=False, kind="stable")
    turn = order.groupby(["label", "speaker"], sort=False).cumcount()
    return sorted(turn.sort_values(kind="stable").index[:count])


def name_of(one: pd.Series) -> str:
    """A recording's name for people, with the second at which a segment begins.

    Of an id that is an absolute path, the file and two folders around it.
    """
    path = PurePath(one.source)
    name = "/".join(path.with_suffix("").parts[-3:]) if path.is_absolute() else one.source
    return f"{name}, {one.start_s:.1f} s" if one.start_s else str(name)
