"""An ordered, lazy map over threads that never runs far ahead of its consumer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result], items: Iterable[Item], *, workers: int
) -> Iterator[Result]:
    """Yield ``function(item)`` for each item, in order, computed by ``workers`` threads.

    At most ``workers + 1`` results are computed or waiting, however slow the consumer.
    Threads suffice where the work is spent in libraries that release Python's lock. Each
    uses one torch thread, as does the consumer until the last result is taken or the
    iterator is closed.

    Raises:
        Exception: whatever ``function`` raised, at the item's turn.
    """
    with one_torch_thread():
        if workers <= 1:
            yield from map(function, items)
            return
        pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
        pending: deque[Future[Result]] = deque()
        try:
            for item in items:
                pending.append(pool.submit(function, item))
                if len(pending) > workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Let torch use one thread inside the block, and as many as before after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
