"""Processes of their own without the seconds of their imports: forks of one that has done them.

That one has computed nothing: no thread, lock or cache of the tests' is in what it forks.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from unittest import mock

PROJECT = Path(__file__).resolve().parents[2]
STARTED = {"PYTHONPATH": f"{PROJECT}:{PROJECT / 'tests/toys'}", "OMP_NUM_THREADS": "1"}
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["imported_once"])


def run(
    code: str, *arguments: object, places: Mapping[str, str] | None = None, ranks: int = 1
) -> subprocess.CompletedProcess:
    """Run Python in a process of its own, or in several that work together.

    Args:
        code: what to run.
        arguments: of its command line.
        places: variables of its environment, beside this process's.
        ranks: how many processes; several know of each other as torchrun's do, and where one
            fails the others are ended.
    """
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port() if ranks > 1 else 0
        processes = []
        for rank in range(ranks):
            own = _as_torchrun(rank, ranks, port) if ranks > 1 else {}
            place = Path(folder, str(rank))
            processes.append(start(code, *arguments, place=place, places={**(places or {}), **own}))
        status = _status(processes)
        said, wrong = (
            "".join(Path(f"{folder}/{rank}.{stream}").read_text() for rank in range(ranks))
            for stream in (1, 2)
        )
    return subprocess.CompletedProcess(arguments, status, said, wrong)


def start(
    code: str, *arguments: object, place: Path, places: Mapping[str, str] | None = None
) -> ForkServerProcess:
    """Start Python in a process of its own, and go on beside it.

    Args:
        code: as of `run`, like the next ones.
        arguments: of its command line.
        place: where what it says goes, to ``<place>.1`` and, of its errors, ``<place>.2``.
        places: variables of its environment.
    """
    words = [str(word) for word in arguments]
    environment = os.environ | STARTED | dict(places or {})
    asked = (code, words, environment, os.getcwd(), str(place))
    process = SERVER.Process(target=_live, args=asked)
    with mock.patch.dict(os.environ, STARTED):
        process.start()
    return process


def script(path: Path) -> str:
    """Python that runs a file as a program."""
    return f"import runpy\nrunpy.run_path({str(path)!r}, run_name='__main__')"


def _status(processes: list[ForkServerProcess]) -> int:
    """Wait for all, and give the first exit status that is not 0."""
    left, status = list(processes), 0
    while left:
        for process in [one for one in left if one.sentinel in wait([p.sentinel for p in left])]:
            process.join()
            left.remove(process)
            if process.exitcode and not status:
                status = process.exitcode
                for other in left:
                    other.kill()
    return status


def _as_torchrun(rank: int, ranks: int, port: int) -> dict[str, str]:
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": ranks, "LOCAL_WORLD_SIZE": ranks}
    place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return {name: str(value) for name, value in (numbers | place).items()}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def _live(
    code: str, arguments: list[str], environment: dict[str, str], folder: str, place: str
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(f"{place}.{number}", os.O_WRONLY | os.O_CREAT), number)
        setattr(sys, name, os.fdopen(number, "w", 1, encoding="utf-8", closefd=False))
    sys.argv = ["speechlrp", *arguments]
    exec(compile(code, "<test>", "exec"), {"__name__": "__main__"})
