"""Run a stage by its contract: skip what is complete, go on with what was interrupted."""

import hashlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from speechlrp.artifacts.atomic import sweep, write_json
from speechlrp.artifacts.unexpected import read_json
from speechlrp.config.schema import Config
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.identity import Invocation, remember
from speechlrp.pipeline.inputs import Watch, changes, find_inputs, identity, run_folder
from speechlrp.pipeline.lock import locked
from speechlrp.pipeline.parts import clear_but_parts
from speechlrp.pipeline.progress import duration, say
from speechlrp.pipeline.record import Record, commit, is_as, outputs_of, read_record, versions
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.registry import blamed, references_in, told
from speechlrp.training.ranks import Ranks, joined
from speechlrp.training.seeding import tf32

IDENTITY = ".identity.json"
WORTH_S = 30.0
"""What a refused command did in less than this is not kept."""


def perform(stage: Stage, config: Config, invocation: Invocation) -> Path:
    """Run a stage, unless its artifacts are there and nothing that made them has changed.

    Of several processes (see `training.ranks`) the leader does all of this, and the others join it
    for the work itself. Gives the folder of the stage's artifacts.

    Raises:
        SpeechLRPError: an input is missing (the message names the command that
            makes it), the stage cannot be shared by processes, or whatever the stage
            itself raises.
    """
    with tf32(False), joined(config.device) as ranks:
        if ranks.ranks > 1 and not stage.shared:
            raise SpeechLRPError(f"{stage.name} runs in one process; start it without torchrun")
        if ranks.leader:
            return _Lead(stage, config, invocation, ranks).perform()
        return _follow(stage, config, invocation.hints, ranks)


def _follow(stage: Stage, config: Config, hints: tuple[str, ...], ranks: Ranks) -> Path:
    """Work in the leader's folder, if it works at all."""
    run, where = run_folder(config, stage.name), stage.place(config)
    work = ranks.share(None)
    if work is not None:
        partial, digest = work
        inputs, made_by = _inputs(stage, config, hints)
        stage.work(Context(config, partial, run, inputs, made_by, hints, digest, ranks=ranks))
    return run / where


def _inputs(
    stage: Stage, config: Config, hints: tuple[str, ...]
) -> tuple[dict[str, Path], dict[str, str]]:
    return find_inputs(stage.name, stage.inputs(config), config, hints)


