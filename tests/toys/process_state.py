"""What belongs to the whole process, and what no work of the project may leave changed."""

from __future__ import annotations

import locale
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def snapshot() -> dict[str, Any]:
    """Torch's threads (here, and in a thread that is new), random states, signals, locale."""
    fresh: list[int] = []
    thread = threading.Thread(target=lambda: fresh.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return {
        "torch's threads": torch.get_num_threads(),
        "torch's threads in a new thread": fresh[0],
        "torch's random state": torch.get_rng_state().numpy().tobytes(),
        "numpy's random state": repr(np.random.get_state(legacy=False)),
        "python's random state": random.getstate(),
        "signal handlers": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "locale": locale.setlocale(locale.LC_ALL),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "default dtype": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
    }


def changes(before: dict[str, Any]) -> list[str]:
    """What is not as it was."""
    now = snapshot()
    return [name for name, value in before.items() if now[name] != value]


@contextmanager
def unchanged(threads: int = 3) -> Iterator[dict[str, Any]]:
    """Fail where the block leaves the process changed.

    Args:
        threads: of torch inside the block: a number that nobody else would set, so that a
            change shows whatever it is to.
    """
    count = torch.get_num_threads()
    torch.set_num_threads(threads)
    before = snapshot()
    try:
        yield before
        assert changes(before) == []
    finally:
        torch.set_num_threads(count)
