"""From click's arguments to Hydra's, and from what goes wrong to one line."""

import logging
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import click
import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from speechlrp.cli import ending
from speechlrp.cli.answers import OF_FILES, answer_files
from speechlrp.cli.corpus import hints_on, on_corpus, parted
from speechlrp.cli.explainers import SETTINGS, with_explainers
from speechlrp.cli.options import OPTIONS
from speechlrp.cli.runs import (
    hints,
    outputs_of,
    plainly,
    swept,
    task_overrides,
    to_remember,
    with_remembered,
)
from speechlrp.config.composing import what_is_wrong
from speechlrp.config.names import NAMED_BY, choice_of, conf_dir, key_of
from speechlrp.config.own import NONE, OwnFiles
from speechlrp.config.quoting import quoted
from speechlrp.config.settings import groups
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.identity import Invocation, check_run
from speechlrp.pipeline.inputs import check_made_so
from speechlrp.stages import CLASSES, stage_of

FAILED = "of the sweep these failed, for what is said above"


def launch(
    verb: str,
    overrides: tuple[str, ...],
    values: Mapping[str, Any],
    first: Callable[[], None] = lambda: None,
) -> None:
    """Run a verb under Hydra.

    The verb is a stage or ``"run"``; overrides, `KEY=VALUE`, are as they were given, and `values`
    click's parameters by name; what is to be done `first` is not where a setting is refused.

    Raises:
        click.UsageError: an option and an override disagree, or an argument is not
            an override.
    """
    if values.get("cfg") and values.get("multirun"):
        raise click.UsageError("--cfg shows one configuration, and -m runs several; leave one out")
    recordings = [o for o in overrides if os.path.isfile(o)]
    words = [o for o in overrides if "=" not in o and not o.startswith("~")]
    if verb == "explain" and (recordings or words):  # a word that is no setting is meant for one
        rest = [override for override in overrides if override not in recordings]
        answer_files(recordings, rest, values)
        return
    for option in OF_FILES:
        if values.get(option):
            raise click.UsageError(
                f"--{option} goes with recordings that are named: speechlrp explain FILE ..."
            )
    overrides = tuple(map(_spelt_out, overrides))
    every = (*overrides, *_from_options(verb, overrides, values))
    overrides = tuple(part for override in every for part in _parts(override))
    overrides, corpus = parted(overrides, bool(values.get("on")))
    overrides, folder = with_remembered(verb, overrides, values)
    files, values = OwnFiles(folder, overrides), {**values, "config_dir": folder}
    outputs = outputs_of(overrides)
    failed: list[str] | None = [] if values.get("multirun") and swept(overrides, folder) else None
    with one_line_errors(verb, overrides, files), files.told(), _arguments(verb, overrides, values):
        try:
            _hydra_main(verb, overrides, files, corpus, failed, first)()
        finally:
            if values.get("multirun"):  # Hydra's own file, beside the runs
                (outputs / "multirun.yaml").unlink(missing_ok=True)
                with suppress(OSError):  # of runs that are there
                    outputs.rmdir()
    if failed:
        ending.stop(f"{FAILED}: {'; '.join(failed)}")


def _spelt_out(override: str) -> str:
    """``lrp=resnet_eps,gamma`` is short for ``explainer=lrp_resnet_eps,lrp_gamma``."""
    key, _, names = override.partition("=")
    if key != "lrp":
        return override
    explainers = (name if name.startswith("lrp") else f"lrp_{name}" for name in names.split(","))
    return f"explainer={','.join(explainers)}"


def _parts(override: str) -> list[str]:
    """Code of one's own has the settings of its group's choice ``custom``."""
    key, _, name = override.partition("=")
    return choice_of(key, name.strip("'")) if key in NAMED_BY else [override]


def _hydra_main(
    verb: str,
    overrides: tuple[str, ...],
    files: OwnFiles,
    corpus: tuple[str, ...],
    failed: list[str] | None,
    first: Callable[[], None],
):
    """Hydra's program for a verb; members of a sweep that fail are noted, where there is a list."""
    process = os.getpid()

    @hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=verb)
    def task(composed: DictConfig) -> None:
        try:
            work(composed)
        except SystemExit as error:
            if failed is None or error.code != 1:
                raise
            varied = swept(overrides, files.folder)
            failed.append(" ".join(o for o in task_overrides() if key_of(o) in varied))
            if os.getpid() != process:  # a launcher's, where the list is a copy
                click.echo(f"error: {FAILED}: {failed[-1]}", err=True)
                words = "members of the sweep failed, which are named above"
                raise SpeechLRPError(words) from error  # which ends no other member

    def work(composed: DictConfig) -> None:
        from speechlrp.config.schema import typed
        from speechlrp.data.seen import check_effect
        from speechlrp.stages.sequence import run_verb

        member, config_dir = task_overrides(), files.folder  # of a sweep, or of all there is
        place = ["--config-dir", config_dir] if config_dir else []
        shown = [plainly(o) for o in member if not o.startswith("data_run=$")]
        member = _with_own_experiment(verb, member)
        with one_line_errors(verb, overrides, files):
            config = typed(composed)  # before explainers are looked for: what names them is such
            if verb in ("run", *SETTINGS):
                config = typed(with_explainers(composed, verb, member))
        with one_line_errors(verb, overrides):
            remembered = config.run if check_run(config) else None
            check_effect(member, config.explainer)
            if corpus:
                config = on_corpus(config, verb, member, corpus)
            named = (*hints(member, config_dir, remembered), *hints_on(corpus))
            if verb != "run":
                stage = stage_of(verb, config.task.name)
                asked = {**stage.inputs(config), **stage.shows(config)}
                check_made_so(asked, config, member, named)
            invocation = Invocation(
                shlex.join(["speechlrp", verb, *shown, *place, *hints_on(corpus)]),
                named,
                to_remember(member, config_dir),
            )
            first()
            run_verb(verb, config, invocation)

    return task


