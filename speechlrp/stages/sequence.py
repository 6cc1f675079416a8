"""`speechlrp run`: the stages in sequence, each step with settings of its own."""

import os
import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from speechlrp.config import SUBSETS
from speechlrp.config.schema import Config
from speechlrp.data.conditions import subset_of
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.pipeline.identity import Invocation
from speechlrp.pipeline.progress import duration, say
from speechlrp.pipeline.record import read_record
from speechlrp.pipeline.runner import perform
from speechlrp.stages import stage_of
from speechlrp.stages.bench.networks import make as make_networks


def run_verb(verb: str, config: Config, invocation: Invocation) -> None:
    """Run a stage, or with ``"run"`` the steps of `config.sequence`."""
    task = config.task.name
    if verb == "bench":
        make_networks(config, invocation)
    if verb != "run":
        if config.on and verb != "preprocess" and "WORLD_SIZE" not in os.environ:
            perform(stage_of("preprocess", task), config, invocation)
        perform(stage_of(verb, task), config, invocation)
        return
    sequence, began = config.sequence, time.perf_counter()
    steps = between(sequence.steps, sequence.first, sequence.last)
    for number, step in enumerate(steps, 1):
        where = f"stage {number} of {len(steps)}"
        if on_copies_not_made(config, step):
            say(
                f"{where}: {step['stage']} of {step['subset']} is left out, since these copies are "
                "not configured"
            )
        else:
            say(f"{where}: {step['stage']}")
            folder = perform(stage_of(step["stage"], task), with_settings(config, step), invocation)
    say(f"{len(steps)} stages in {duration(time.perf_counter() - began)}")
    if steps[-1]["stage"] == "report":
        say_what_was_found(folder)


def say_what_was_found(report: Path) -> None:
    """Where a page lies, and what its first section says."""
    record = read_record(report)
    for words in str(record.notes.get("found", "") if record else "").split("\n\n"):
        if words:
            say(words)
    say(f"the page: {report / 'index.html'}")


def between(steps: Iterable[dict], first: str | None, last: str | None) -> list[dict]:
    """The steps from the first that `first` names to the last that `last` names.

    Steps of one stage that follow each other, such as evaluations of two subsets, belong
    together. Where a stage comes again later, its name means the first such group, for `last`
    the first from there on; ``flip:2`` means the second, and so on.

    Raises:
        SpeechLRPError: a stage that is not in the sequence so often, or nothing lies between.
    """
    steps = list(steps)
    groups = [list(group) for _, group in groupby(steps, key=lambda step: step["stage"])]
    names = [group[0]["stage"] for group in groups]
    start = _place(names, first, 0) if first else 0
    end = _place(names, last, start) + 1 if last else len(groups)
    if start >= end:
        raise SpeechLRPError(f"nothing lies between --from {first} and --to {last}")
    return [step for group in groups[start:end] for step in group]


def _place(names: list[str], asked: str, start: int) -> int:
    """The place among groups of steps of the one that is asked for, see `between`."""
    name, _, turn = asked.partition(":")
    places = [place for place, known in enumerate(names) if known == name]
    if not places:
        raise unknown("stage of this sequence", name, names)
    if not turn:
        return next((place for place in places if place >= start), places[-1])
    if not turn.isdecimal() or not 1 <= int(turn) <= len(places):
        raise SpeechLRPError(
            f"{asked}: {name} comes {len(places)} times in this sequence; say {name} for the "
            f"first, or {name}:1 to {name}:{len(places)}"
        )
    return places[int(turn) - 1]


def on_copies_not_made(config: Config, step: dict[str, Any]) -> bool:
    """Whether a step asks for copies of the test recordings that `config.conditions` lacks."""
    made = map(subset_of, config.conditions.get("kinds") or ())
    asked = {part for part in str(step.get("subset", "")).split("+") if part not in SUBSETS}
    return not asked <= {"", *made}


def with_settings(config: Config, step: dict[str, Any]) -> Config:
    """The configuration with a step's settings (dotted keys) in it."""
    for key, value in step.items():
        if key != "stage":
            config = _set(config, key.split("."), value)
    return config


def _set(holder: Any, path: list[str], value: Any) -> Any:
    name, *rest = path
    known = holder if isinstance(holder, dict) else vars(holder)
    if name not in known:
        raise unknown("setting in sequence.steps", name, known)
    inner = _set(known[name], rest, value) if rest else value
    return {**holder, name: inner} if isinstance(holder, dict) else replace(holder, **{name: inner})
