"""What a place with one's own recordings is: a list, folders of classes, another tool's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speechlrp.corpora.gathering import audio_below, folders
from speechlrp.corpora.manifest import MEND, columns
from speechlrp.corpora.recording import some
from speechlrp.errors import SpeechLRPError
from speechlrp.setup.saved import is_saved, unpack

KINDS = (
    "a CSV file, a folder with a folder for each class, a Kaldi data folder (wav.scp), lhotse's "
    "manifests, or a folder that datasets.save_to_disk wrote"
)
PATHS = ("path", "file", "filename", "file_name", "filepath", "audio", "wav", "recording")
SPEAKERS = ("speaker", "speaker_id", "spk", "client_id", "talker", "actor", "subject")
"""Columns of lists, as others call what the manifest calls path and speaker."""


@dataclass(frozen=True)
class Source:
    """Recordings, and the reader that understands them.

    Attributes:
        corpus: of `speechlrp.corpora.CORPORA`.
        root: the folder, absolute.
        settings: of the reader.
        words: what it is, for people.
    """

    corpus: str
    root: Path
    words: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def find_source(path: Path, label: str, speaker: str | None, name: str) -> Source:
    """Tell what a place is.

    Args:
        path: a file or a folder.
        label: what the classes of a folder of classes are.
        speaker: the column of a list that says who speaks; of a folder of classes an expression
            that finds it in a file's name.
        name: of the run, for recordings that must be unpacked first.

    Raises:
        SpeechLRPError: it is nothing of `KINDS`, or `speaker` does not fit it.
    """
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
    inside = f"the lists {some(sorted(lists))}" if lists else f"{len(classes)} folders with audio"
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


def _of_list(path: Path, speaker: str | None) -> Source:
    """A list: the reader has its columns' names where they are not its own."""
    names = columns(path)
    place = next((n for n in PATHS if n in names), None)
    if place is None:
        raise SpeechLRPError(f"{path} has no column path; found: {some(names, 20)}; {MEND}")
    if speaker is not None and speaker not in names:
        raise SpeechLRPError(f"{path} has no column {speaker!r}; found: {some(names, 20)}")
    who = speaker or next((n for n in SPEAKERS if n in names), None)
    settings = {"file": path.name, "path": place, "speaker": who}
    usual = {"path": "path", "speaker": "speaker"}
    own = {key: value for key, value in settings.items() if value != usual.get(key)}
    return Source("manifest", path.parent, f"the list {path.name}", own)
