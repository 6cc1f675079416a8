"""Runs on the command line: their names in the configuration, what they remember, a list."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import click
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from speechlrp.config.composing import CONFIG_DIR, default_outputs
from speechlrp.config.names import (
    DATA,
    IDENTITY,
    base_name,
    check_name,
    conf_dir,
    identity_overrides,
    key_of,
    value_of,
)
from speechlrp.config.settings import default_choices
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.identity import Run, made_name, merged, read_run
from speechlrp.stages import CLASSES

EXPERIMENT = "experiment"
"""The folder of experiments in a folder of configurations."""

REMEMBERED = ("experiment", "data_run", "bench", *IDENTITY)
"""Keys of the overrides that a run remembers."""


def _resolver(sections: tuple[str, ...]):
    def resolve(name: str = "", *swept: str, _root_: DictConfig) -> str:
        """The run's name: as given, with what a sweep varies; or made from the overrides."""
        from hydra.core.hydra_config import HydraConfig

        hydra = HydraConfig.get()
        overrides = task_overrides()
        if not name:
            base, overrides = base_name(hydra.runtime.choices, overrides)
        else:
            base, overrides = name, [o for o in overrides if key_of(o) in swept]
        shown = identity_overrides(overrides, sections)
        outputs = Path(_plain(_root_, "paths")["outputs"])
        if name and not shown:  # the features of a run may lie in another
            known = read_run(outputs / name) if sections == DATA else None
            return known.data_run if known and known.data_run else name
        config = {key: _plain(_root_, key) for key in ("paths", *IDENTITY)}
        return made_name(outputs, base, shown, config, sections == DATA)

    return resolve


# At import, since the processes of a launcher import this module before they compose.
OmegaConf.register_new_resolver("run_name", _resolver(IDENTITY), replace=True)
OmegaConf.register_new_resolver("data_run_name", _resolver(DATA), replace=True)


def task_overrides() -> list[str]:
    """The overrides of the command, or of a member of a sweep, as they were given.

    Read without resolving, since the names of runs are interpolations among them.
    """
    from hydra.core.hydra_config import HydraConfig

    return cast(list[str], OmegaConf.to_container(HydraConfig.get().overrides.task, resolve=False))


def _plain(root: DictConfig, key: str) -> Any:
    value = root[key]
    return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value


def with_remembered(
    verb: str, overrides: tuple[str, ...], values: Mapping[str, Any]
) -> tuple[tuple[str, ...], str | None]:
    """What the run that is named remembers, and after it what was given.

    `overrides` are those given, with those that options stand for; `values` click's parameters.

    Returns:
        The overrides, in which the name asks for the members of a sweep; and the user's
        folder of configurations.

    Raises:
        SpeechLRPError: a name that cannot be, or a damaged `run.json`.
    """
    settings = {key_of(override): override for override in overrides}
    folder = values.get("config_dir")
    name = value_of(settings.pop("run", ""))
    asked = value_of(settings.get("experiment", ""))
    if not name:
        return overrides, folder or _own_folder(asked)
    check_name(name)
    outputs = outputs_of(overrides)
    run = read_run(outputs / name)
    if run is None and values.get("multirun"):
        run = _of_members(outputs, name, swept(overrides, folder))
    if run is None:
        folder = folder or _own_folder(asked or name)
        begins = not asked and _is_experiment(name, folder)
        run = Run(name, [f"experiment={name}"] if begins else [])
    elif verb not in CLASSES and not any(o.startswith("experiment=") for o in run.overrides):
        # it began where verbs of every task begin, and not where this one would
        run = replace(
            run, overrides=[f"experiment={default_choices()[EXPERIMENT]}", *run.overrides]
        )
    kept = [o for o in run.overrides if not o.startswith(CONFIG_DIR)]
    folders = [o.partition("=")[2] for o in run.overrides if o.startswith(CONFIG_DIR)]
    folder = folder or next(iter(folders), None)
    varied = ",".join([name, *swept(overrides, folder)])
    names = [f"run=${{run_name:{varied}}}", f"data_run=${{data_run_name:{varied}}}"]
    return tuple(merged([*names, *kept], list(settings.values()))), folder


def _of_members(outputs: Path, name: str, varied: Sequence[str]) -> Run | None:
    """What the members of an earlier sweep of these settings all remember, if there are any."""
    parts = [f"-{key.rpartition('.')[2]}-" for key in varied]
    folders = [f for f in sorted(outputs.glob(f"{name}-*")) if all(p in f.name for p in parts)]
    runs = [run for folder in folders if varied and (run := read_run(folder))]
    if not runs:
        return None
    shared = set.intersection(*(set(run.overrides) for run in runs))
    return Run(name, [override for override in runs[0].overrides if override in shared])


def _is_experiment(name: str, folder: str | None) -> bool:
    """Whether a run of this name begins with the experiment of its name."""
    places = [conf_dir(), *([Path(folder)] if folder else [])]
    return any((place / EXPERIMENT / f"{name}.yaml").is_file() for place in places)


