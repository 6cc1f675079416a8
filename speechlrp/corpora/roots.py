"""Where a list's recordings are."""

from __future__ import annotations

from pathlib import Path


def place(written: str, folder: Path) -> Path:
    """Find a file that a list names: in the list's folder, else from where one stands.

    Args:
        written: an absolute or a relative path.
        folder: of the list.

    Returns:
        Where the file is; where it is in neither place, where it is not in the folder.
    """
    beside = folder / written
    try:
        here = Path(written).expanduser()
        return here.absolute() if not beside.exists() and here.exists() else beside
    except (OSError, ValueError, RuntimeError):  # too long a name, a zero byte, a home of nobody's
        return beside
