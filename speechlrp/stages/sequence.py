"""`speechlrp run`: the stages in sequence, each step with settings of its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from speechlrp.config import SUBSETS
from speechlrp.config.schema import Config
from speechlrp.data.conditions import subset_of
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.pipeline.identity import Invocation
from speechlrp.pipeline.progress import say
from speechlrp.pipeline.runner import perform
from speechlrp.stages import stage_of


def run_verb(verb: str, config: Config, invocation: Invocation) -> None:
    """Run a stage, or with ``"run"`` the steps of `config.sequence`."""
    task = config.task.name
    if verb != "run":
        perform(stage_of(verb, task), config, invocation)
        return
    for step in between(config.sequence.steps, config.sequence.first, config.sequence.last):
        if on_copies_not_made(config, step):
            say(f"{step['stage']} of {step['subset']}: left out, these copies are not configured")
        else:
            perform(stage_of(step["stage"], task), with_settings(config, step), invocation)


def between(steps: Iterable[dict], first: str | None, last: str | None) -> list[dict]:
    """The steps from the first of stage `first` to the last of stage `last`.

    Raises:
        SpeechLRPError: a stage that is not in the sequence, or nothing lies between.
    """
    steps = list(steps)
    names = [step["stage"] for step in steps]
    for name in (first, last):
        if name is not None and name not in names:
            raise unknown("stage of this sequence", name, names)
    start = names.index(first) if first else 0
    end = len(names) - names[::-1].index(last) if last else len(names)
    if start >= end:
        raise SpeechLRPError(f"nothing lies between --from {first} and --to {last}")
    return steps[start:end]


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
