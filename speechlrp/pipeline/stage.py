"""What a stage is, and what it is given when it runs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speechlrp.config.schema import Config
from speechlrp.pipeline.progress import say
from speechlrp.training.ranks import ALONE, Ranks


@dataclass(frozen=True)
class Stage:
    """One verb of the pipeline.

    Attributes:
        name: the verb.
        folder: where its artifacts go, below `outputs/<run>`.
        keys: the settings (dotted, or a whole section) that change its result.
        inputs: the files it reads: name -> path below `outputs/<run>`, or absolute.
        work: does it, writing into `context.folder`.
        shared: several processes can do its work together (see `training.ranks`).
        sources: facts about what it reads outside the run, such as the recordings;
            it runs again when they change.
    """

    name: str
    folder: Callable[[Config], str]
    keys: tuple[str, ...]
    inputs: Callable[[Config], dict[str, str]]
    work: Callable[[Context], None]
    sources: Callable[[Config], dict[str, Any]] = lambda config: {}
    shared: bool = False


@dataclass
class Context:
    """What a stage sees while it works.

    Attributes:
        config: the whole configuration.
        folder: where to write; it takes its final name when the stage is complete,
            and is found again, with what was written, by a run after a kill.
        run: the run's folder.
        inputs: the files the stage asked for, by name.
        overrides: what makes this run what it is, for commands in messages.
        notes: what the stage wants to have in its record.
        ranks: the processes that work together; the leader alone writes and speaks.
    """

    config: Config
    folder: Path
    run: Path
    inputs: dict[str, Path]
    overrides: tuple[str, ...] = ()
    notes: dict[str, Any] = field(default_factory=dict)
    ranks: Ranks = ALONE

    def command(self, stage: str, *options: str) -> str:
        """The command line that makes another stage's artifact of this run."""
        return " ".join(["speechlrp", stage, *options, *self.overrides])

    def note(self, key: str, value: Any) -> None:
        """Put a fact into the stage's record."""
        self.notes[key] = value

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
