"""From click's arguments to Hydra's, and from what goes wrong to one line."""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import click
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from speechlrp.cli.options import OPTIONS
from speechlrp.config.names import DATA, IDENTITY, conf_dir, identity_overrides, run_name
from speechlrp.errors import SpeechLRPError, unknown


def launch(verb: str, overrides: tuple[str, ...], values: Mapping[str, Any]) -> None:
    """Run a verb under Hydra.

    Args:
        verb: a stage, or ``"run"``.
        overrides: `KEY=VALUE` arguments as they were given.
        values: click's parameters by name.

    Raises:
        click.UsageError: an option and an override disagree, or an argument is not
            an override.
    """
    command = "speechlrp " + shlex.join(sys.argv[1:])
    overrides = (*overrides, *_from_options(verb, overrides, values))
    with one_line_errors(verb), _arguments(verb, overrides, values):
        _hydra_main(verb, command)()


def _hydra_main(verb: str, command: str):
    import hydra
    from hydra.core.hydra_config import HydraConfig

    for resolver, sections in (("run_name", IDENTITY), ("data_run_name", DATA)):
        name = partial(_resolve_run_name, sections)
        OmegaConf.register_new_resolver(resolver, name, replace=True)

    @hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=verb)
    def task(composed: DictConfig) -> None:
        from speechlrp.config.schema import typed
        from speechlrp.stages.sequence import run_verb

        given = identity_overrides(HydraConfig.get().overrides.task)
        experiment = [o for o in HydraConfig.get().overrides.task if o.startswith("experiment=")]
        with one_line_errors(verb):
            run_verb(verb, typed(composed), command, (*experiment, *given))

    return task


def _resolve_run_name(sections: tuple[str, ...], _: str | None = None) -> str:
    from hydra.core.hydra_config import HydraConfig

    hydra = HydraConfig.get()
    return run_name(hydra.runtime.choices, hydra.overrides.task, sections)


def _from_options(verb: str, overrides: tuple[str, ...], values: Mapping[str, Any]) -> list[str]:
    """The overrides that the typed options stand for."""
    for override in overrides:
        if not re.match(r"^[+~]{0,2}[\w./@-]+(=|$)", override) or (
            "=" not in override and not override.startswith("~")
        ):
            raise click.UsageError(f"{override!r} is not a setting; settings are KEY=VALUE")
    given = dict(o.lstrip("+").split("=", 1) for o in overrides if "=" in o)
    found = []
    for option in OPTIONS[verb]:
        value = values.get(option.name, values.get(option.name + "_"))
        if value is None or value is False:
            continue
        text = "true" if option.switch else str(value)
        if given.get(option.key, text) != text:
            raise click.UsageError(
                f"{option.flag} {value} and {option.key}={given[option.key]} disagree; give one"
            )
        if option.key not in given:
            found.append(f"{option.key}={text}")
    return found


@contextmanager
def _arguments(verb: str, overrides: tuple[str, ...], values: Mapping[str, Any]) -> Iterator[None]:
    """Give Hydra its command line, flags before overrides, and take it away again."""
    flags = ["--config-name", verb]
    if values.get("cfg"):
        flags += ["--cfg", values["cfg"]]
    if values.get("info"):
        flags += ["--info", values["info"]]
    if values.get("config_dir"):
        flags += ["--config-dir", values["config_dir"]]
    flags += [f"--{name}" for name in ("resolve", "multirun") if values.get(name)]
    before = sys.argv, os.environ.get("HYDRA_FULL_ERROR")
    sys.argv = ["speechlrp", *flags, *overrides]
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        yield
    finally:
        sys.argv = before[0]
        if before[1] is None:
            del os.environ["HYDRA_FULL_ERROR"]
        else:
            os.environ["HYDRA_FULL_ERROR"] = before[1]


@contextmanager
def one_line_errors(verb: str = "") -> Iterator[None]:
    """Turn what a user can mend into one line on stderr and exit status 1."""
    try:
        yield
    except SpeechLRPError as error:
        _stop(str(error))
    except (HydraException, OmegaConfBaseException) as error:
        _stop(str(_about_configuration(verb, error)))
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        reason = error.strerror or str(error).splitlines()[0]
        _stop(f"cannot read or write{where}: {reason}")
    except KeyboardInterrupt:
        _stop("interrupted; the same command goes on from here", 130)


def _stop(message: str, status: int = 1) -> None:
    click.echo("error: " + " ".join(message.split()), err=True)
    sys.exit(status)


def _about_configuration(verb: str, error: Exception) -> SpeechLRPError:
    """Say what a misspelt setting or choice could have been."""
    text = str(error)
    group = re.search(r"Could not find '([\w/]+)/([^'/]+)'", text)
    if group:
        known = [line.strip() for line in text.splitlines() if line.startswith("\t")]
        return unknown(group[1], group[2], known)
    key = re.search(r"Could not override '([^']+)'", text)
    if key:
        parent, _, name = key[1].rpartition(".")
        known = _settings_below(verb, parent)
        if known:
            return unknown(f"setting of {parent}" if parent else "setting", name, known)
    return SpeechLRPError(text.split("\n")[0])


def _settings_below(verb: str, parent: str) -> list[str]:
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        composed = compose(config_name=verb)
    below = OmegaConf.select(composed, parent) if parent else composed
    return [str(key) for key in below] if isinstance(below, DictConfig) else []
