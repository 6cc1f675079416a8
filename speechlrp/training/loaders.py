"""Mini-batches, read ahead of the model by background threads.

Shapes: N examples of the dataset, B of a batch, 1 channel, F frequency bins,
T time steps.
"""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from speechlrp.audio.parallel import ordered_map
from speechlrp.errors import SpeechLRPError
from speechlrp.training.plan import Plan
from speechlrp.training.sources import HDF5Rows, MemoryRows

Reader = MemoryRows | HDF5Rows


class Batch(NamedTuple):
    """Examples that go through the model together."""

    inputs: torch.Tensor  # float32 [B, 1, F, T], times `input_scale`
    labels: torch.Tensor  # int64 [B]
    rows: torch.Tensor  # int64 [B], rows of the dataset, rising; always on the CPU


class PlannedBatches(ABC):
    """Batches epoch by epoch, as a `Plan` has them."""

    plan: Plan  # which examples form a batch
    labels: np.ndarray  # int64 [N], the label of each
    input_scale: float  # factor on the inputs
    threads = 1  # that read batches, each one at a time

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The shape of an example, (1, F, T)."""

    @property
    def examples(self) -> int:
        """The number of examples an epoch."""
        return self.plan.examples

    def __len__(self) -> int:
        """Give the number of steps an epoch: batches, where no process or batch is joined."""
        return len(self.plan)

    def epoch(self, number: int, device: torch.device | None = None) -> Iterator[Batch]:
        """Go through this process's examples once.

        The threads that read live as long as the iteration, however it ends; what
        they raise is raised here.

        Args:
            number: of the epoch; it decides the order.
            device: where inputs and labels go; the copy to a GPU runs beside the model.
        """
        device, prefetch = device or torch.device("cpu"), self.threads + 1
        with self._reading(number, device.type == "cuda") as read:
            batches = ordered_map(
                read, self.plan.epoch(number), workers=self.threads, prefetch=prefetch
            )
            with closing(batches):
                for batch in batches:
                    inputs = batch.inputs.to(device, non_blocking=True)
                    labels = batch.labels.to(device, non_blocking=True)
                    yield Batch(inputs, labels, batch.rows)

    @abstractmethod
    def _reading(
        self, number: int, pinned: bool
    ) -> AbstractContextManager[Callable[[np.ndarray], Batch]]:
        """Give what makes the batch of some positions of the epoch, in pinned memory or not."""


class Batches(PlannedBatches):
    """Batches of some rows of a dataset, epoch by epoch.

    Which examples form a batch follows from the seed and the number of the epoch
    alone, so a run that goes on after a kill sees what it would have seen. Within
    a batch the rows rise, because files are read in that order.

    Args:
        source: an HDF5 file, or an array [N, 1, F, T].
        labels: int [N], the label of every example of the dataset.
        rows: the rows to use; all by default.
        input_scale: factor on the inputs.
        cache_mb: memory for examples, in MiB. Where all rows fit they are kept
            once read; otherwise memory is a few batches, whatever N.
        command: the command line that makes the file, named in errors.
        order: of `Plan`: ``batch_size`` and, if wanted, ``shuffle``, ``seed``, ...

    Raises:
        SpeechLRPError: a missing, damaged or foreign file, or no rows.
        ValueError: labels or rows that do not fit the dataset.
    """

    def __init__(
        self,
        source: Path | np.ndarray | torch.Tensor,
        labels: Sequence[int] | np.ndarray,
        rows: Sequence[int] | np.ndarray | None = None,
        *,
        input_scale: float = 1.0,
        cache_mb: float = 1024.0,
        command: str = "speechlrp preprocess",
        **order: Any,
    ) -> None:
        self._source = (
            HDF5Rows(Path(source), command)
            if isinstance(source, str | Path)
            else MemoryRows(source)
        )
        self.rows = _checked_rows(rows, labels, self._source.shape)
        self.labels = np.asarray(labels, dtype=np.int64)[self.rows]
        self.plan = Plan(len(self.rows), **order)
        self.input_scale = input_scale
        self._cache = self._new_cache(cache_mb)
        self._cached = np.zeros(len(self.rows), dtype=bool)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an example, (1, F, T)."""
        return self._source.shape[1:]

    @property
    def in_memory(self) -> bool:
        """Whether examples stay in memory from one epoch to the next."""
        return self._source.in_memory or self._cache is not None

    def __iter__(self) -> Iterator[Batch]:
        """Go through epoch 0 on the CPU."""
        return self.epoch(0)

    def fingerprint(self) -> str:
        """Say which examples there are, and in which order they come."""
        digest = hashlib.sha256(self.rows.tobytes() + self.labels.tobytes()).hexdigest()
        plan = self.plan
        order = (plan.step_size, plan.shuffle, plan.seed, self.input_scale, self.shape)
        return f"{self.examples} examples {digest[:16]} {order}"

    @contextmanager
    def _reading(self, number: int, pinned: bool) -> Iterator[Callable[[np.ndarray], Batch]]:
        with closing(self._source.reader()) as reader:
            yield partial(self._read, reader, pinned)

    def _read(self, reader: Reader, pinned: bool, positions: np.ndarray) -> Batch:
        inputs = torch.empty((len(positions), *self.shape), pin_memory=pinned)
        if self._cache is None:
            self._scaled(reader, positions, inputs.numpy())
        else:
            self._fill(self._cache, reader, positions[~self._cached[positions]])
            inputs.numpy()[...] = self._cache[positions]
        labels = torch.from_numpy(self.labels[positions])
        rows = torch.from_numpy(self.rows[positions])
        return Batch(inputs, labels.pin_memory() if pinned else labels, rows)

    def _fill(self, cache: np.ndarray, reader: Reader, missing: np.ndarray) -> None:
        if len(missing):
            block = np.empty((len(missing), *self.shape), dtype=np.float32)
            self._scaled(reader, missing, block)
            cache[missing] = block
            self._cached[missing] = True

    def _scaled(self, reader: Reader, positions: np.ndarray, out: np.ndarray) -> None:
        reader.read(self.rows[positions], out)
        check_features(out, self.rows[positions])
        if self.input_scale != 1.0:
            np.multiply(out, np.float32(self.input_scale), out=out)

    def _new_cache(self, cache_mb: float) -> np.ndarray | None:
        size = 4 * self.examples * int(np.prod(self.shape))
        if self._source.in_memory or size > cache_mb * 2**20:
            return None
        return np.empty((self.examples, *self.shape), dtype=np.float32)


