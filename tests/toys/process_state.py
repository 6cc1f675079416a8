"""What belongs to the whole process, and what no work of the project may leave changed."""

from __future__ import annotations

import locale
import pickle
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any
from unittest import mock

import numpy as np
import rich.style  # noqa: F401 -- it draws a random number when it is first imported
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
        "numpy's random state": pickle.dumps(np.random.get_state()),
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
def unchanged(threads: int | None = None) -> Iterator[dict[str, Any]]:
    """Fail where the block leaves the process changed.

    Args:
        threads: of torch inside the block: a number that nobody else would set, so that a
            change shows whatever it is to. None: as many as there are, and to set any number
            is an error, since it might be the same.
    """
    count, refused = torch.get_num_threads(), AssertionError("the threads are the process's")
    setting = mock.patch.object(torch, "set_num_threads", side_effect=refused)
    if threads is not None:
        torch.set_num_threads(threads)
        setting = nullcontext()
    before = snapshot()
    try:
        with setting:
            yield before
        assert changes(before) == [], f"changed: {changes(before)}"
    finally:
        torch.set_num_threads(count)
