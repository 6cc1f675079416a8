"""A folder with a folder for each class, as many corpora and one's own recordings come."""

import logging
import re
from collections.abc import Sequence
from pathlib import Path

from speechlrp.corpora.gathering import Gathering, audio_below, folders
from speechlrp.corpora.labels import labelled, say_unknown
from speechlrp.corpora.recording import Recording, need_folder, some
from speechlrp.corpora.twins import of_speakers
from speechlrp.errors import SpeechLRPError

log = logging.getLogger(__name__)
MEND = "give a folder with a folder for each class as dataset.root"
PARTS = {
    *("train", "training", "test", "testing", "eval"),
    *("val", "valid", "validate", "validation", "dev"),
}
"""Folders so called hold a split of a corpus, each with the folders of the classes inside."""


def folder(
    root: Path,
    *,
    label: str = "class",
    speaker: str | None = None,
    speakers: Sequence[str] | None = None,
) -> list[Recording]:
    """Read ``<class>/<name>.wav`` or ``<class>/<speaker>/.../<name>.wav``, in any format.

    The id is the path below `root` without its suffix. A recording whose speaker is not known
    counts as a speaker of its own.

    Args:
        root: the folder of the classes.
        label: what the classes are, such as ``"emotion"``; ``"speaker"`` and ``"gender"``
            are understood.
        speaker: a regular expression that finds the speaker in the path below the class, in
            its first group, such as ``"^([^_]+)_"``. None: the folder in the class's folder.
        speakers: take only these.

    Raises:
        SpeechLRPError: no such folder, no recording, the parts of a split, an expression that
            is none, that has no group or that fits a file nowhere, or an unknown speaker.
    """
    root = need_folder(Path(root), "folder of recordings", MEND)
    pattern = _pattern(speaker)
    gathering = Gathering("a folder of classes", root)
    gathering.add_odd_files(root)
    kinds = folders(root)
    if kinds and PARTS.issuperset(kind.lower() for kind in kinds):
        raise SpeechLRPError(
            f"{root} holds {some(kinds)}, the parts of a split and no classes; give one of them as "
            "dataset.root, or list all recordings in a CSV with their labels (dataset=manifest)"
        )
    for kind in kinds:
        names = list(audio_below(root / kind))
        if not names:
            log.warning("%s holds no recordings, so it is no class", root / kind)
        for name in names:
            who = _speaker(name, pattern) or f"{kind}/{name}"
            path = root / kind / name
            key = path.relative_to(root).with_suffix("").as_posix()
            gathering.add(labelled(Recording(key, path, who), {label: kind}, str(path)))
    recordings = gathering.finish(MEND)
    say_unknown(sum(r.path.relative_to(root).as_posix() == r.speaker for r in recordings), root)
    return of_speakers(recordings, speakers, root)


def _pattern(text: str | None) -> re.Pattern | None:
    if text is None:
        return None
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise SpeechLRPError(f"dataset.speaker={text!r} is no expression: {error}") from None
    if pattern.groups < 1:
        raise SpeechLRPError(
            f"dataset.speaker={text!r} has no group; put what is the speaker in ( )"
        )
    return pattern


def _speaker(name: str, pattern: re.Pattern | None) -> str | None:
    """Who speaks in a file of a class; None where it is not known."""
    if pattern is None:
        return name.split("/")[0] if "/" in name else None
    match = pattern.search(name)
    if match is None or not match[1]:
        raise SpeechLRPError(
            f"dataset.speaker={pattern.pattern!r} finds no speaker in {name}; give another"
        )
    return match[1]
