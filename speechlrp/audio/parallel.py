"""An ordered, lazy map over threads that never runs far ahead of its consumer."""

import ctypes
import functools
import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    prefetch: int | None = None,
) -> Generator[Result, None, None]:
    """Yield ``function(item)`` for each item, in order, computed by ``workers`` threads.

    Threads suffice where the work is spent in libraries that release Python's lock. Each
    uses one torch thread; the consumer and the rest of the process keep theirs. They live as
    long as the iteration, however it ends.

    Args:
        function: called in a thread; what several threads read at once must share nothing.
        items: what to call it with.
        workers: how many threads.
        prefetch: results that are computed or waiting beside the consumer's, however slow it is;
            by default as many as there are workers.

    Raises:
        Exception: whatever ``function`` raised, at the item's turn.
    """
    pool = ThreadPoolExecutor(max(workers, 1), "speechlrp", one_torch_thread_here)
    pending: deque[Future[Result]] = deque()
    try:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > (workers if prefetch is None else prefetch):
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def one_torch_thread_here() -> None:
    """Let torch compute with one thread where it is called from this thread, and only there.

    ``torch.set_num_threads`` is the whole process's: whoever computes afterwards has one
    thread too. OpenMP's own count belongs to the calling thread. Where torch was built
    without OpenMP, or has it elsewhere, nothing changes.
    """
    torch.get_num_threads()  # the first call in a thread sets the count; it must not come later
    library = _openmp()
    if library is not None:
        library.omp_set_num_threads(1)


@functools.cache
def _openmp() -> ctypes.CDLL | None:
    """The OpenMP that torch has loaded."""
    for path in sorted(Path(torch.__file__).parent.glob("lib/lib*omp*")):
        try:
            return ctypes.CDLL(str(path), mode=os.RTLD_NOLOAD | os.RTLD_LAZY)
        except OSError:
            continue  # another build's, beside the one in use
    return None
