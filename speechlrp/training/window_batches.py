"""Mini-batches of random windows, cut from recordings and turned into features by threads.

Nothing is stored: a million recordings need no second copy. Shapes as in `loaders`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial

import numpy as np
import torch

from speechlrp.audio.random_windows import Crops, Source
from speechlrp.errors import SpeechLRPError
from speechlrp.training.loaders import Batch, to_device
from speechlrp.training.plan import Part, Plan
from speechlrp.training.prefetch import read_ahead


class CropBatches:
    """A random window of every recording, epoch by epoch; the face of `loaders.Batches`.

    Args:
        sources: the recordings.
        labels: int [N], the label of each.
        crops: takes the windows.
        batch_size: examples a batch.
        seed: of the order.
        rank: this process's part of the batches, see `plan.Plan`.
        ranks: processes that share them.
        accumulate: batches of a process that form a step.
        input_scale: factor on the inputs.
        threads: that read and compute, each a batch.
        speed_classes: what a window at another speed is labelled: with its speaker's label
            plus so many times the speed's number; 0: with its speaker's.

    Raises:
        SpeechLRPError: there are no recordings.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        labels: Sequence[int] | np.ndarray,
        crops: Crops,
        *,
        batch_size: int,
        seed: int = 0,
        rank: int = 0,
        ranks: int = 1,
        accumulate: int = 1,
        input_scale: float = 1.0,
        threads: int = 1,
        speed_classes: int = 0,
    ) -> None:
        if not len(sources):
            raise SpeechLRPError("no recordings to train on: the training split is empty")
        if len(sources) != len(labels):
            raise ValueError(f"{len(labels)} labels for {len(sources)} recordings")
        self.plan = Plan(
            len(sources),
            batch_size,
            shuffle=True,
            seed=seed,
            rank=rank,
            ranks=ranks,
            accumulate=accumulate,
        )
        self.sources, self.labels = sources, np.asarray(labels, dtype=np.int64)
        self.crops, self.batch_size, self.input_scale = crops, batch_size, input_scale
        self._threads, self._speed_classes = max(1, threads), speed_classes

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an example, (1, F, T)."""
        return (1, *self.crops.settings.shape)

    @property
    def examples(self) -> int:
        """The number of examples an epoch."""
        return len(self.sources)

    def __len__(self) -> int:
        """Give the number of steps an epoch."""
        return len(self.plan)

    def parts(self) -> Iterator[Part]:
        """Say of each batch of an epoch which part of its step it is."""
        return self.plan.parts()

    def epoch(self, number: int, device: torch.device | None = None) -> Iterator[Batch]:
        """Go through this process's recordings once; arguments as in `loaders.Batches`.

        Raises:
            SpeechLRPError: a recording cannot be read any more.
        """
        device = device or torch.device("cpu")
        read = partial(self._read, number, device.type == "cuda")
        plan, threads = self.plan.epoch(number), self._threads
        batches = read_ahead(read, plan, count=threads + 1, threads=threads)
        with closing(batches):
            for batch in batches:
                yield to_device(batch, device)

    def fingerprint(self) -> str:
        """Say which examples there are, and in which order they come."""
        ids = "\n".join(source.id for source in self.sources)
        digest = hashlib.sha256(ids.encode() + self.labels.tobytes()).hexdigest()
        order = (self.plan.step_size, self.plan.seed, self.input_scale, self.shape)
        return f"windows of {self.examples} recordings {digest[:16]} {order}"

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
