"""What Hydra refuses, in words: the setting or choice that there is not, and what there is."""

import re
from collections.abc import Sequence

from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf

from speechlrp.config.names import conf_dir
from speechlrp.config.own import reason
from speechlrp.config.settings import groups
from speechlrp.errors import SpeechLRPError, unknown


def what_is_wrong(verb: str, overrides: Sequence[str], error: Exception) -> SpeechLRPError:
    """Say what a misspelt setting or choice could have been."""
    if key := re.search(r"Could not override '([^']+)'", str(error)):
        return _about_setting(_without_misspelling(verb, overrides), key[1])
    first = reason(error)
    if isinstance(error, OverrideParseException):
        return SpeechLRPError(f"cannot read {error.override!r}: {first}")
    if first.startswith("Ambiguous value"):
        return SpeechLRPError(f"{first}; several values are swept with -m, a list goes in [...]")
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
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    chosen = [o for o in overrides if o.partition("=")[0] in groups() and "," not in o]
    GlobalHydra.instance().clear()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        try:
            return compose(config_name=verb, overrides=chosen)
        except HydraException:  # chosen from a folder of the user's
            return compose(config_name=verb)
