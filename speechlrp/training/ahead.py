"""Reading ahead of the model, in one background thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(
    read: Callable[[Item], Result],
    items: Iterable[Item],
    count: int,
    close: Callable[[], None],
) -> Iterator[Result]:
    """Yield ``read(item)`` for each item, in order, while the next ones are being read.

    The thread lives as long as the iteration, however it ends; what it raises is raised
    here, at the item's turn.

    Args:
        read: called in the thread.
        items: what to read.
        count: how many are read ahead.
        close: called last, in the thread.
    """
    pool = ThreadPoolExecutor(1, thread_name_prefix="speechlrp-batches")
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
