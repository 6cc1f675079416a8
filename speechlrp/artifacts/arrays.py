"""Arrays in one ``.npz`` file, as units of work keep them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from speechlrp.artifacts.atomic import whole
from speechlrp.errors import SpeechLRPError


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays by name, whole or not at all."""
    with whole(path) as beside, beside.open("wb") as file:
        np.savez(file, **arrays)


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read them back.

    Raises:
        SpeechLRPError: the file is damaged; it is deleted, to be made again.
    """
    if not path.is_file():
        raise SpeechLRPError(f"{path} is no file; remove it, and give the same command again")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except Exception as error:  # zip files and arrays raise anything of damaged bytes
        raise unusable(path) from error


def unusable(path: Path) -> SpeechLRPError:
    """Delete a unit's file, and say so."""
    path.unlink(missing_ok=True)
    return SpeechLRPError(f"{path} was damaged and is deleted; the same command makes it again")
