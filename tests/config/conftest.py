"""Compose configurations as the command line does."""

from collections.abc import Callable, Iterator

import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from speechlrp.config.names import DATA, IDENTITY, conf_dir, run_name


def _name(sections: tuple[str, ...]) -> Callable[..., str]:
    def resolve(_: str | None = None) -> str:
        hydra = HydraConfig.get()
        return run_name(hydra.runtime.choices, hydra.overrides.task, sections)

    return resolve


@pytest.fixture
def composed() -> Iterator[Callable[..., DictConfig]]:
    """``verb, *overrides -> DictConfig``, resolved."""
    OmegaConf.register_new_resolver("run_name", _name(IDENTITY), replace=True)
    OmegaConf.register_new_resolver("data_run_name", _name(DATA), replace=True)

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
