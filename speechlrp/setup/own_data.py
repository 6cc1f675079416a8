"""What a place with one's own recordings is: a list, folders of classes, another tool's data."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from speechlrp.artifacts.atomic import write_bytes, write_csv
from speechlrp.corpora.gathering import audio_below, files, folders, is_audio
from speechlrp.corpora.manifest import MEND, audio_column, columns
from speechlrp.corpora.recording import some
from speechlrp.errors import SpeechLRPError

LIST = "recordings.csv"


def is_saved(root: Path) -> bool:
    """Whether `datasets.save_to_disk` wrote a folder: a data set, or one with several parts."""
    return (root / "dataset_dict.json").is_file() or (
        (root / "dataset_info.json").is_file() and (root / "state.json").is_file()
    )


def unpack(root: Path, target: Path) -> Path:
    """List the recordings of a saved data set in a CSV file, which lies with all else in `target`.

    Those that it holds itself are written to files, byte by byte as they are; of those that it only
    names, the files stay where they are. Its other columns of one value each become labels, and its
    parts the label ``part``. What was written before is kept.

    Raises:
        SpeechLRPError: the package is not installed, the folder is damaged, or no column of
            it holds audio.
    """
    rows = pd.DataFrame(_rows(root, target)).fillna("")
    write_csv(target / LIST, rows)
    return target / LIST


def _rows(root: Path, target: Path) -> Iterator[dict[str, str]]:
    """A row for each recording; its file is written where it has none."""
    for part, data in _parts(root).items():
        column, data = _audio(root, data)
        labels = {n: f for n, f in data.features.items() if n != column and _is_plain(f)}
        for number, example in enumerate(data):
            told = {name: _text(feature, example[name]) for name, feature in labels.items()}
            told.pop("path", None)
            told |= {"part": part} if part and "part" not in told else {}
            yield {"path": _file(example[column], target / part, number)} | told


def _parts(root: Path) -> Mapping[str, Any]:
    try:
        import datasets
    except ImportError:
        raise SpeechLRPError(
            f"{root} was saved by the package datasets, which is needed to read it: "
            "pip install datasets, or write the recordings to files and list them in a CSV file"
        ) from None
    logging.getLogger("datasets").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    try:
        loaded = datasets.load_from_disk(str(root))
    except Exception as error:  # the reader and Arrow may raise anything of a damaged folder
        reason = " ".join(str(error).split())[:200]
        raise SpeechLRPError(
            f"{root} is not as datasets.save_to_disk wrote it ({reason}); save it again"
        ) from error
    return loaded if isinstance(loaded, datasets.DatasetDict) else {"": loaded}


def _audio(root: Path, data: Any) -> tuple[str, Any]:
    """The column of the recordings, and the data set that gives them as they are stored."""
    import datasets

    columns = [n for n, feature in data.features.items() if isinstance(feature, datasets.Audio)]
    if not columns:
        raise SpeechLRPError(
            f"no column of {root} is of the kind Audio; there are: {', '.join(data.features)}; "
            "cast it with cast_column(NAME, datasets.Audio()) and save it again"
        )
    return columns[0], data.cast_column(columns[0], datasets.Audio(decode=False))


def _is_plain(feature: Any) -> bool:
    return hasattr(feature, "int2str") or getattr(feature, "dtype", "") in (
        *("string", "large_string", "bool"),
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    )


def _text(feature: Any, value: Any) -> str:
    if value is None:
        return ""
    if hasattr(feature, "int2str"):  # a class by its name; -1 stands for none
        return feature.int2str(value) if value >= 0 else ""
    return str(value)


def _file(stored: Mapping[str, Any], folder: Path, number: int) -> str:
    """Where a recording's file is."""
    name, content = stored["path"] or "", stored["bytes"]
    if content is None:
        return str(Path(name).absolute())
    path = folder / f"{number:06d}_{Path(name).name or 'recording.wav'}"
    if not (path.is_file() and path.stat().st_size == len(content)):
        write_bytes(path, content)
    return str(path)


KINDS = (
    "a CSV file, a folder with a folder for each class, a Kaldi data folder (wav.scp), lhotse's "
    "manifests, or a folder that datasets.save_to_disk wrote"
)
PATHS = ("path", "file", "filename", "file_name", "filepath", "audio", "wav", "recording")
SPEAKERS = ("speaker", "speaker_id", "spk", "client_id", "talker", "actor", "subject")
"""Columns of lists, as others call what the manifest calls path and speaker."""


