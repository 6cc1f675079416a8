"""maximized.h5: the inputs that neurons want, how they were reached, and a row a neuron.

Layout: `/inputs` `[N, F, T]`, `/history` `[N, steps + 1]`, `/frequency` `[F]` in Hz, `/time`
`[T]` in ms, `/table/<column>` `[N]`: among them `first_frame` and `frames`, what of the input
the neuron sees.

Shapes: N neurons, F bands, T frames.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import created, describe, label_axes, open_artifact, read_table
from speechlrp.artifacts.layout import Damaged, Layout, attribute
from speechlrp.artifacts.shards import Shards

MAXIMIZED = Layout(
    "maximized",
    {
        **{"inputs": "NFT", "history": "NS", "frequency": "F", "time": "T"},
        **{f"table/{name}": "N text" for name in ("layer", "symbol", "chosen_for")},
        **{f"table/{name}": "N int" for name in ("neuron", "first_frame", "frames")},
    },
    {"settings": dict},
)


def write_maximized(
    path: Path,
    shards: Shards,
    *,
    frequency: np.ndarray,
    time_ms: np.ndarray,
    units: str,
    attributes: Mapping[str, Any],
) -> pd.DataFrame:
    """Merge the batches of neurons into one file, whole or not at all.

    Each shard has `{"inputs": [n, F, T], "history": [n, steps + 1]}` and n rows; frequencies of the
    bands are in Hz, [F], times of the frames from the first one in ms, [T].

    Returns:
        The table of all neurons.
    """
    with created(path) as file:
        table = shards.merge(file)
        for name, axis, unit in (("frequency", frequency, "Hz"), ("time", time_ms, "ms")):
            label_axes(file.create_dataset(name, data=axis), (name,), unit)
        label_axes(file["inputs"], ("neuron", "frequency", "time"), units)
        label_axes(file["history"], ("neuron", "step"), "activation")
        describe(file, {"kind": MAXIMIZED.kind, **attributes})
    return table


class MaximizedFile:
    """An open file of maximised inputs.

    Attributes:
        table: a row a neuron.
        frequency: of the bands in Hz, [F].
        settings: how they were made.
    """

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self.table = read_table(file)
        self.frequency = file["frequency"][:]
        self.settings = attribute(file, "settings", dict)

    def seen(self, row: int) -> np.ndarray:
        """The frames that a neuron sees, float32 [F, frames]."""
        first, frames = (int(self.table[name].iloc[row]) for name in ("first_frame", "frames"))
        if not 0 <= first < first + frames <= self._file["inputs"].shape[2]:
            raise Damaged(f"row {row} of its table has no frames of its inputs")
        return self._file["inputs"][row, :, first : first + frames]

    def time(self, row: int) -> np.ndarray:
        """Their times in ms, [frames], from the first of them on."""
        frames = int(self.table.frames.iloc[row])
        return self._file["time"][:frames]

    def history(self, row: int) -> np.ndarray:
        """Its activation before the first and after each step, [steps + 1]."""
        return self._file["history"][row]


@contextmanager
def open_maximized(path: Path, command: str) -> Iterator[MaximizedFile]:
    """Open the file for reading.

    The command makes it, and is named in errors.

    Raises:
        SpeechLRPError: it is missing, damaged or something else.
    """
    with open_artifact(path, MAXIMIZED, command) as file:
        yield MaximizedFile(file)