def _own_folder(experiment: str) -> str | None:
    """The folder ``conf`` where one stands, if it has an experiment, as `init` writes it."""
    folder = Path("conf").absolute()
    there = experiment and (folder / EXPERIMENT / f"{experiment}.yaml").is_file()
    return str(folder) if there and folder != conf_dir() else None


def swept(overrides: tuple[str, ...], folder: str | None) -> list[str]:
    """The keys that a sweep would vary; its `folder` of configurations has choices too.

    Raises:
        SpeechLRPError: it would vary one over nothing.
    """
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException:  # Hydra says so itself, when it parses them
        return []
    for one in parsed:
        if one.is_range_sweep() and next(one.sweep_iterator(), None) is None:
            raise SpeechLRPError(f"{one.input_line} has no member; a range ends before its end")
        if isinstance(names := one.value(), Glob):
            places = [Path(place, one.key_or_group) for place in (conf_dir(), folder) if place]
            if not names.filter([path.stem for place in places for path in place.glob("*.yaml")]):
                raise SpeechLRPError(
                    f"{one.input_line} has no member; glob(...) takes choices of a group, for "
                    "which see `speechlrp list`"
                )
    return [one.key_or_group for one in parsed if one.is_sweep_override()]


def outputs_of(overrides: Sequence[str] = ()) -> Path:
    """The folder of all runs, as given or as configured."""
    folders = [value_of(o) for o in overrides if key_of(o) == "paths.outputs"]
    return Path(folders[-1]) if folders else default_outputs()


def to_remember(overrides: Sequence[str], config_dir: str | None) -> tuple[str, ...]:
    """The overrides that a run remembers, and the folder of configurations that they need.

    Where its recordings lie is one: a later verb that reads beside them is to find them too.
    """
    data = [o for o in overrides if key_of(o) == "paths.data"][-1:]
    kept = [*identity_overrides(overrides, REMEMBERED), *data]
    kept = [o for o in kept if not o.startswith("data_run=$")]
    return (*kept, *([f"{CONFIG_DIR}{config_dir}"] if config_dir else []))


def hints(
    overrides: Sequence[str], config_dir: str | None, remembered: str | None
) -> tuple[str, ...]:
    """What names the run of a command, for the commands in messages.

    Where a `run.json` has it, its name as `remembered` is enough: a member's of a sweep too.
    """
    named = [plainly(o) for o in overrides if o.startswith("run=")]
    enough = bool(named) and remembered is not None
    named = [f"run={remembered}"] if enough else named
    rest = identity_overrides(
        overrides, ("paths",) if enough else ("paths", "experiment", *IDENTITY)
    )
    place = [] if enough or not config_dir else ["--config-dir", config_dir]
    return tuple(map(shlex.quote, [*named, *rest, *place]))


def plainly(override: str) -> str:
    """An override as the user gave it: a run by its name."""
    asked = re.fullmatch(r"run=\$\\?\{run_name\\?:([\w.-]+)[^}]*\}", override)  # sweeps escape
    return f"run={asked[1]}" if asked else override


def print_runs(outputs: str | None) -> None:
    """Print a line each run: its name, what it differs by from the others, what is complete."""
    from speechlrp.pipeline.contents import RunFiles
    from speechlrp.pipeline.record import read_record
    from speechlrp.stages import SUMMARIES

    top = Path(outputs) if outputs else outputs_of()
    folders = sorted(p for p in top.iterdir() if p.is_dir()) if top.is_dir() else []
    runs = {folder: run for folder in folders if (run := read_run(folder))}
    if not runs:
        click.echo(f"no runs in {top}")
        return
    everything = [run.data | run.network for run in runs.values()]
    keys = sorted({key for settings in everything for key in settings})
    varying = [k for k in keys if len({repr(s[k]) for s in everything if k in s}) > 1]
    for folder, settings in zip(runs, everything, strict=True):
        records = [*RunFiles(folder, folder).records.values(), read_record(folder / "report")]
        done = [verb for verb in SUMMARIES if verb in {one.stage for one in records if one}]
        shown = [f"{key}={settings[key]}" for key in varying if key in settings]
        click.echo(f"{folder.name}: {' '.join(done) or 'nothing complete'}")
        click.echo(f"    {' '.join(shown) or 'the only one'}")


def print_table(asked: str, outputs: str | None, out: str | None) -> None:
    """Print, or write, the table of a sweep; see `pipeline.members`."""
    from speechlrp.artifacts.atomic import write_csv
    from speechlrp.pipeline.members import members, table

    runs = members(Path(outputs) if outputs else outputs_of(), asked)
    made = table(runs, asked)
    names = ", ".join(member.name for member in runs)
    click.echo(f"{len(runs)} run{'s' * (len(runs) > 1)}: {names}")
    if out:
        write_csv(Path(out), made)
        click.echo(f"written: {out}")
    else:
        click.echo(made.to_string(index=False, float_format="%.4g"))
