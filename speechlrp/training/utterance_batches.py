"""Batches of utterances and their transcripts, read ahead of the model.

Shapes: N utterances of the file, n that are used, T_i frames of each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from speechlrp.artifacts.utterances import Utterances
from speechlrp.audio.parallel import ordered_map
from speechlrp.training.bucketing import Buckets, LetterBatch, collate
from speechlrp.training.loaders import check_features


class LetterBatches:
    """Batches of some utterances of a file, epoch by epoch.

    Which utterances form a batch follows from the seed and the number of the epoch
    alone; see `Buckets`. Memory is a few batches, whatever N.

    Args:
        path: the file.
        rows: int [n], the utterances to use.
        targets: the symbols of each of these, [n].
        frames: the length of each of these, [n].
        input_scale: factor on the inputs.
        command: the command line that makes the file, named in errors.
        options: of `Buckets`.

    Raises:
        SpeechLRPError: no utterances, or one longer than a batch may be.
    """

    def __init__(
        self,
        path: Path,
        rows: Sequence[int] | np.ndarray,
        targets: Sequence[Sequence[int]],
        frames: Sequence[int] | np.ndarray,
        *,
        input_scale: float = 1.0,
        command: str = "speechlrp preprocess",
        **options: Any,
    ) -> None:
        self._path, self._command, self.input_scale = path, command, input_scale
        self.rows, self.targets = np.asarray(rows, np.int64), list(targets)
        self.buckets = Buckets(frames, **options)
        self._options = options

    @property
    def examples(self) -> int:
        """The number of utterances an epoch."""
        return len(self.rows)

    def steps(self, epoch: int) -> int:
        """The number of batches of an epoch."""
        return len(self.buckets.epoch(epoch))

    def epoch(self, number: int, device: torch.device | None = None) -> Iterator[LetterBatch]:
        """Go through the utterances once; arguments as in `Batches.epoch`."""
        device = device or torch.device("cpu")
        plan = self.buckets.epoch(number)
        with Utterances(self._path, self._command) as utterances:
            read = partial(self._read, utterances, device.type == "cuda")
            with closing(ordered_map(read, plan, workers=1, ahead=2)) as batches:
                for batch in batches:
                    yield batch.to(device)

    def fingerprint(self) -> str:
        """Say which utterances and transcripts there are, and in which order they come."""
        digest = hashlib.sha256(self.rows.tobytes() + repr(self.targets).encode()).hexdigest()
        shared = {key: value for key, value in self._options.items() if key != "rank"}
        order = (sorted(shared.items()), self.input_scale)
        return f"{self.examples} utterances {digest[:16]} {order}"

    def _read(self, utterances: Utterances, pinned: bool, positions: np.ndarray) -> LetterBatch:
        rows = self.rows[positions]
        targets = [self.targets[place] for place in positions]
        batch = collate(utterances.batch(rows), targets, rows, self.input_scale)
        check_features(batch.inputs.numpy(), rows)
        return batch._replace(inputs=batch.inputs.pin_memory()) if pinned else batch
