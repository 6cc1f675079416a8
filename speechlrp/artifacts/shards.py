"""Work in units: each unit's arrays and table rows in a file of its own, merged at the end.

A unit's file appears whole or not at all, so a run that was killed goes on with
the first unit that has none. Units can be made in any order and by any process.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.atomic import whole
from speechlrp.artifacts.hdf5 import write_table
from speechlrp.errors import SpeechLRPError

COLUMN = "table."


class Shards:
    """The files of `count` units of work in `folder`."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.count = count
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, unit: int) -> Path:
        """Where the unit's file is or will be."""
        return self.folder / f"{unit:06d}.npz"

    def missing(self) -> list[int]:
        """The units that still have to be done, in order."""
        return [unit for unit in range(self.count) if not self.path(unit).exists()]

    def put(self, unit: int, arrays: dict[str, np.ndarray], table: pd.DataFrame) -> None:
        """Write a unit: arrays `[n, ...]` and a table of their n rows (n may be 0)."""
        columns: dict[str, Any] = {COLUMN + name: _plain(column) for name, column in table.items()}
        with whole(self.path(unit)) as beside, beside.open("wb") as file:
            np.savez(file, **(arrays | columns))

    def get(self, unit: int) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
        """Read a unit back.

        Raises:
            SpeechLRPError: its file is damaged; it is deleted, to be made again.
        """
        try:
            with self.path(unit).open("rb") as file, np.load(file, allow_pickle=False) as held:
                values = {name: held[name] for name in held.files}
        except (zipfile.BadZipFile, ValueError, EOFError, OSError) as error:
            self.path(unit).unlink(missing_ok=True)
            raise SpeechLRPError(
                f"{self.path(unit)} was damaged and is deleted; the same command makes it again"
            ) from error
        columns = {k.removeprefix(COLUMN): v for k, v in values.items() if k.startswith(COLUMN)}
        arrays = {k: v for k, v in values.items() if not k.startswith(COLUMN)}
        return arrays, pd.DataFrame(columns)

    def __iter__(self) -> Iterator[tuple[dict[str, np.ndarray], pd.DataFrame]]:
        return (self.get(unit) for unit in range(self.count))

    def table(self) -> pd.DataFrame:
        """The rows of all units."""
        return pd.concat([table for _, table in self], ignore_index=True)

    def merge(self, file: h5py.File, each: Callable[[dict, pd.DataFrame], None] | None = None):
        """Append the arrays of all units to `file`, one unit in memory at a time.

        Args:
            file: an HDF5 file open for writing.
            each: is shown every unit's arrays and table on the way.

        Returns:
            The table of all rows, which is written to the file as well.
        """
        tables = []
        for arrays, table in self:
            for name, rows in arrays.items():
                _append(file, name, rows)
            if each is not None:
                each(arrays, table)
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


def _append(file: h5py.File, name: str, rows: np.ndarray) -> None:
    if name not in file:
        row = rows.shape[1:]
        file.create_dataset(
            name, shape=(0, *row), maxshape=(None, *row), chunks=(1, *row), dtype=rows.dtype
        )
    dataset = file[name]
    start = len(dataset)
    dataset.resize(start + len(rows), axis=0)
    dataset[start:] = rows
