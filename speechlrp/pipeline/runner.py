"""Run a stage by its contract: skip what is complete, go on with what was interrupted."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from speechlrp.artifacts.atomic import write_json
from speechlrp.config.schema import Config
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.progress import say
from speechlrp.pipeline.record import (
    Record,
    commit,
    fingerprint,
    outputs_of,
    read_record,
    versions,
)
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.pipeline.weights import weights_name
from speechlrp.training.ranks import Ranks, joined

IDENTITY = ".identity.json"


def perform(stage: Stage, config: Config, command: str, overrides: tuple[str, ...] = ()) -> Path:
    """Run a stage, unless its artifacts are there and nothing that made them has changed.

    Of several processes (see `training.ranks`) the leader does all of this, and the others
    join it for the work itself.

    Args:
        stage: what to run.
        config: the whole configuration.
        command: the command line, for the record.
        overrides: what makes the run what it is, for messages.

    Returns:
        The folder of the stage's artifacts.

    Raises:
        SpeechLRPError: an input is missing (the message names the command that
            makes it), the stage cannot be shared by processes, or whatever the stage
            itself raises.
    """
    with joined(config.device) as ranks:
        if ranks.ranks > 1 and not stage.shared:
            raise SpeechLRPError(f"{stage.name} runs in one process; start it without torchrun")
        if ranks.leader:
            return _lead(stage, config, command, overrides, ranks)
        return _follow(stage, config, overrides, ranks)


def _follow(stage: Stage, config: Config, overrides: tuple[str, ...], ranks: Ranks) -> Path:
    """Work in the leader's folder, if it works at all."""
    label = stage.folder(config)
    run = run_folder(config, label)
    partial = ranks.share(None)
    if partial is not None:
        inputs = _inputs(stage, config, overrides)
        stage.work(Context(config, partial, run, inputs, overrides, ranks=ranks))
    return run / label


def _lead(
    stage: Stage, config: Config, command: str, overrides: tuple[str, ...], ranks: Ranks
) -> Path:
    label = stage.folder(config)
    run = run_folder(config, label)
    final = run / label
    inputs = _inputs(stage, config, overrides)
    identity = _identity(stage, config, inputs)
    _recover(final)
    record = read_record(final)
    if record and not config.force:
        changes = list(_changes({"config": record.config, "inputs": record.inputs}, identity))
        if not changes and _outputs_are_there(record, final):
            say(f"{label}: complete, nothing to do ({final})")
            ranks.share(None)
            return final
        more = f" and {len(changes) - 4} more" if len(changes) > 4 else ""
        say(f"{label}: {', '.join(changes[:4]) or 'artifacts are missing'}{more}; running again")
    partial = _partial_folder(final, identity, config.force)
    ranks.share(partial)
    context = Context(config, partial, run, inputs, overrides, ranks=ranks)
    started, clock = datetime.now(UTC), time.perf_counter()
    say(f"{label}: running")
    stage.work(context)
    Record(
        stage=stage.name,
        command=command,
        config=identity["config"],
        inputs=identity["inputs"],
        outputs=outputs_of(partial),
        notes=context.notes,
        seed=config.seed,
        seconds=round(time.perf_counter() - clock, 3),
        started=started.isoformat(timespec="seconds"),
        commit=commit(),
        versions=versions(),
    ).write(partial)
    _publish(partial, final)
    say(f"{label}: done in {time.perf_counter() - clock:.1f} s ({final})")
    return final


def run_folder(config: Config, where: str) -> Path:
    """The folder that an artifact's place is relative to: features serve many runs."""
    of_data = Path(where).parts[0] == "preprocess"
    return Path(config.paths.outputs) / (config.data_run if of_data else config.run)


def _inputs(stage: Stage, config: Config, overrides: tuple[str, ...]) -> dict[str, Path]:
    found = {}
    for name, where in stage.inputs(config).items():
        run = run_folder(config, where)
        path = run / where
        if not path.exists() and Path(where).is_absolute():
            raise SpeechLRPError(f"{stage.name}: there is no {path}")
        if not path.exists():
            made_by = _maker(where, config)
            hint = " ".join(["speechlrp", *made_by, *overrides])
            others = _runs_with(run, where)
            there = f" (runs that have one: {', '.join(others)})" if others else ""
            raise SpeechLRPError(f"{stage.name}: no {path}; make it with `{hint}`{there}")
        found[name] = path
    return found


def _maker(where: str, config: Config) -> list[str]:
    """The verb and options that make an artifact, from its place in the run."""
    stage, *rest = Path(where).parts
    if stage in ("augment", "retrain"):
        return [stage, "--fill", rest[0]]
    if stage == "explain":
        weights, explainer, subset = rest[0].split("-")
        options = ["--weights", weights]
        if weights == weights_name(config):
            options = ["--weights", config.weights, "--checkpoint", config.checkpoint]
        return [stage, "--explainer", explainer, *options, "--subset", subset]
    if stage == "maximize":
        wanted = config.maximize
        options = ["--layer", wanted.layer, "--neuron", wanted.neuron, "--letter", wanted.letter]
        return [stage, *options, "--subset", config.subset]
    return [stage]


def _runs_with(run: Path, where: str) -> list[str]:
    if not run.parent.is_dir():
        return []
    return sorted(r.name for r in run.parent.iterdir() if r != run and (r / where).exists())[:5]


def _identity(stage: Stage, config: Config, inputs: dict[str, Path]) -> dict[str, dict]:
    everything = asdict(config)
    settings = {}
    for key in stage.keys:
        value: Any = everything
        for part in key.split("."):
            value = value[part]
        settings.update(_flatten(key, value))
    read = {k: _known(p) for k, p in inputs.items()} | stage.sources(config)
    return json.loads(json.dumps({"config": settings, "inputs": read}))


def _known(path: Path) -> dict[str, Any]:
    """The file's fingerprint: from its stage's record while its size agrees, else taken now."""
    for folder in path.parents[:2]:
        record = read_record(folder)
        if record:
            listed = record.outputs.get(path.relative_to(folder).as_posix())
            if listed and listed["size"] == path.stat().st_size:
                return listed
    return fingerprint(path)


def _flatten(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and value:
        return {k: v for name in value for k, v in _flatten(f"{key}.{name}", value[name]).items()}
    return {key: value}


def _changes(before: dict[str, dict], now: dict[str, dict]) -> Iterator[str]:
    for part in ("config", "inputs"):
        for key in sorted(before[part].keys() | now[part].keys()):
            old, new = before[part].get(key), now[part].get(key)
            if old != new:
                yield f"{key} changed" if part == "inputs" else f"{key} was {old}, is {new}"


def _outputs_are_there(record: Record, folder: Path) -> bool:
    return all(
        (folder / name).is_file() and (folder / name).stat().st_size == facts["size"]
        for name, facts in record.outputs.items()
    )


def _partial_folder(final: Path, identity: dict, force: bool) -> Path:
    """The folder to work in; what an interrupted run of the same work left in it stays."""
    partial = final.with_name(final.name + ".partial")
    try:
        interrupted = json.loads((partial / IDENTITY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        interrupted = None
    if partial.exists() and (force or interrupted != identity):
        shutil.rmtree(partial)
    if partial.exists():
        say(f"{final.name}: going on where it was interrupted")
    partial.mkdir(parents=True, exist_ok=True)
    write_json(partial / IDENTITY, identity)
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
