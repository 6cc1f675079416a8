"""Where the examples lie: rows of an HDF5 dataset, or of an array in memory.

Shapes: N examples of 1 channel, F frequency bins (samples have no such axis), T time steps; B rows
are read.

A source knows its shape and hands out readers, one for each pass over its rows.
"""

from __future__ import annotations

import copy
from contextlib import closing
from pathlib import Path

import h5py
import numpy as np
import torch

from speechlrp.artifacts.hdf5 import checked, reading
from speechlrp.artifacts.layout import Layout
from speechlrp.artifacts.relevance import FEATURES

ROWS = Layout(FEATURES.kind, {"features": "NC*"})
"""All of such a file that is read here."""


class MemoryRows:
    """Rows of an array [N, 1, F, T] that is in memory already; its own reader."""

    in_memory = True

    def __init__(self, values: np.ndarray | torch.Tensor) -> None:
        self._values = np.asarray(values)
        self.shape = self._values.shape

    def reader(self) -> MemoryRows:
        """Give a reader."""
        return self

    def read(self, rows: np.ndarray, out: np.ndarray) -> None:
        """Read `rows` [B] into `out` [B, 1, F, T] float32."""
        if self._values.dtype == out.dtype:
            np.take(self._values, rows, axis=0, out=out, mode="clip")  # "raise" would copy twice
        else:
            out[...] = self._values[rows]

    def close(self) -> None:
        """Do nothing: the array is the caller's."""


class HDF5Rows:
    """Rows of the dataset `features` [N, 1, F, T] in an HDF5 file.

    Args:
        path: the file.
        command: the command line that makes the file, named in errors.

    Raises:
        SpeechLRPError: the file is missing, truncated or foreign.
    """

    in_memory = False

    def __init__(self, path: Path, command: str) -> None:
        self._path, self._command = path, command
        self._file: h5py.File | None = None
        with closing(self):
            self.shape = self._values().shape

    def reader(self) -> HDF5Rows:
        """Give a reader, which opens the file when it is first needed."""
        return copy.copy(self)

    def read(self, rows: np.ndarray, out: np.ndarray) -> None:
        """Read `rows` [B] (rising) into `out` [B, 1, F, T] float32.

        Neighbouring rows are read at once and the others one by one: h5py's own
        list indexing takes about fifty times as long.
        """
        values = self._values()
        ends = np.flatnonzero(np.diff(rows) != 1) + 1
        with reading(self._path, self._command):
            for first, end in zip([0, *ends], [*ends, len(rows)], strict=True):
                out[first:end] = values[rows[first] : rows[end - 1] + 1]

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        self._file = None

    def _values(self) -> h5py.Dataset:
        if self._file is None:  # without a cache, as every chunk is read once an epoch
            self._file = checked(self._path, ROWS, self._command, rdcc_nbytes=0)
        return self._file["features"]
