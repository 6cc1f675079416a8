"""How a command ends that does not end well: in one line, with its status, and with nothing held.

Imports nothing large: what Ctrl-C interrupts may be the import of torch, whose libraries end the
process where they are loaded a second time.
"""

import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn

import click

from speechlrp.errors import SpeechLRPError

SHORT = r"out of memory|allocate memory|start new thread|map segment|unexpectedly terminated"
"""What is said of too little memory: by torch on a CPU, of a library, of a process that helped."""


@contextmanager
def asked_to_end() -> Iterator[None]:
    """SIGTERM, and a terminal that closes, do as Ctrl-C does: processes that help end too.

    Not where torchrun started this one: it would wait for the others where no signal is seen.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(number)

    ours = threading.current_thread() is threading.main_thread() and "WORLD_SIZE" not in os.environ
    numbers = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if ours and signal.getsignal(number) is signal.SIG_DFL  # nohup ignores one of them
    ]
    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def open_closed_streams() -> None:
    """Where a standard stream was closed, as by ``>&-``, take what leads nowhere in its place.

    The system gives the lowest number that is free: left so, the next file that is opened would
    be standard output to whatever writes there.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "r" if name == "stdin" else "w"))  # noqa: SIM115


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn what a user can mend into one line on stderr and exit status 1."""
    try:
        yield
        sys.stdout.flush()  # into a full disk or a closed pipe: here, and not when Python ends
    except (SystemExit, click.ClickException, click.exceptions.Exit):
        raise
    except BrokenPipeError:  # the reader of the output is gone, as behind `| head`
        _give_up_output()
        sys.exit(0)
    except BaseException as error:
        number = _interrupted_by(error)
        if number:
            stop("interrupted; the same command goes on from here", 128 + number)
        message = _told(error)
        if message is None:
            raise
        stop(message)


def stop(message: str, status: int = 1) -> NoReturn:
    """End with one line, where somebody is left to read it, and this status."""
    with suppress(OSError):
        click.echo("error: " + " ".join(message.split()), err=True)
    _give_up_output()
    sys.exit(status)


def _give_up_output() -> None:
    """What cannot be written would be told once more by Python, when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _interrupted_by(error: BaseException | None) -> int:
    """The signal that led to an error, if one did: what it interrupts may fail at tidying up."""
    chain: list[BaseException] = []
    while error is not None and error not in chain:  # code may tie a chain into a ring
        if isinstance(error, KeyboardInterrupt):
            return next(iter(error.args), None) or signal.SIGINT
        chain.append(error)
        error = error.__cause__ or error.__context__
    return 0


def _told(error: BaseException) -> str | None:
    """What is wrong, or None of what no user can mend."""
    if isinstance(error, SpeechLRPError):
        return str(error)
    if isinstance(error, OSError):
        names = [str(name) for name in (error.filename, error.filename2) if name]
        where = " " + " -> ".join(names) if names else ""
        reason = error.strerror or str(error) or type(error).__name__
        return f"cannot read or write{where}: {reason}"
    short = isinstance(error, RuntimeError | ImportError) and re.search(SHORT, str(error))
    if short or isinstance(error, MemoryError):
        words = str(error)[:200]
        return f"too little memory ({words}); smaller batches or fewer workers need less"
    return None
