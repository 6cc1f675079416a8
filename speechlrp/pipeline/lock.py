"""One command at a time works on a stage's folder, and on what else a command writes."""

import errno
import json
import os
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from speechlrp.artifacts.unexpected import read_json
from speechlrp.pipeline.identity import FILE as RUN
from speechlrp.pipeline.progress import say


def taken(path: Path, command: str = "") -> AbstractContextManager[None]:
    """Hold what is no stage's folder, by default for the command that was given; see `locked`."""
    command, path = command or shlex.join(["speechlrp", *sys.argv[1:]]), path.absolute()
    return locked(path, path.name, command, path.parent)


@contextmanager
def locked(folder: Path, name: str, command: str, top: Path) -> Iterator[None]:
    """Hold a stage's folder; where another command holds it, say which, and wait.

    The operating system drops the lock of a process that is gone. Folders that hold nothing
    afterwards are removed.

    `name` is what the folder is called in messages. The lock is a hidden file beside it; empty
    folders are removed below `top`, or below the folder around it that was there before.
    """
    top = next(place for place in (top, *top.parents) if place.is_dir())
    path, new = folder.with_name(f".{folder.name}.lock"), not folder.exists()
    lock = FileLock(path)
    if not _acquire(lock, path, name):
        yield
        return
    try:
        since = datetime.now().astimezone().isoformat(timespec="seconds")
        holder = {"command": command, "process": os.getpid(), "host": socket.gethostname()}
        with suppress(OSError):  # of a full disk the work itself says where
            path.write_text(json.dumps(holder | {"since": since}), encoding="utf-8")
        yield
    finally:
        # Still held: whoever waits on this file finds that it is gone, and opens a new one.
        path.unlink(missing_ok=True)
        lock.release()
        if new:
            with suppress(OSError):
                folder.rmdir()
        remove_empty(folder.parent, top)


def _acquire(lock: FileLock, path: Path, name: str) -> bool:
    """Whether it is held; where nothing can be written, what is complete can still be read."""
    said, absent = False, 0
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=1.0 if said else 0.0)
        except Timeout:
            absent = 0 if path.exists() else absent + 1
            if absent == 3:  # nobody holds it: files cannot be made there, as in /proc
                raise OSError(errno.ENOENT, "no file can be made there", str(path)) from None
            if not said:
                say(f"{name}: waiting for {_described(path)}")
            said = True
        except FileNotFoundError:
            continue  # the folder was removed, being empty, before the file was made
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                return False
            raise
        else:
            return True


def _described(path: Path) -> str:
    """Who holds a lock; it is written after the lock is taken, and may not be there yet."""
    try:
        holder = read_json(path)
        return (
            f"`{holder['command']}` (process {holder['process']} on {holder['host']}, "
            f"since {holder['since']})"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another command that works on the same folder"


def remove_empty(folder: Path, top: Path) -> None:
    """Remove a folder and those around it, below `top`, as far as they are empty."""
    with suppress(OSError):
        while top in folder.parents:
            if [path.name for path in folder.iterdir()] == [RUN]:
                (folder / RUN).unlink()  # of a run that came to nothing
            folder.rmdir()
            folder = folder.parent