def _with_own_experiment(verb: str, overrides: list[str]) -> list[str]:
    """Name the experiment that a verb for letters starts from, for the other verbs of its run."""
    if verb in CLASSES or any(key_of(o) in ("experiment", "run") for o in overrides):
        return overrides
    return [f"experiment={HydraConfig.get().runtime.choices['experiment']}", *overrides]


def _from_options(verb: str, overrides: tuple[str, ...], values: Mapping[str, Any]) -> list[str]:
    """The overrides that the typed options stand for."""
    for override in overrides:
        if not re.match(r"^[+~]{0,2}[\w./@-]+(=|$)", override) or (
            "=" not in override and not override.startswith("~")
        ):
            what = "neither a file that is there nor" if verb == "explain" else "not"
            raise click.UsageError(f"{override!r} is {what} a setting; settings are KEY=VALUE")
        if re.match(r"\+*hydra\.(job\.chdir=(?!false$)|(run|sweep)[.=]|output_subdir=)", override):
            raise click.UsageError(
                f"{override}: paths start where one stands, and results lie below paths.outputs; "
                "leave it out"
            )
        _check_choice(override)
    settings = dict(o.lstrip("+").split("=", 1) for o in overrides if "=" in o)
    translated = []
    for option in OPTIONS[verb]:
        value = values.get(option.name, values.get(option.name + "_"))
        if value in (None, False, ()):
            continue
        text = _as_value(value)
        if settings.get(option.key, text) != text:
            said = option.flag if option.switch else f"{option.flag} {value}"
            raise click.UsageError(
                f"{said} and {option.key}={settings[option.key]} disagree; give one"
            )
        if option.key not in settings:
            translated.append(f"{option.key}={text}")
    return translated


def _check_choice(override: str) -> None:
    """Check that what stands for a whole group is a choice of it; Hydra takes what none of us can.

    Raises:
        click.UsageError: a group taken away, or several choices at once.
    """
    key, value = key_of(override).partition("@")[0], override.partition("=")[2]
    no_name = r"[\[{].*|[-+]?([\d.]+(e[-+]?\d+)?|inf|nan)|null|true|false"
    if key in groups() and (override.startswith("~") or re.fullmatch(no_name, value, re.I | re.S)):
        raise click.UsageError(
            f"{override}: there is one {key} at a time, and it has a name, such as "
            f"{key}={groups()[key][0]}; for the others see `speechlrp list conf/{key}`"
        )


def _as_value(value: Any) -> str:
    """A value in Hydra's grammar; what is not plain goes into quotes."""
    if isinstance(value, tuple):
        return f"[{','.join(map(_as_value, value))}]"
    if value is True:
        return "true"
    text = str(value)
    return text if re.fullmatch(r"[\w./:+-]+", text, re.ASCII) else quoted(text)


@contextmanager
def _arguments(verb: str, overrides: tuple[str, ...], values: Mapping[str, Any]) -> Iterator[None]:
    """Give Hydra its command line, flags before overrides, and take it away again."""
    flags = ["--config-name", verb]
    for name in (name for name in ("cfg", "info", "config_dir") if values.get(name)):
        flags += [f"--{name.replace('_', '-')}", values[name]]
    flags += [f"--{name}" for name in ("resolve", "multirun") if values.get(name)]
    before = sys.argv, os.environ.get("HYDRA_FULL_ERROR"), logging.raiseExceptions
    sys.argv = ["speechlrp", *flags, *overrides]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    logging.raiseExceptions = False  # what --info cannot write is told once, when it is all written
    try:
        yield
    finally:
        sys.argv, logging.raiseExceptions = before[0], before[2]
        if before[1] is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = before[1]


@contextmanager
def one_line_errors(
    verb: str = "", overrides: tuple[str, ...] = (), files: OwnFiles = NONE
) -> Iterator[None]:
    """As `ending.one_line_errors`, of Hydra's errors too.

    Overrides are as they were given; an error may be about the user's own `files`.
    """
    with ending.one_line_errors():
        try:
            yield
        except SpeechLRPError as error:
            raise SpeechLRPError(files.located(str(error))) from error
        except (HydraException, OmegaConfBaseException) as error:
            words = str(what_is_wrong(verb, overrides, error))
            raise SpeechLRPError(files.located(words)) from error