class _Lead:
    """One run of a stage by the process that writes and speaks."""

    def __init__(self, stage: Stage, config: Config, invocation: Invocation, ranks: Ranks) -> None:
        self.stage, self.config, self.invocation, self.ranks = stage, config, invocation, ranks
        self.run, self.where = run_folder(config, stage.name), stage.place(config)
        self.final = self.run / self.where

    def perform(self) -> Path:
        """Look for inputs first: a command that is refused makes no folder."""
        hints, outputs = self.invocation.hints, Path(self.config.paths.outputs)
        _inputs(self.stage, self.config, hints)
        with locked(self.final, self.where, self.invocation.command, outputs):
            # The command that held the lock may have made or replaced what this one reads.
            inputs, made_by = _inputs(self.stage, self.config, hints)
            watch = Watch(inputs)
            wanted = identity(self.stage, self.config, inputs)
            _recover(self.final)
            if self._complete(wanted):
                say(f"{self.where}: complete, nothing to do ({self.final})")
                self.ranks.share(None)
                return self.final
            forget = None
            if not self.config.on:
                of_data = self.stage.name == "preprocess"
                forget = remember(self.config, self.invocation.overrides, of_data)
            partial = partial_folder(self.final, wanted, self.config.force, self.stage.parts)
            digest = hashlib.sha256(json.dumps(wanted, sort_keys=True).encode()).hexdigest()
            self.ranks.share((partial, digest))
            context = Context(
                self.config, partial, self.run, inputs, made_by, hints, digest,
                reads=wanted["inputs"], before=self._before(), ranks=self.ranks,
            )  # fmt: skip
            try:
                self._work(context, wanted, watch)
            except SpeechLRPError:
                if forget and not partial.exists():
                    forget()
                raise
        return self.final

    def _complete(self, wanted: Mapping[str, dict]) -> bool:
        """Whether nothing is to do; says why not, where there is something already."""
        try:
            record = read_record(self.final)
        except SpeechLRPError as error:
            if not self.config.force:
                raise
            say(f"{error}; made again, by --force")
            return False
        if record is None or self.config.force:
            return False
        before = {"config": record.config, "inputs": record.inputs}
        reasons = list(changes(before, wanted))
        if record.facts != self.stage.facts(self.config):
            reasons.append("it was made of other facts")
        reasons += [
            f"{name} is missing or was changed"
            for name, facts in record.outputs.items()
            if not is_as(self.final / name, facts)
        ]
        if not reasons:
            return True
        more = f" and {len(reasons) - 4} more" if len(reasons) > 4 else ""
        say(f"{self.where}: {', '.join(reasons[:4])}{more}; running again")
        return False

    def _before(self) -> dict[str, Path]:
        """The files of the complete result that are as they were recorded."""
        record = None if self.config.force else read_record(self.final)
        outputs = record.outputs if record and self.stage.parts else {}
        return {n: self.final / n for n, facts in outputs.items() if is_as(self.final / n, facts)}

    def _work(self, context: Context, wanted: Mapping[str, dict], watch: Watch) -> None:
        started, clock = datetime.now(UTC), time.perf_counter()
        new = [path.name for path in context.folder.iterdir()] == [IDENTITY]
        say(f"{self.where}: running")
        try:
            with _own_code(context.config):
                self.stage.work(context)
            watch.check(self.stage.name)
        except SpeechLRPError:
            # A refusal comes again with the same command, so little work is no loss; what
            # took long, in an earlier command too, may be gone on with once the cause is mended.
            if new and time.perf_counter() - clock < WORTH_S:
                shutil.rmtree(context.folder)
            raise
        seconds = time.perf_counter() - clock
        record = Record(
            stage=self.stage.name,
            command=self.invocation.command,
            config=wanted["config"],
            inputs=wanted["inputs"],
            outputs=outputs_of(context.folder),
            facts=self.stage.facts(self.config),
            notes=context.notes,
            seed=self.config.seed,
            seconds=round(seconds, 3),
            started=started.isoformat(timespec="seconds"),
            commit=commit(),
            versions=versions(),
        )
        record.write(context.folder)
        _publish(context.folder, self.final)
        say(f"{self.where}: done in {duration(seconds)} ({self.final})")


@contextmanager
def _own_code(config: Config) -> Iterator[None]:
    """Turn what a user's own code raises while a stage works into one line; bugs of ours stay."""
    try:
        yield
    except SystemExit as error:
        words = blamed(error, references_in(asdict(config))) or told(error)
        raise SpeechLRPError(f"{words}: it ends the program") from error
    except Exception as error:
        words = blamed(error, references_in(asdict(config))) or ""
        if not words or isinstance(error, SpeechLRPError):
            raise
        raise SpeechLRPError(words) from error


def partial_folder(
    final: Path, wanted: Mapping[str, dict], force: bool, parts: tuple[str, ...] = ()
) -> Path:
    """The folder to work in; what an interrupted run of the same work left in it stays.

    So do the `parts` (see `Stage`) of one that was of other work. A run with `--force` goes on
    with what another with `--force` left, and with nothing else.
    """
    partial = final.with_name(final.name + ".partial")
    begun = {**wanted, "force": force}
    try:
        interrupted = read_json(partial / IDENTITY)
    except (OSError, ValueError):
        interrupted = None
    if partial.exists() and interrupted == begun:
        say(f"{final.name}: going on where it was interrupted")
        sweep(partial)
    elif parts and isinstance(interrupted, dict) and interrupted.get("force") == force:
        say(f"{final.name}: what an interrupted command of other settings left is kept, if it fits")
        clear_but_parts(partial, parts)
    elif partial.exists():
        say(f"{final.name}: beginning anew; what an interrupted command left was of other work")
        shutil.rmtree(partial)
    partial.mkdir(parents=True, exist_ok=True)
    write_json(partial / IDENTITY, begun)
    return partial


def _publish(partial: Path, final: Path) -> None:
    """Give the finished folder its name; a kill in between loses neither old nor new."""
    old = _old(final)
    if final.exists():
        final.rename(old)
    partial.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def _recover(final: Path) -> None:
    """Mend what a kill inside `_publish` left."""
    old = _old(final)
    if old.exists() and not final.exists():
        old.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def _old(final: Path) -> Path:
    return final.with_name(final.name + ".old")
