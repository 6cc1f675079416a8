"""What processes have gathered so far, each in a file of its own, to go on from after a kill."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from speechlrp.artifacts.arrays import read_arrays, unusable, write_arrays

UNITS = "units"


class Saves:
    """The files of one piece of work: which of its units are in the sums, and the sums.

    A file appears whole or not at all, and no unit is in two of them. So whatever files
    there are add up to what was done, also where another number of processes goes on.

    Args:
        folder: where they are.
        rank: of the process.
    """

    def __init__(self, folder: Path, rank: int = 0) -> None:
        self.folder, self.rank = folder, rank
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, rank: int) -> Path:
        """Where the file of a process is or will be."""
        return self.folder / f"{rank:06d}.npz"

    def done(self) -> set[int]:
        """The units that are in any of the files."""
        return {unit for path in self._paths() for unit in self._read(path)[0]}

    def mine(self) -> tuple[list[int], dict[str, np.ndarray]] | None:
        """The units and arrays that this process has put down; None: nothing yet."""
        path = self.path(self.rank)
        return self._read(path) if path.exists() else None

    def others(self) -> Iterator[dict[str, np.ndarray]]:
        """The arrays of the other processes, also of those that are no longer there."""
        return (self._read(path)[1] for path in self._paths() if path != self.path(self.rank))

    def put(self, units: Sequence[int], arrays: Mapping[str, np.ndarray]) -> None:
        """Put down what this process has gathered, in place of what it had put down before."""
        held = {UNITS: np.asarray(units, np.int64), **arrays}
        write_arrays(self.path(self.rank), held)

    def remove(self) -> None:
        """Delete the files."""
        shutil.rmtree(self.folder)

    def _paths(self) -> list[Path]:
        return sorted(self.folder.glob("*.npz"))

    def _read(self, path: Path) -> tuple[list[int], dict[str, np.ndarray]]:
        arrays = read_arrays(path)
        units = arrays.pop(UNITS, None)
        if units is None or units.dtype != np.int64 or units.ndim != 1:
            raise unusable(path)
        return units.tolist(), arrays
