"""Features of utterances of many lengths in HDF5: one behind the other, and where each begins.

Layout: `/features` `[M, F]`, the frames of all utterances; `/offsets` `[N + 1]`,
utterance i is rows `offsets[i]` up to `offsets[i + 1]`; `/table/<column>` `[N]` with at
least `id` and `frames`, further `speaker`, `subset`, `transcript`, `seconds` as the stage
knows them; `/frequency` `[F]` in Hz.

Shapes: N utterances, T_i frames of each, M their sum, F bands.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import (
    created,
    describe,
    label_axes,
    open_artifact,
    read_table,
    reading,
    write_table,
)
from speechlrp.artifacts.layout import Damaged, Layout, read_attribute
from speechlrp.errors import SpeechLRPError

UTTERANCES = Layout(
    "utterances",
    {
        **{"features": "MF", "frequency": "F", "offsets": "P int"},
        **{"table/id": "N text", "table/frames": "N int"},
    },
)
SPOKEN = Layout(
    UTTERANCES.kind,
    {
        **UTTERANCES.datasets,
        **{f"table/{n}": "N text" for n in ("path", "speaker", "subset", "part", "transcript")},
        **{f"table/{name}": "N" for name in ("seconds", "mean_db", "deviation_db")},
    },
    {"classes": list, "settings": dict, "task": str},
)
"""What a recogniser is trained on."""
CHUNK = 256
"""Frames of a chunk: 2 s of speech, 128 KiB in float32."""

Part = tuple[dict[str, np.ndarray], pd.DataFrame]


def write_utterances(
    path: Path,
    parts: Iterable[Part],
    *,
    frequencies: np.ndarray,
    units: str = "",
    attributes: dict[str, Any] | None = None,
) -> pd.DataFrame:
    """Write the file, whole or not at all, with one part in memory at a time.

    Each part, such as a shard, has `{"features": [sum T_i, F]}` and a table whose column `frames`
    holds the T_i; frequencies of the bands are in Hz, [F].

    Returns:
        The table of all utterances.

    Raises:
        SpeechLRPError: no utterances, or an id that occurs twice.
        ValueError: a part's table does not fit its features, or these are not finite.
    """
    with created(path) as file:
        bands = len(frequencies)
        shape = {"shape": (0, bands), "maxshape": (None, bands), "chunks": (CHUNK, bands)}
        features = file.create_dataset("features", dtype="float32", fletcher32=True, **shape)
        tables = [_append(features, arrays["features"], table) for arrays, table in parts]
        table = _joined(tables, path)
        file["offsets"] = np.cumsum([0, *table["frames"]], dtype=np.int64)
        file["frequency"] = np.asarray(frequencies, np.float64)
        write_table(file, table)
        label_axes(features, ("frame", "frequency"), units)
        label_axes(file["frequency"], ("frequency",), "Hz")
        label_axes(file["offsets"], ("edge",))
        describe(file, {"kind": UTTERANCES.kind, **(attributes or {})})
    return table


def _append(features: h5py.Dataset, values: np.ndarray, table: pd.DataFrame) -> pd.DataFrame:
    frames = table["frames"].to_numpy() if len(table) else np.zeros(0, np.int64)
    if values.shape != (frames.sum(), features.shape[1]) or (frames < 1).any():
        raise ValueError(
            f"features {values.shape} for {frames.sum()} frames of {features.shape[1]} bands"
        )
    with np.errstate(over="ignore"):
        stored = values.astype(features.dtype, copy=False)
    if not np.isfinite(stored).all():
        raise ValueError(f"features that {features.dtype} cannot hold, or that are not finite")
    start = len(features)
    features.resize(start + len(stored), axis=0)
    features[start:] = stored
    return table


def _joined(tables: list[pd.DataFrame], path: Path) -> pd.DataFrame:
    full = [table for table in tables if len(table)]
    if not full:
        raise SpeechLRPError(f"no utterances for {path}: every recording was left out")
    table = pd.concat(full, ignore_index=True)
    twice = table["id"][table["id"].duplicated()]
    if len(twice):
        raise SpeechLRPError(f"utterance {twice.iloc[0]!r} occurs more than once; ids must differ")
    return table


class Utterances:
    """Read utterances by number; a context manager that holds the file open.

    Only the table and the offsets are in memory. Use one object a process and thread.

    The command makes it, and is named in errors.

    Raises:
        SpeechLRPError: the file is missing, damaged or foreign.
    """

    def __init__(self, path: Path, command: str = "speechlrp preprocess") -> None:
        self._path, self._command = path, command
        with ExitStack() as stack:
            self._file = stack.enter_context(open_artifact(path, UTTERANCES, command))
            self._features = self._file["features"]
            self.table = read_table(self._file)
            self.offsets = self._file["offsets"][:]
            self.frequencies = self._file["frequency"][:]
            self.units = str(read_attribute(self._features, "units", ""))
            ends = np.cumsum([0, *self.table.frames])
            if not np.array_equal(self.offsets, ends) or ends[-1] != len(self._features):
                raise Damaged("its offsets do not fit its features")
            self._stack = stack.pop_all()

    @property
    def frames(self) -> np.ndarray:
        """Frames of each utterance, int64 [N]."""
        return np.diff(self.offsets)

    def __len__(self) -> int:
        return len(self.table)

    def read(self, index: int) -> np.ndarray:
        """Read one utterance, float32 [T_i, F].

        Raises:
            IndexError: there is no such utterance.
            SpeechLRPError: the file is damaged there.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"utterance {index} of {len(self)}")
        start, stop = self.offsets[index : index + 2]
        with reading(self._path, self._command):
            stored = self._features[start:stop]
        return stored.astype(np.float32, copy=False)  # HDF5's own conversion is slower

    def batch(self, indices: Sequence[int] | np.ndarray) -> list[np.ndarray]:
        """Read some utterances, each float32 [T_i, F], in the order of `indices`."""
        utterances = {int(index): self.read(int(index)) for index in np.unique(indices)}
        return [utterances[int(index)] for index in indices]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self.read(index) for index in range(len(self)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stack.close()
