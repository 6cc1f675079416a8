"""What takes in batches of frames, and cuts the work into units that can be resumed and merged.

Shapes: ``B`` windows of a batch, ``F`` bands, ``W`` steps of a window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from speechlrp.navai.average import Averages
from speechlrp.navai.frames import Frames, Tally


class Part(Protocol):
    """Something that is gathered over all frames, its memory not growing with them.

    What it holds can be put down as arrays between any two units and taken up again, and
    what several processes hold can be added up.
    """

    def add(self, batch: Frames, maps: Mapping[str, Tensor], steps: Mapping[str, Tensor]) -> None:
        """Take in a batch.

        Args:
            batch: windows, and what they are; of one unit.
            maps: explainer -> explanation of the predicted symbol's logit ``[B, F, W]``.
            steps: alignment -> key steps ``[B]``, -1 where there is none.
        """

    def end(self, tally: Tally) -> None:
        """A unit ends: all frames of its utterances were taken in; what was counted in it."""

    def state(self) -> dict[str, np.ndarray]:
        """What is held, as plain arrays (numbers or text, no objects)."""

    def restore(self, state: Mapping[str, np.ndarray]) -> object:
        """Take up what `state` put down, in place of what is held."""

    def absorb(self, state: Mapping[str, np.ndarray]) -> object:
        """Add what the same part of another process has put down."""


class AveragePart:
    """Sums of the frames of each class, alignment by alignment.

    Args:
        averages: where they are added up.
        scale: what features were multiplied with for the model; sums are without it.
        groups: utterance -> its group, where sums by groups are kept.
    """

    def __init__(
        self, averages: Averages, scale: float = 1.0, groups: Mapping[str, int] | None = None
    ) -> None:
        self.averages, self.scale, self.groups = averages, scale, groups

    def add(self, batch: Frames, maps: Mapping[str, Tensor], steps: Mapping[str, Tensor]) -> None:
        """Add the windows to the sums."""
        groups = None
        if self.groups is not None:
            groups = torch.tensor([self.groups[key] for key in batch.ids])
        windows = batch.windows / self.scale
        self.averages.add(windows, batch.classes, steps, batch.runs, groups)

    def end(self, tally: Tally) -> None:
        """Nothing is kept from batch to batch."""

    def state(self) -> dict[str, np.ndarray]:
        """The sums."""
        return self.averages.state()

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take up sums."""
        self.averages.restore(state)

    def absorb(self, state: Mapping[str, np.ndarray]) -> None:
        """Add sums."""
        self.averages.absorb(state)


class TallyPart:
    """What was counted while frames were read.

    Args:
        classes: how many there are.
    """

    def __init__(self, classes: int) -> None:
        self.tally = Tally(np.zeros(classes, np.int64))

    def add(self, batch: Frames, maps: Mapping[str, Tensor], steps: Mapping[str, Tensor]) -> None:
        """Nothing: frames are counted where they are found."""

    def end(self, tally: Tally) -> None:
        """Add what a unit counted."""
        self.tally += tally

    def state(self) -> dict[str, np.ndarray]:
        """The counts."""
        return {name: np.asarray(value) for name, value in vars(self.tally).items()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take up counts."""
        single = {name: int(state[name]) for name in ("utterances", "short", "steps")}
        self.tally = Tally(np.array(state["counts"]), **single)

    def absorb(self, state: Mapping[str, np.ndarray]) -> None:
        """Add counts."""
        own = self.tally
        self.restore(state)
        self.tally = own + self.tally


def units(windows: Sequence[int] | np.ndarray, least: int) -> list[range]:
    """Cut utterances into units of work: in order, and each about as much.

    Args:
        windows: of each utterance.
        least: windows that a unit has at least; the last may have fewer.

    Returns:
        Places of the utterances of each unit.
    """
    found, start, size = [], 0, 0
    for place, count in enumerate(windows, 1):
        size += int(count)
        if size >= least or place == len(windows):
            found.append(range(start, place))
            start, size = place, 0
    return found
