"""Named arrays that frames are gathered in, over units of work and processes."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
import torch
from numpy.typing import DTypeLike
from torch import Tensor

from speechlrp.errors import SpeechLRPError


class Gathered:
    """Named arrays that can be put down between two units, taken up again, and put together.

    Args:
        sums: arrays whose shape stays: those of several processes are added. They are changed
            in place, so that one part may hold the arrays of others.
        columns: dtypes of arrays ``[n]`` that grow: those of several processes are appended.

    Attributes:
        arrays: the sums, by name.
    """

    def __init__(
        self,
        sums: Mapping[str, Tensor] | None = None,
        columns: Mapping[str, DTypeLike] | None = None,
    ) -> None:
        self.arrays = dict(sums or {})
        self._columns = {name: [np.zeros(0, kind)] for name, kind in (columns or {}).items()}

    def append(self, rows: Mapping[str, Tensor | Sequence[int]]) -> None:
        """Append rows, ``[n]`` of each column."""
        for name, chunks in self._columns.items():
            values = torch.as_tensor(rows[name]).detach().cpu().numpy()
            chunks.append(values.astype(chunks[0].dtype))

    def state(self) -> dict[str, np.ndarray]:
        """Copies of all arrays, for a file."""
        for chunks in self._columns.values():  # joined once, not again at every saving
            chunks[:] = [np.concatenate(chunks)]
        sums = {name: array.cpu().numpy().copy() for name, array in self.arrays.items()}
        return sums | {name: chunk.copy() for name, (chunk,) in self._columns.items()}

    def restore(self, state: Mapping[str, np.ndarray]) -> Self:
        """Take up what `state` put down, in place of what is held.

        Raises:
            SpeechLRPError: arrays of other names, types or shapes.
        """
        self._check(state)
        for array in self.arrays.values():
            array.zero_()
        for chunks in self._columns.values():
            chunks[:] = [chunks[0][:0]]
        return self.absorb(state)

    def absorb(self, state: Mapping[str, np.ndarray]) -> Self:
        """Add what the `state` of another process holds.

        Raises:
            SpeechLRPError: arrays of other names, types or shapes.
        """
        self._check(state)
        for name, array in self.arrays.items():
            array += torch.as_tensor(state[name]).to(array.device)
        for name, chunks in self._columns.items():
            chunks.append(state[name])
        return self

    def _check(self, state: Mapping[str, np.ndarray]) -> None:
        expected = {n: _form(array.cpu().numpy()) for n, array in self.arrays.items()}
        expected |= {n: (str(chunks[0].dtype), ("n",)) for n, chunks in self._columns.items()}
        forms = {name: _form(array, name in self._columns) for name, array in state.items()}
        for name in sorted(expected.keys() | forms.keys()):
            if expected.get(name) != forms.get(name):
                raise SpeechLRPError(
                    f"the stored sums do not fit: {name} is {forms.get(name)} in place of "
                    f"{expected.get(name)}; begin anew with --force"
                )


def _form(array: np.ndarray, grows: bool = False) -> tuple[str, tuple]:
    return str(array.dtype), ("n",) if grows and array.ndim == 1 else array.shape
