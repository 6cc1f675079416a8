"""A few frames of each class, drawn by seed and spread over utterances and speakers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

COLUMNS = ("class", "group", "id", "start", "key")


class Drawn(NamedTuple):
    """A frame that was drawn: its class, utterance and first frame in it."""

    label: int
    id: str
    start: int


class Sample:
    """Draw frames while they go by, without keeping them.

    Each frame has a number that follows from the seed, its class, utterance and place; the
    lowest win. So the draw depends neither on the order nor on batches or processes, and
    is the same for every explanation. Of an utterance at most one frame of a class is
    drawn, and groups (speakers) take turns. What is held grows with classes times groups.

    Args:
        each: most frames of a class.
        seed: of the draw.
    """

    def __init__(self, each: int, seed: int) -> None:
        self.each, self.seed = each, seed
        self._held: dict[tuple[int, str], dict[str, tuple[int, int]]] = {}

    def add(
        self,
        classes: Sequence[int],
        groups: Sequence[str],
        ids: Sequence[str],
        starts: Sequence[int],
    ) -> None:
        """Show frames: class, speaker, utterance and first frame of each."""
        for label, group, name, start in zip(classes, groups, ids, starts, strict=True):
            self._offer(int(label), group, name, int(start), self._key(label, name, start))

    def _key(self, label: int, name: str, start: int) -> int:
        text = f"{self.seed}/{int(label)}/{name}/{int(start)}".encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "little")

    def _offer(self, label: int, group: str, name: str, start: int, key: int) -> None:
        held = self._held.setdefault((label, group), {})
        if name in held and held[name][0] <= key:
            return
        held[name] = key, start
        if len(held) > self.each:
            del held[max(held, key=lambda one: held[one][0])]

    def drawn(self) -> list[Drawn]:
        """What was drawn, class by class; of a class in the order of the draw."""
        found = []
        for label in sorted({label for label, _ in self._held}):
            found += list(self._turns(label))[: self.each]
        return found

    def _turns(self, label: int) -> Iterator[Drawn]:
        """The first of every group, then the second of every group, and so on."""
        queues = [
            sorted((key, start, name) for name, (key, start) in held.items())
            for (own, _), held in self._held.items()
            if own == label
        ]
        for turn in range(self.each):
            for _, start, name in sorted(queue[turn] for queue in queues if len(queue) > turn):
                yield Drawn(label, name, start)

    def state(self) -> dict[str, np.ndarray]:
        """What is held, as arrays."""
        rows = [
            (label, group, name, start, key)
            for (label, group), held in self._held.items()
            for name, (key, start) in held.items()
        ]
        columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
        kinds = (np.int64, str, str, np.int64, np.int64)
        return {
            name: np.array(list(column), dtype=kind)
            for name, column, kind in zip(COLUMNS, columns, kinds, strict=True)
        }

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take up what `state` gave, in place of what is held."""
        self._held = {}
        self.absorb(state)

    def absorb(self, state: Mapping[str, np.ndarray]) -> None:
        """Add what `state` of others gave."""
        rows = zip(*(state[name].tolist() for name in COLUMNS), strict=True)
        for label, group, name, start, key in rows:
            self._offer(label, group, name, start, key)
