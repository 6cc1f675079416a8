"""A configuration composed from Python, as the command line composes it."""

from collections.abc import Sequence
from pathlib import Path

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from speechlrp.config.misspelt import what_is_wrong
from speechlrp.config.names import conf_dir, key_of
from speechlrp.config.own import OwnFiles
from speechlrp.config.schema import typed
from speechlrp.config.sections import Config
from speechlrp.errors import SpeechLRPError

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
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.singleton import Singleton
    from hydra.errors import HydraException

    folders = [o.removeprefix(CONFIG_DIR) for o in overrides if o.startswith(CONFIG_DIR)]
    last = {key_of(o): o for o in overrides if not o.startswith(CONFIG_DIR)}
    own = OwnFiles(next(iter(folders[-1:]), None), list(last.values()))
    quoted = [folder.replace("\\", "\\\\").replace("'", "\\'") for folder in folders[-1:]]
    path = [f"hydra.searchpath=['file://{folder}']" for folder in quoted]
    before = Singleton.get_state()  # a program that asks may be Hydra's itself
    GlobalHydra.instance().clear()
    try:
        with own.told(), initialize_config_dir(str(conf_dir()), version_base="1.3"):
            return typed(compose(verb, overrides=[*last.values(), *path]))
    except SpeechLRPError as error:
        raise SpeechLRPError(own.located(str(error))) from error
    except (HydraException, OmegaConfBaseException) as error:
        words = what_is_wrong(verb, list(last.values()), error)
        raise SpeechLRPError(own.located(str(words))) from error
    finally:
        Singleton.set_state(before)
