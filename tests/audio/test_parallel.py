import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from speechlrp.audio.parallel import ordered_map


@pytest.fixture
def threads() -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield 2
    torch.set_num_threads(before)


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_order(workers: int) -> None:
    first = threading.Event()

    def slow_first(item: int) -> int:
        if item == 0 and workers > 1:
            assert first.wait(30)
        first.set()
        return item * item

    results = list(ordered_map(slow_first, range(20), workers=workers))
    assert results == [i * i for i in range(20)]


@pytest.mark.parametrize("workers", [1, 3])
def test_work_never_runs_far_ahead_of_the_consumer(workers: int) -> None:
    started: list[int] = []
    results = ordered_map(lambda item: started.append(item), range(100), workers=workers)
    assert not started  # lazy
    for taken in range(1, 11):
        next(results)
        assert len(started) <= taken + workers
    results.close()
    assert len(started) <= 10 + workers
    started.clear()
    results = ordered_map(
        lambda item: started.append(item), range(100), workers=workers, prefetch=7
    )
    next(results)
    results.close()
    assert len(started) <= 8


@pytest.mark.parametrize("workers", [1, 2])
def test_each_worker_has_one_torch_thread_and_the_process_keeps_its_own(
    workers: int, threads: int
) -> None:
    def count(_: int) -> int:
        torch.ones(100_000).exp()
        return torch.get_num_threads()

    counts = ordered_map(count, range(6), workers=workers)
    assert next(counts) == 1
    assert torch.get_num_threads() == threads  # while the workers are at it
    assert set(counts) == {1}
    assert torch.get_num_threads() == threads
    with ThreadPoolExecutor(1) as later:
        assert later.submit(torch.get_num_threads).result() == threads


FIRST_USE = """
import torch
from speechlrp.audio.parallel import ordered_map
assert set(ordered_map(lambda _: torch.get_num_threads(), range(4), workers=2)) == {1}
torch.ones(10) @ torch.ones(10)
print(torch.get_num_threads())
"""


def test_a_process_that_computes_for_the_first_time_after_it_has_all_its_threads() -> None:
    threads = {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}  # whatever the shell says
    environment = {**os.environ, **threads, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", FIRST_USE], capture_output=True, text=True, env=environment
    )
    assert (done.stdout.strip(), done.stderr) == ("2", "")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_bug_is_raised_at_its_turn(workers: int) -> None:
    results = ordered_map(lambda item: 1 // (item - 3), range(9), workers=workers)
    assert [next(results) for _ in range(3)] == [-1, -1, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_consumer_that_stops_early_leaves_nothing_running(workers: int) -> None:
    before = threading.active_count()
    results = ordered_map(abs, range(1000), workers=workers)
    next(results)
    results.close()
    assert threading.active_count() == before
