"""A configuration composed from Python, as the command line does; what Hydra refuses, in words."""

import re
from collections.abc import Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from speechlrp.config.names import conf_dir, key_of
from speechlrp.config.own import OwnFiles, reason
from speechlrp.config.quoting import quoted, typed_in_a_shell, unreadable
from speechlrp.config.schema import typed
from speechlrp.config.sections import Config
from speechlrp.config.settings import groups
from speechlrp.errors import SpeechLRPError, unknown

CONFIG_DIR = "--config-dir="
"""Begins what a run remembers of the user's folder of configurations."""


def default_outputs() -> Path:
    """The folder of all runs, where no setting names another."""
    return Path(OmegaConf.load(conf_dir() / "paths" / "default.yaml").outputs)


def compose_config(verb: str, overrides: Sequence[str]) -> Config:
    """Compose a verb's configuration.

    They are ``KEY=VALUE``, the user's folder of configurations among them, as a run has it.

    Raises:
        SpeechLRPError: a setting or choice that there is not, or one out of its range.
    """
    folders = [o.removeprefix(CONFIG_DIR) for o in overrides if o.startswith(CONFIG_DIR)]
    last = {key_of(o): o for o in overrides if not o.startswith(CONFIG_DIR)}
    files = OwnFiles(next(iter(folders[-1:]), None), list(last.values()))
    path = [f"hydra.searchpath=[{quoted(f'file://{folder}')}]" for folder in folders[-1:]]
    before = Singleton.get_state()  # a program that asks may be Hydra's itself
    GlobalHydra.instance().clear()
    try:
        with files.told(), initialize_config_dir(str(conf_dir()), version_base="1.3"):
            return typed(compose(verb, overrides=[*last.values(), *path]))
    except SpeechLRPError as error:
        raise SpeechLRPError(files.located(str(error))) from error
    except (HydraException, OmegaConfBaseException) as error:
        words = what_is_wrong(verb, list(last.values()), error)
        raise SpeechLRPError(files.located(str(words))) from error
    finally:
        Singleton.set_state(before)


def what_is_wrong(verb: str, overrides: Sequence[str], error: Exception) -> SpeechLRPError:
    """Say what a misspelt setting or choice could have been."""
    if key := re.search(r"Could not override '([^']+)'", str(error)):
        full = getattr(error.__cause__, "full_key", None) or key[1]
        return _about_setting(_without_misspelling(verb, overrides), full)
    first = reason(error)
    if isinstance(error, OverrideParseException):
        return unreadable(str(error.override))
    if first.startswith("Ambiguous value"):
        name, _, value = first.partition("'")[2].rpartition("'")[0].partition("=")
        return SpeechLRPError(
            f"{first}; several values are swept with -m, a list goes in [...], and one text with "
            f"commas in quotes: {typed_in_a_shell(f'{name}={quoted(value)}')}"
        )
    return SpeechLRPError(first)


def _about_setting(composed: DictConfig, key: str) -> SpeechLRPError:
    """Say where a dotted key goes wrong, and what is known there."""
    parent = ""
    for name in key.split("."):
        known = _settings_below(composed, parent)
        if not known:
            return SpeechLRPError(f"{parent} has no settings below it; found {key!r}")
        if name not in known:
            break
        parent = f"{parent}.{name}".lstrip(".")
    return unknown(f"setting of {parent}" if parent else "setting", name, known)


def _settings_below(composed: DictConfig, parent: str) -> list[str]:
    if not parent:
        return sorted({*map(str, composed), *groups()})
    below = OmegaConf.select(composed, parent)
    return [str(key) for key in below] if isinstance(below, DictConfig) else []


def _without_misspelling(verb: str, overrides: Sequence[str]) -> DictConfig:
    """The configuration with the chosen groups alone."""
    chosen = [o for o in overrides if o.partition("=")[0] in groups() and "," not in o]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        try:
            return compose(config_name=verb, overrides=chosen)
        except HydraException:  # chosen from a folder of the user's
            return compose(config_name=verb)