@dataclass(frozen=True)
class Source:
    """Recordings, and the reader that understands them."""

    corpus: str  # of `speechlrp.corpora.CORPORA`
    root: Path  # the folder, absolute
    words: str  # what it is, for people
    settings: Mapping[str, Any] = field(default_factory=dict)  # of the reader


def find_source(path: Path, label: str, speaker: str | None, name: str) -> Source:
    """Tell what a place is.

    `label` is what the classes of a folder of classes are; `speaker` the column of a list that says
    who speaks, or an expression that finds it in a file's name. The run's name is for recordings
    that must be unpacked first.

    Raises:
        SpeechLRPError: it is nothing of `KINDS`, or `speaker` does not fit it.
    """
    if path.is_file() and (is_audio(path.name) or path.name == "wav.scp"):
        raise SpeechLRPError(f"{path} is one file of many: give its folder, or {KINDS}")
    if path.is_file():
        return _of_file(path.absolute(), speaker)
    if not path.is_dir():
        raise SpeechLRPError(f"there is no {path}; give {KINDS}")
    root = path.absolute()
    if is_saved(root):
        return _of_list(unpack(root, Path(f"{name}_recordings").absolute()), speaker)
    names = [p.name for p in root.iterdir()]
    if "wav.scp" in names:
        return _with_speakers(Source("kaldi", root, "a Kaldi data folder"), "utt2spk", speaker)
    if any(".jsonl" in n and "recordings" in n for n in names):
        return _with_speakers(Source("lhotse", root, "lhotse's manifests"), "they", speaker)
    cuts = [n for n in names if n.endswith((".jsonl", ".jsonl.gz")) and "cuts" in n]
    if len(cuts) == 1:
        return _of_file(root / cuts[0], speaker)
    lists = [n for n in names if n.endswith((".csv", ".tsv"))]
    classes = [n for n in folders(root) if next(audio_below(root / n), None)]
    if len(classes) > 1:
        settings = {"label": label} | ({"speaker": speaker} if speaker else {})
        return Source("folder", root, f"a folder of {len(classes)} classes", settings)
    if len(lists) == 1:
        return _of_list(root / lists[0], speaker)
    alone = sum(map(is_audio, files(root)))
    inside = (
        f"{alone} recordings, of which it does not say what they are"
        if alone
        else (f"{len(classes)} folder{'s' * (len(classes) != 1)} with audio")
    )
    if lists:
        inside = f"the lists {some(sorted(lists))}"
    raise SpeechLRPError(f"{path} holds {inside}; give {KINDS}")


def _of_file(path: Path, speaker: str | None) -> Source:
    if not path.name.endswith((".jsonl", ".jsonl.gz")):
        return _of_list(path, speaker)
    is_cuts = "recordings" not in path.name and "supervisions" not in path.name
    settings = {"file": path.name} if is_cuts else {}
    words = "lhotse's cuts" if is_cuts else "lhotse's manifests"
    return _with_speakers(Source("lhotse", path.parent, words, settings), "it", speaker)


def _with_speakers(source: Source, where: str, speaker: str | None) -> Source:
    if speaker:
        raise SpeechLRPError(
            f"--speaker {speaker}: {source.root} is {source.words}, and {where} says who speaks; "
            "leave --speaker out"
        )
    return source


def _column(names: Sequence[str], known: Sequence[str]) -> str | None:
    return next((name for one in known for name in names if name.casefold() == one), None)


def _of_list(path: Path, speaker: str | None) -> Source:
    """A list: the reader has its columns' names where they are not its own."""
    names = columns(path)
    place = _column(names, PATHS) or audio_column(path)
    if place is None:
        there = some(names, 20) or "nothing"
        raise SpeechLRPError(f"{path} has no column path; found: {there}; {MEND}")
    if speaker is not None and speaker not in names:
        raise SpeechLRPError(f"{path} has no column {speaker!r}; found: {some(names, 20)}")
    who = speaker or _column(names, SPEAKERS)
    settings = {"file": path.name, "path": place, "speaker": who}
    usual = {"path": "path", "speaker": "speaker"}
    unusual = {key: value for key, value in settings.items() if value != usual.get(key)}
    return Source("manifest", path.parent, f"the list {path.name}", unusual)
