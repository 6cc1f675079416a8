"""Work in units, each in a file of its own, merged at the end; and sums over units, to go on from.

A unit's file appears whole or not at all, so a run that was killed goes on with
the first unit that has none. Units can be made in any order and by any process.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.atomic import need_space, whole
from speechlrp.artifacts.hdf5 import write_table
from speechlrp.errors import SpeechLRPError

COLUMN = "table."
SURE = 0.7
"""Share of the space that units like the first one need, below which a disk is too small."""


class Shards:
    """The files of `count` units of work in `folder`."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.count = count
        self._measured = False
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, unit: int) -> Path:
        """Where the unit's file is or will be."""
        return self.folder / f"{unit:06d}.npz"

    def missing(self) -> list[int]:
        """The units that still have to be done, in order."""
        return [unit for unit in range(self.count) if not self.path(unit).exists()]

    def put(self, unit: int, arrays: dict[str, np.ndarray], table: pd.DataFrame) -> None:
        """Write a unit: arrays `[n, ...]` and a table of their n rows (n may be 0)."""
        columns = {COLUMN + name: _plain(column) for name, column in table.items()}
        write_arrays(self.path(unit), arrays | columns)
        self._check_space(unit)

    def _check_space(self, unit: int) -> None:
        """Say with the first unit whether all of them, and the file of them all, will fit.

        Raises:
            SpeechLRPError: they need far more than the disk has free.
        """
        if self._measured:
            return
        self._measured = True
        files = len(self.missing()) + self.count
        need_space(self.folder, SURE * files * self.path(unit).stat().st_size)

    def get(self, unit: int) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
        """Read a unit back.

        Raises:
            SpeechLRPError: its file is damaged; it is deleted, to be made again.
        """
        values = read_arrays(self.path(unit))
        columns = {k.removeprefix(COLUMN): v for k, v in values.items() if k.startswith(COLUMN)}
        arrays = {k: v for k, v in values.items() if not k.startswith(COLUMN)}
        sizes = {column.shape for column in columns.values()}
        if len(sizes) > 1 or not all(array.shape for array in arrays.values()):
            raise unusable(self.path(unit))
        return arrays, pd.DataFrame(columns)

    def __iter__(self) -> Iterator[tuple[dict[str, np.ndarray], pd.DataFrame]]:
        return (self.get(unit) for unit in range(self.count))

    def table(self) -> pd.DataFrame:
        """The rows of all units."""
        return pd.concat([table for _, table in self], ignore_index=True)

    def merge(
        self,
        file: h5py.File,
        each: Callable[[dict, pd.DataFrame], dict] = lambda arrays, table: arrays,
        **storage: dict[str, Any],
    ) -> pd.DataFrame:
        """Append the arrays of all units to `file`, one unit in memory at a time.

        `each` gives the arrays to write, of every unit's arrays and table; `storage` says how HDF5
        stores an array, such as compressed.

        Returns:
            The table of all rows, which is written to the file as well.
        """
        tables = []
        for arrays, table in self:
            for name, rows in each(arrays, table).items():
                _append(file, name, rows, storage.get(name, {}))
            tables.append(table)
        merged = pd.concat([t for t in tables if len(t)] or tables[:1], ignore_index=True)
        write_table(file, merged)
        return merged

    def remove(self) -> None:
        """Delete the units' files."""
        shutil.rmtree(self.folder)


def _plain(column: pd.Series) -> np.ndarray:
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy()
    return column.fillna("").astype(str).to_numpy(dtype=str)


def _append(file: h5py.File, name: str, rows: np.ndarray, storage: dict[str, Any]) -> None:
    if name not in file:
        row = rows.shape[1:]
        shape = {"shape": (0, *row), "maxshape": (None, *row)}
        chunks = (1 if row else 1024, *row)  # a chunk a number would be slow and large
        file.create_dataset(name, **shape, chunks=chunks, dtype=rows.dtype, **storage)
    dataset = file[name]
    start = len(dataset)
    dataset.resize(start + len(rows), axis=0)
    dataset[start:] = rows


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


UNITS = "units"


class Saves:
    """The files of one piece of work: which of its units are in the sums, and the sums.

    A file appears whole or not at all, and no unit is in two of them. So whatever files
    there are add up to what was done, also where another number of processes goes on.
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
