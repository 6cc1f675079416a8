"""Damage files of every kind that speechlrp reads, and count how it answers.

Each case: a valid file, one way to damage it, both drawn by a seed; then the project's own reader.
Right is that the file is read, or that one error of one line says which file and what is wrong.
Wrong are a traceback, a warning, an error without the file's name, a crash, and waiting for ever.

    python scripts/fuzz_files.py --cases 12000 --seed 1
    python scripts/fuzz_files.py --only features.h5 --case 1:features.h5:17   # one again
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import io
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import torch
from fuzz_kinds import KINDS

from speechlrp.errors import RecordingError, SpeechLRPError
from speechlrp.training.tensor_files import Unreadable

LONGEST_S = 10.0
MEMORY = 3 << 30
RIGHT = ("read", "one line")
Case = tuple[int, str, int]
Answer = tuple[str, str]


def attempt(case: Case, place: Path) -> Answer:
    """Damage one file and read it; how it ended, and in which words."""
    seed, name, number = case
    kind, draw = KINDS[name], random.Random(f"{seed}:{name}:{number}")
    folder = place / "case"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(place / name.replace(" ", "_"), folder)
    targets = [folder / path for path in (folder / ".targets").read_text().splitlines()]
    target, how = draw.choice(targets), draw.choice(kind.how)
    how(target, draw)
    try:
        with warnings.catch_warnings(action="error"), contextlib.redirect_stdout(io.StringIO()):
            kind.read(folder)
    except (SpeechLRPError, RecordingError) as error:
        words = str(error)
        if "\n" in words or not words.strip():
            return "more than a line", f"{how.__name__}: {words[:300]!r}"
        if kind.named and str(folder) not in words:
            return "without its file", f"{how.__name__}: {words[:300]}"
        return "one line", words
    except Unreadable as error:
        return "without its file", f"{how.__name__}: {error}"
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        ours = [f for f in traceback.extract_tb(error.__traceback__) if "speechlrp/" in f.filename]
        where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else last.filename
        return "traceback", f"{how.__name__}: {type(error).__name__} at {where}: {str(error)[:200]}"
    return "read", ""


def prepare(place: Path, names: list[str]) -> None:
    """Write a valid file of each kind, and see that it is read."""
    for name in names:
        folder = place / name.replace(" ", "_")
        folder.mkdir(parents=True)
        targets = KINDS[name].make(folder)
        lines = [path.relative_to(folder).as_posix() for path in targets]
        (folder / ".targets").write_text("\n".join(lines))
        with contextlib.redirect_stdout(io.StringIO()):
            KINDS[name].read(folder)


def _work(pipe: Connection, cases: list[Case], place: Path) -> None:
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)  # what libraries in C say
    for case in cases:
        pipe.send(attempt(case, place))


def attempts(cases: list[Case], place: Path) -> Iterator[tuple[Case, Answer]]:
    """All cases, in processes that may crash or wait for ever."""
    context = multiprocessing.get_context("fork")
    while cases:
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_work, args=(theirs, cases, place))
        process.start()
        theirs.close()
        for position, case in enumerate(cases):
            answer: Answer | None = None
            try:
                answer = ours.recv() if ours.poll(LONGEST_S) else ("waits for ever", "")
            except EOFError:
                process.join()
                answer = ("crash", f"exit status {process.exitcode}")
            yield case, answer
            if answer[0] in ("crash", "waits for ever"):
                process.kill()
                cases = cases[position + 1 :]
                break
        else:
            cases = []
        process.join()
        ours.close()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cases", type=int, default=12_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", action="append", choices=sorted(KINDS), metavar="KIND")
    parser.add_argument("--case", help="SEED:KIND:NUMBER: one case, with its words")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    names = arguments.only or list(KINDS)
    each = arguments.cases / sum(KINDS[name].weight for name in names)
    cases = [
        (arguments.seed, name, number)
        for name in names
        for number in range(max(1, round(each * KINDS[name].weight)))
    ]
    if arguments.case:
        seed, name, number = arguments.case.split(":")
        names, cases = [name], [(int(seed), name, int(number))]
    counts: collections.Counter[str] = collections.Counter()
    survivors: dict[str, list[str]] = {}
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        prepare(Path(folder), names)
        for (seed, name, number), (ended, words) in attempts(cases, Path(folder)):
            counts[ended] += 1
            if arguments.case:
                print(ended, words)
            if ended not in RIGHT:
                what = f"{ended}, {name}: {words}".replace(folder, "")
                survivors.setdefault(what, []).append(f"{seed}:{name}:{number}")
    for what, seeds in sorted(survivors.items(), key=lambda item: -len(item[1])):
        print(f"{len(seeds):4} {what}   [{seeds[0]}]")
    total, wrong = sum(counts.values()), sum(n for how, n in counts.items() if how not in RIGHT)
    ended = ", ".join(f"{n} {how}" for how, n in counts.most_common())
    print(f"{total} cases of {len(names)} kinds in {time.perf_counter() - started:.0f} s: {ended}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
