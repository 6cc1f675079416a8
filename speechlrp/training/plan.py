"""Which examples form a step, a process's batch, and a batch.

A step of the optimizer sees ``batch_size x accumulate x ranks`` examples: every process
takes as many batches of its own before the step, and all take it together.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from speechlrp.errors import SpeechLRPError
from speechlrp.training.seeding import ORDER, derive

LEAST = 2  # examples of a batch that is trained on: batch norm needs more than one


class Part(NamedTuple):
    """A batch as a part of its step."""

    examples: int  # of the whole step, in all processes
    last: bool  # whether the step is taken after it


class Plan:
    """The batches of one process, epoch by epoch.

    Which examples form a step follows from the seed, the number of the epoch and the number of
    examples a step alone, so two processes take the steps of one whose batch is twice as large.
    Where shuffled, a last step of fewer than two examples a process joins the one before.

    Args:
        examples: how many there are.
        batch_size: examples of a batch, at most; the last one of an epoch may be smaller.
        shuffle: a new order each epoch; otherwise rising.
        seed: of the order.
        rank: of this process, of `ranks` that share the batches.
        ranks: how many processes.
        accumulate: batches of a process that form a step.

    Raises:
        SpeechLRPError: there are more processes than examples.
    """

    def __init__(
        self,
        examples: int,
        batch_size: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        rank: int = 0,
        ranks: int = 1,
        accumulate: int = 1,
    ) -> None:
        if examples < ranks:
            raise SpeechLRPError(f"{examples} examples cannot be shared by {ranks} processes")
        self.examples, self.batch_size = examples, batch_size
        self.shuffle, self.seed = shuffle, seed
        self.rank, self.ranks, self.accumulate = rank, ranks, accumulate
        self._sizes = self._steps()

    @property
    def step_size(self) -> int:
        """Examples of a whole step."""
        return self.batch_size * self.ranks * self.accumulate

    def __len__(self) -> int:
        """Give the number of steps an epoch."""
        return len(self._sizes)

    def epoch(self, number: int) -> Iterator[np.ndarray]:
        """Yield the positions of each batch of this process, rising within a batch."""
        order = np.arange(self.examples)
        if self.shuffle:
            order = np.random.default_rng(derive(self.seed, number, ORDER)).permutation(order)
        first = 0
        for size in self._sizes:
            parts = np.array_split(order[first : first + size], self.ranks * self._batches(size))
            for part in parts[self.rank * self._batches(size) :][: self._batches(size)]:
                if len(part):
                    yield np.sort(part)
            first += size

    def parts(self) -> Iterator[Part]:
        """Say of each batch of an epoch which part of its step it is."""
        for size in self._sizes:
            count = self._batches(size)
            for number in range(count):
                yield Part(size, number == count - 1)

    def _steps(self) -> list[int]:
        sizes = [self.step_size] * (self.examples // self.step_size)
        rest = self.examples % self.step_size
        if rest and self.shuffle and sizes and rest < LEAST * self.ranks:
            sizes[-1] += rest
        elif rest:
            sizes.append(rest)
        return sizes

    def _batches(self, size: int) -> int:
        """Batches of each process in a step of so many examples."""
        return min(self.accumulate, -(-size // (self.ranks * self.batch_size)))
