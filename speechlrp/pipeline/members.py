"""The members of a sweep: which runs they are, and what each of their measures comes to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pandas as pd

from speechlrp.artifacts.unexpected import read_json
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.pipeline.contents import RunFiles
from speechlrp.pipeline.identity import read_run
from speechlrp.training.intervals import mean_interval

SEEDS = ("seed", "data_seed")
"""What members may differ by and yet be repetitions of one thing."""
TABLES = {
    "flip": ("summary.csv", ("strategy", "baseline")),
    "compare": ("explainers.csv", ("explainer",)),
}
"""Stage -> the table of its measures, and the columns that say of what they are."""
COUNTS = ("n", "correct", "speakers", "bins", "trials")
"""Numbers that are no measures; so are the limits of a member's own intervals."""
NUMBERS = ("evaluation.json", "verification.json")
"""Files of `evaluate` with a number a measure."""


@dataclass(frozen=True)
class Member:
    """A run of a sweep."""

    name: str  # of the run
    settings: Mapping[str, Any]  # with dotted keys
    files: RunFiles  # what it has on disk


def members(outputs: Path, asked: str) -> list[Member]:
    """The runs that a text asks for, such as ``emo,seed=*``.

    The text says what the names of the runs begin with, and settings that they have, with ``*`` and
    ``?`` for what varies.

    Raises:
        SpeechLRPError: there is none, a setting that there is not, or they differ in settings
            that are not asked for: their numbers would be of several things.
    """
    base, *patterns = (part.strip() for part in asked.split(","))
    wanted = dict(pattern.partition("=")[::2] for pattern in patterns)
    runs = [
        Member(folder.name, run.data | run.network, RunFiles(folder, folder))
        for folder in (sorted(outputs.iterdir()) if outputs.is_dir() else ())
        if folder.name == base or folder.name.startswith(f"{base}-")
        if (run := read_run(folder)) and run.network
    ]
    known = {key for member in runs for key in member.settings}
    for key in wanted:
        if runs and key not in known:
            raise unknown("setting of these runs", key, known)
    kept = [m for m in runs if all(_fits(m.settings, *pair) for pair in wanted.items())]
    if not kept:
        names = f"; there are: {', '.join(m.name for m in runs)}" if runs else ""
        raise SpeechLRPError(f"no trained run in {outputs} is {asked}{names}")
    _check_alike(kept, {*wanted})
    return kept


def _fits(settings: Mapping[str, Any], key: str, pattern: str) -> bool:
    return key in settings and fnmatchcase(str(settings[key]), pattern)


def _check_alike(runs: Sequence[Member], asked: set[str]) -> None:
    """Check that members differ in what was asked for alone."""
    for key in sorted({key for member in runs for key in member.settings} - asked):
        values = {str(m.settings.get(key)): m.name for m in runs}
        follows = any(all(m.settings.get(key) == m.settings[k] for m in runs) for k in asked)
        if len(values) > 1 and not follows:  # as split.seed follows data_seed
            (one, first), (other, second) = list(values.items())[:2]
            raise SpeechLRPError(
                f"the runs differ in {key} too: {first} has {one}, {second} has {other}; say which "
                f"as {key}={one}, or {key}=* to have a row for each"
            )


def table(runs: Sequence[Member], asked: str) -> pd.DataFrame:
    """Every measure of the members, over those that differ by a seed alone.

    Settings with a pattern, as of `members`, are columns, and seeds are averaged over.

    Returns:
        A row for each of what varies, stage, what the measure is of, and measure: ``n``,
        ``mean``, ``deviation`` (of the members), ``low``, ``high`` (95 % of the mean, Student's
        t), ``least``, ``most``.

    Raises:
        SpeechLRPError: no member has been evaluated.
    """
    keys = [part.partition("=")[0].strip() for part in asked.split(",")[1:]]
    varied = [key for key in keys if key not in SEEDS]
    rows = [
        {key: str(member.settings[key]) for key in varied} | row
        for member in runs
        for row in _measures(member.files)
    ]
    if not rows:
        raise SpeechLRPError(
            f"none of {', '.join(m.name for m in runs)} has been evaluated: `speechlrp evaluate "
            f"run={runs[0].name}`"
        )
    by = [*varied, "stage", "of", "measure"]
    return pd.DataFrame(
        [
            dict(zip(by, key, strict=True)) | mean_interval(group.value)
            for key, group in pd.DataFrame(rows).groupby(by, sort=False)
        ]
    )


def _measures(files: RunFiles) -> Iterator[dict[str, Any]]:
    """Stage, what it is of, measure and value of each number of a run."""
    for where in files.of("evaluate"):
        for name in NUMBERS:
            path = files.path(where, name)
            numbers = read_json(path) if path.exists() else {}
            yield from _rows("evaluate", files.name(where), numbers)
    for stage, (name, columns) in TABLES.items():
        for where in files.of(stage):
            if not files.path(where, name).exists():
                continue
            for row in files.table(where, name).to_dict(orient="records"):
                of = ", ".join([files.name(where), *(str(row[column]) for column in columns)])
                yield from _rows(stage, of, {str(k): v for k, v in row.items()})


def _rows(stage: str, of: str, numbers: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for measure, value in numbers.items():
        if isinstance(value, Mapping):
            yield from _rows(stage, f"{of}, {measure}", value)
        elif (
            isinstance(value, int | float) and not isinstance(value, bool) and _is_measure(measure)
        ):
            yield {"stage": stage, "of": of, "measure": measure, "value": float(value)}


def _is_measure(name: str) -> bool:
    return name not in COUNTS and not name.endswith(("_low", "_high"))
