"""Mini-batches of random windows, cut from recordings and turned into features by threads.

Nothing is stored: a million recordings need no second copy. Shapes as in `loaders`.
"""

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import numpy as np
import torch

from speechlrp.audio.random_windows import Crops, Source
from speechlrp.errors import SpeechLRPError
from speechlrp.training.loaders import Batch, PlannedBatches
from speechlrp.training.plan import Plan


class CropBatches(PlannedBatches):
    """A random window of every recording, epoch by epoch; the face of `loaders.Batches`.

    Args:
        sources: the recordings.
        labels: int [N], the label of each.
        crops: takes the windows.
        input_scale: factor on the inputs.
        threads: that read and compute, each a batch.
        speed_classes: what a window at another speed is labelled: with its speaker's label
            plus so many times the speed's number; 0: with its speaker's.
        order: of `Plan`, whose examples are always shuffled.

    Raises:
        SpeechLRPError: there are no recordings.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        labels: Sequence[int] | np.ndarray,
        crops: Crops,
        *,
        input_scale: float = 1.0,
        threads: int = 1,
        speed_classes: int = 0,
        **order: Any,
    ) -> None:
        if not len(sources):
            raise SpeechLRPError("no recordings to train on: the training split is empty")
        if len(sources) != len(labels):
            raise ValueError(f"{len(labels)} labels for {len(sources)} recordings")
        self.plan = Plan(len(sources), shuffle=True, **order)
        self.sources, self.labels = sources, np.asarray(labels, dtype=np.int64)
        self.crops, self.input_scale = crops, input_scale
        self.threads, self._speed_classes = max(1, threads), speed_classes

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an example, (1, F, T)."""
        return (1, *self.crops.settings.shape)

    def fingerprint(self) -> str:
        """Say which examples there are, and in which order they come."""
        ids = "\n".join(source.id for source in self.sources)
        digest = hashlib.sha256(ids.encode() + self.labels.tobytes()).hexdigest()
        order = (self.plan.step_size, self.plan.seed, self.input_scale, self.shape)
        return f"windows of {self.examples} recordings {digest[:16]} {order}"

    def _reading(
        self, number: int, pinned: bool
    ) -> AbstractContextManager[Callable[[np.ndarray], Batch]]:
        return nullcontext(partial(self._read, number, pinned))

    def _read(self, turn: int, pinned: bool, positions: np.ndarray) -> Batch:
        with torch.inference_mode():
            crops = [self.crops(self.sources[place], turn) for place in positions]
            waves = torch.stack([wave for wave, _ in crops])
            features = self.crops.settings.transform(waves) * self.input_scale
        speeds = np.array([speed for _, speed in crops])
        labels = self.labels[positions] + self._speed_classes * speeds
        inputs = torch.empty(features.shape, pin_memory=pinned).copy_(features)
        label = torch.from_numpy(labels)
        rows = torch.from_numpy(positions)
        return Batch(inputs, label.pin_memory() if pinned else label, rows)