def check_features(values: np.ndarray, rows: np.ndarray) -> None:
    """Check what was read of a dataset: one number that is not finite spoils every weight.

    Args:
        values: [B, ...].
        rows: of the dataset, [B].

    Raises:
        SpeechLRPError: says which row.
    """
    finite = np.isfinite(values)
    if not finite.all():
        wrong = ~finite.reshape(len(values), -1).all(axis=1)
        raise SpeechLRPError(
            f"the features of example {rows[wrong][0]} are not finite; make them again with "
            "`speechlrp preprocess --force`"
        )


def _checked_rows(
    rows: Sequence[int] | np.ndarray | None,
    labels: Sequence[int] | np.ndarray,
    shape: tuple[int, ...],
) -> np.ndarray:
    if len(labels) != shape[0]:
        raise ValueError(f"{len(labels)} labels for {shape[0]} examples")
    picked = np.arange(shape[0]) if rows is None else np.sort(np.asarray(rows, dtype=np.int64))
    if len(picked) == 0:
        raise SpeechLRPError("no examples to iterate over: the chosen rows or subset are empty")
    if picked[0] < 0 or picked[-1] >= shape[0]:
        raise ValueError(f"rows {picked[0]}..{picked[-1]} of a dataset of {shape[0]}")
    return picked
