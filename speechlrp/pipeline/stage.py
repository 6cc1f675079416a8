"""What a stage is, and what it is given when it runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from speechlrp.artifacts.atomic import write_bytes, write_csv, write_json
from speechlrp.config.schema import Config
from speechlrp.pipeline.places import Artifact, place
from speechlrp.pipeline.progress import say
from speechlrp.training.ranks import ALONE, Ranks


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One verb of the pipeline."""

    name: str  # the verb
    keys: tuple[str, ...]  # the settings (dotted, or a whole section) that change its result
    inputs: Callable[[Config], Mapping[str, Artifact | Path]]
    """The files it reads: name -> an artifact of a run, or a file of the user's."""
    work: Callable[[Context], None]  # does it, writing into `context.folder`
    shows: Callable[[Config], Mapping[str, Artifact]] = lambda config: {}
    """What it reads where it is there, and settings must not contradict either."""
    facts: Callable[[Config], dict[str, str]] = lambda config: {}
    """What tells its results in one run apart, such as weights and subset; they make the name of
    its folder and stand in its record."""
    sources: Callable[[Config], dict[str, Any]] = lambda config: {}
    """Facts about what it reads outside the run, such as the recordings; it runs again when they
    change."""
    shared: bool = False  # several processes can do its work together (see `training.ranks`)
    parts: tuple[str, ...] = ()
    """Folders of files that have an identity of their own (see `pipeline.parts`): what an
    interrupted command left in them is kept when other settings change."""

    def place(self, config: Config) -> str:
        """Where its artifacts go, below the run's folder."""
        return place(self.name, self.facts(config))


@dataclass
class Context:
    """What a stage sees while it works."""

    config: Config  # the whole configuration
    folder: Path
    """Where to write; it takes its final name when the stage is complete, and is found again, with
    what was written, by a run after a kill."""
    run: Path  # the run's folder
    inputs: dict[str, Path]  # the files the stage asked for, by name
    made_by: dict[str, str]  # the command line that makes each of them, for messages
    overrides: tuple[str, ...] = ()  # what makes this run what it is, for commands in messages
    identity: str = ""  # a digest of the settings and inputs that the work is for
    reads: Mapping[str, Any] = field(default_factory=dict)
    """What is known of the inputs and of sources outside, by name."""
    before: Mapping[str, Path] = field(default_factory=dict)
    """Files of the complete result that this one replaces, by their path in it; none where all is
    to be made again."""
    notes: dict[str, Any] = field(default_factory=dict)
    """What the stage wants to have in its record."""
    ranks: Ranks = ALONE  # the processes that work together; the leader alone writes and speaks

    def command(self, stage: str, *options: str) -> str:
        """The command line that makes another stage's artifact of this run."""
        return " ".join(["speechlrp", stage, *options, *self.overrides])

    def units(self, name: str = "units") -> Path:
        """A folder for units of work; its name holds what they are for.

        A unit that was made under other settings or inputs so cannot be taken for one of
        this work, whatever else is left in the folder.
        """
        return self.folder / f".{name}-{self.identity[:12]}"

    def note(self, key: str, value: Any) -> None:
        """Put a fact into the stage's record."""
        self.notes[key] = value

    def write(self, **results: Any) -> None:
        """Write results below the stage's folder: name without suffix -> table, facts or figure.

        Tables (``DataFrame``) become CSV, mappings JSON, and figures PNG, each file whole.
        """
        for name, result in results.items():
            if isinstance(result, pd.DataFrame):
                write_csv(self.folder / f"{name}.csv", result)
            elif isinstance(result, Mapping):
                write_json(self.folder / f"{name}.json", result)
            else:
                from speechlrp.report.style import figure_png  # not for every run that is loaded

                write_bytes(self.folder / f"{name}.png", figure_png(result))

    def say(self, message: str) -> None:
        """Tell the user something."""
        if self.ranks.leader:
            say(message)

    def mine(self, units: Sequence[int]) -> list[int]:
        """Those of some units of work that this process does."""
        return [unit for unit in units if unit % self.ranks.ranks == self.ranks.rank]

    @property
    def workers(self) -> int:
        """How many threads or processes to use."""
        return self.config.workers or len(os.sched_getaffinity(0))
