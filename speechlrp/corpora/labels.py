"""Labels by name and places of files, as lists and tables have them."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from speechlrp.corpora.recording import Recording, gender

log = logging.getLogger(__name__)


def labelled(recording: Recording, labels: Mapping[str, str], where: str) -> Recording:
    """Put labels (name -> text) where they belong: a gender, a digit, a speaker, or something else.

    An empty text is no label; `where` they are from is for the error.

    Raises:
        SpeechLRPError: a gender that is none.
    """
    known = {name: text for name, text in labels.items() if text}
    fields: dict[str, Any] = {
        name: known.pop(name) for name in ("digit", "speaker") if name in known
    }
    sex = gender(known.pop("gender", ""), where) or recording.gender
    return replace(recording, gender=sex, extra={**recording.extra, **known}, **fields)


@cache  # a corpus is read to see whether it has changed, and again to work on it
def say_unknown(count: int, where: Path) -> None:
    """Say of how many recordings nobody knows who speaks."""
    if count:
        log.warning(
            "%s: who speaks is not known of %d recordings, so each counts as a speaker of its own, "
            "and a speaker may be learnt and tested; name them with dataset.speaker (init: "
            "--speaker)",
            where,
            count,
        )


def alike(classes: Iterable[str]) -> Iterator[str]:
    """Say which classes may be one, written in two ways."""
    by_letters: defaultdict[str, list[str]] = defaultdict(list)
    for name in classes:
        by_letters["".join(filter(str.isalnum, name.casefold()))].append(name)
    for letters, names in by_letters.items():
        if letters and len(names) > 1:
            yield f"are {' and '.join(map(repr, names))} one class? They are kept apart"


def place(written: str, folder: Path) -> Path:
    """Find a file that a list names: in the list's folder, else from where one stands.

    It is named by an absolute or a relative path, as Windows has it too, or by ``file://`` and one;
    where it is in neither place, it is where it is not in the folder.
    """
    written = written.removeprefix("file://")
    for name in dict.fromkeys((written, written.replace("\\", "/"))):
        try:
            if (beside := folder / name).exists():
                return beside
            if (here := Path(name).expanduser()).exists():
                return here.absolute()
        except (OSError, ValueError, RuntimeError):  # too long, a zero byte, a home of nobody's
            continue
    return folder / written


def why_not_there(path: Path) -> str:
    """What to do about a file that a list names and that is not there."""
    if address := re.search(r"\b\w{2,}:/", str(path)):
        return f"; what is at {address[0]}/... is not fetched: download it, and list the files"
    if re.search(r"(^|/)[A-Za-z]:[\\/]|\\\\", str(path)):
        return "; a drive of Windows has another name here: list where the files are now"
    return "; a path is looked for in the list's folder, and then from where one stands"
