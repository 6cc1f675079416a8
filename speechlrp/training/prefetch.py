"""Reading ahead of the model, in background threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(
    read: Callable[[Item], Result],
    items: Iterable[Item],
    close: Callable[[], None] = lambda: None,
    *,
    count: int = 2,
    threads: int = 1,
) -> Generator[Result, None, None]:
    """Yield ``read(item)`` for each item, in order, while the next ones are being read.

    The threads live as long as the iteration, however it ends; what they raise is raised
    here, at the item's turn.

    Args:
        read: called in a thread.
        items: what to read.
        close: called last, in a thread.
        count: how many are read ahead.
        threads: how many; what several read at once must share nothing.
    """
    # No thread may call torch.set_num_threads: it is the process's, so the model in the main
    # thread would compute on one core too. Readers do little in torch, and what they do with
    # as many threads as the model has costs less than that.
    pool = ThreadPoolExecutor(threads, thread_name_prefix="speechlrp-batches")
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(read, item))
            if len(pending) > count:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()
        pool.submit(close)
        pool.shutdown(wait=True)
