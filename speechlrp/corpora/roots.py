"""Where a list's recordings are."""

from __future__ import annotations

import re
from pathlib import Path


def place(written: str, folder: Path) -> Path:
    """Find a file that a list names: in the list's folder, else from where one stands.

    Args:
        written: an absolute or a relative path, or ``file://`` and one; a relative one may be
            written as Windows has it.
        folder: of the list.

    Returns:
        Where the file is; where it is in neither place, where it is not in the folder.
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
    """What to do about a file that a list names and that is not there; '' where nothing tells."""
    if address := re.search(r"\b\w{2,}:/", str(path)):
        return f"; what is at {address[0]}/... is not fetched: download it, and list the files"
    if re.search(r"(^|/)[A-Za-z]:[\\/]|\\\\", str(path)):
        return "; a drive of Windows has another name here: list where the files are now"
    return ""
