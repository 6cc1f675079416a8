"""What takes in batches of frames, and the units of work that they come in.

Shapes: ``B`` windows of a batch, ``F`` bands, ``W`` steps of a window.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from speechlrp.navai.average import Averages
from speechlrp.navai.frames import Frames
from speechlrp.navai.gathered import Gathered


class Part(Gathered, ABC):
    """What is gathered from the frames of a pass, batch by batch."""

    @abstractmethod
    def add(self, batch: Frames, maps: Mapping[str, Tensor], steps: Mapping[str, Tensor]) -> None:
        """Take in a batch.

        Args:
            batch: windows, and what they are; of one unit.
            maps: explainer -> explanation of the predicted symbol's logit ``[B, F, W]``.
            steps: alignment -> key steps ``[B]``, -1 where there is none.
        """


class AveragePart(Part):
    """Sums of the frames of each class, alignment by alignment.

    Args:
        averages: where they are added up.
        scale: what features were multiplied with for the model; sums are without it.
        groups: utterance -> its group, where sums by groups are kept.
    """

    def __init__(
        self, averages: Averages, scale: float = 1.0, groups: Mapping[str, int] | None = None
    ) -> None:
        super().__init__(averages.arrays)
        self.averages, self.scale, self.groups = averages, scale, groups

    def add(self, batch: Frames, maps: Mapping[str, Tensor], steps: Mapping[str, Tensor]) -> None:
        """Add the windows to the sums."""
        groups = None
        if self.groups is not None:
            groups = torch.tensor([self.groups[key] for key in batch.ids])
        windows = batch.windows / self.scale
        self.averages.add(windows, batch.classes, steps, batch.runs, groups)


class FrameTable(Part):
    """A row a frame: what it is and where its key steps are, in 14 bytes and 2 an alignment.

    Args:
        ids: of all utterances to come.
        alignments: whose key steps are kept.
    """

    def __init__(self, ids: Sequence[str], alignments: Sequence[str] = ()) -> None:
        kinds = {"utterance": np.int32, "class": np.int16, "run": np.int32, "start": np.int32}
        super().__init__(columns=kinds | {step_of(name): np.int16 for name in alignments})
        self.ids, self.alignments = tuple(ids), tuple(alignments)
        self._codes = {key: code for code, key in enumerate(ids)}

    def add(self, batch: Frames, maps: Mapping[str, Tensor], steps: Mapping[str, Tensor]) -> None:
        """Note the frames of a batch."""
        codes = [self._codes[key] for key in batch.ids]
        frames: dict[str, Tensor | Sequence[int]] = {
            "utterance": codes,
            "class": batch.classes,
            "run": batch.runs,
        }
        frames |= {"start": batch.starts, **{step_of(n): step for n, step in steps.items()}}
        self.append(frames)

    def table(self) -> pd.DataFrame:
        """Columns utterance (its place), class, run, start (frames) and a step an alignment.

        In order of utterances and of time, whatever process read which of them.
        """
        return pd.DataFrame(self.state()).sort_values(["utterance", "start"], ignore_index=True)


def step_of(alignment: str) -> str:
    """The column of an alignment's key steps."""
    return f"step {alignment}"


def units(windows: Sequence[int] | np.ndarray, least: int) -> list[range]:
    """Cut utterances into units of work: in order, and each about as much.

    Gives the places of the utterances of each unit, which has at least so many of their ``windows``
    (the last may have fewer).
    """
    work, start, size = [], 0, 0
    for place, count in enumerate(windows, 1):
        size += int(count)
        if size >= least or place == len(windows):
            work.append(range(start, place))
            start, size = place, 0
    return work
