"""Compose configurations as the command line does."""

from collections.abc import Callable, Iterator
from importlib import import_module

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from speechlrp.config.names import conf_dir


@pytest.fixture
def composed() -> Iterator[Callable[..., DictConfig]]:
    """``verb, *overrides -> DictConfig``, resolved."""
    import_module("speechlrp.cli.runs")  # whose resolvers name the runs

    def build(verb: str, *overrides: str) -> DictConfig:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            whole = compose(verb, overrides=list(overrides), return_hydra_config=True)
        HydraConfig.instance().set_config(whole)
        rest = OmegaConf.masked_copy(whole, [key for key in whole if key != "hydra"])
        OmegaConf.resolve(rest)
        return rest

    GlobalHydra.instance().clear()
    yield build
    HydraConfig.instance().cfg = None
