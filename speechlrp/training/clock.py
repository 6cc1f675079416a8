"""How long the model itself computes."""

from __future__ import annotations

import time

import torch


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
