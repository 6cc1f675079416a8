"""Reading ahead of the model, in background threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(
    read: Callable[[Item], Result],
    items: Iterable[Item],
    count: int,
    close: Callable[[], None] = lambda: None,
    threads: int = 1,
) -> Iterator[Result]:
    """Yield ``read(item)`` for each item, in order, while the next ones are being read.

    The threads live as long as the iteration, however it ends; what they raise is raised
    here, at the item's turn.

    Args:
        read: called in a thread.
        items: what to read.
        count: how many are read ahead.
        close: called last, in a thread.
        threads: how many; what several read at once must share nothing. Each then computes
            with one thread of torch's, and the caller with as many as before.
    """
    alone = {"initializer": torch.set_num_threads, "initargs": (1,)}
    pool = ThreadPoolExecutor(threads, thread_name_prefix="speechlrp-batches", **alone)
    ahead: deque[Future[Result]] = deque()
    try:
        for item in items:
            ahead.append(pool.submit(read, item))
            if len(ahead) > count:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        for waiting in ahead:
            waiting.cancel()
        pool.submit(close)
        pool.shutdown(wait=True)
