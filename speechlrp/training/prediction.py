"""One pass of a model over examples, without gradients; and how long it computes."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from speechlrp.models.heads import check_outputs
from speechlrp.training.loaders import Batches
from speechlrp.training.seeding import tf32


@dataclass(frozen=True)
class Outputs:
    """What a model says of N examples over K classes."""

    logits: torch.Tensor  # float32 [N, K], on the CPU
    labels: torch.Tensor  # int64 [N]
    rows: torch.Tensor  # int64 [N], rows of the dataset, in the order of the batches


def autocast(device: torch.device, precision: str) -> AbstractContextManager:
    """Give the context of ``"bf16"`` (autocast), ``"tf32"`` or ``"float32"`` (nothing)."""
    if precision == "float32":
        return nullcontext()
    if precision == "tf32":
        return tf32(True)
    return torch.autocast(device.type, dtype=torch.bfloat16)


def layout(channels_last: bool) -> torch.memory_format:
    """Give the memory format of images."""
    return torch.channels_last if channels_last else torch.contiguous_format


def predict(
    model: nn.Module,
    batches: Batches,
    device: torch.device,
    *,
    precision: str = "float32",
    channels_last: bool = False,
    clock: AbstractContextManager | None = None,
) -> Outputs:
    """Run a model in evaluation mode; it is left in the mode it was in.

    Args:
        model: [B, 1, F, T] -> logits [B, K], on `device`.
        batches: the examples.
        device: where to compute.
        precision: ``"float32"``, ``"tf32"`` or ``"bf16"``.
        channels_last: the memory format of the inputs.
        clock: wraps the model's own work, to be timed.

    Raises:
        SpeechLRPError: an output is not finite.
    """
    training, clock = model.training, clock or nullcontext()
    logits, labels, rows = [], [], []
    model.eval()
    try:
        for batch in batches.epoch(0, device):
            with clock, torch.inference_mode(), autocast(device, precision):
                inputs = batch.inputs.to(memory_format=layout(channels_last))
                logits.append(model(inputs).float())
            labels.append(batch.labels)
            rows.append(batch.rows)
    finally:
        model.train(training)
    # Once, at the end: on a GPU every look waits for it.
    outputs = check_outputs(torch.cat(logits).cpu())
    return Outputs(outputs, torch.cat(labels).cpu(), torch.cat(rows))


def over_recordings(outputs: Outputs, recordings: Sequence[str]) -> Outputs:
    """Pool the segments of each recording: the mean of their logits.

    For a softmax that is the mean of the segments' log-probabilities, up to a number that all
    classes share: the score by which speaker identification decides over the frames of a
    recording (Reynolds and Rose 1995), and the average pooling over time before the last
    decision of Nagrani et al. 2017. For sigmoids it is the mean of the log-odds.

    Args:
        outputs: of N segments.
        recordings: the recording of every row of the dataset.

    Returns:
        A row a recording, that of its first segment, in the order of their names.
    """
    names = np.asarray(recordings, dtype=str)[outputs.rows.numpy()]
    _, first, which, counts = np.unique(
        names, return_index=True, return_inverse=True, return_counts=True
    )
    total = torch.zeros(len(first), outputs.logits.shape[1], dtype=torch.float64)
    total.index_add_(0, torch.from_numpy(which), outputs.logits.double())
    mean = (total / torch.from_numpy(counts)[:, None]).to(outputs.logits.dtype)
    return Outputs(mean, outputs.labels[first], outputs.rows[first])


class ModelClock:
    """Adds up the time of the blocks that it wraps in a ``with``.

    On a GPU it records events in the stream and waits for none of them, so timing
    does not hold up the work; `seconds` waits once.
    """

    def __init__(self, device: torch.device) -> None:
        self._cuda = device.type == "cuda"
        self._events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = []
        self._seconds = 0.0
        self._started = 0.0

    def __enter__(self) -> None:
        if self._cuda:
            pair = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            self._events.append(pair)
            pair[0].record()
        else:
            self._started = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        if self._cuda:
            self._events[-1][1].record()
        else:
            self._seconds += time.perf_counter() - self._started

    def seconds(self) -> float:
        """Give the sum in seconds since the last call, and start at 0 again."""
        if self._events:
            self._events[-1][1].synchronize()
        total = self._seconds + sum(a.elapsed_time(b) for a, b in self._events) / 1000
        self._seconds, self._events = 0.0, []
        return total
