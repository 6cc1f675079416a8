"""A configuration is composed once a session: it is most of what a small command costs."""

from __future__ import annotations

import copy
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from omegaconf import DictConfig

COMPOSED: dict[str, DictConfig] = {}
PLACES = 3
"""Hydra's own settings, ours, and none: where no folder of a user's takes part."""

compose = ConfigLoaderImpl.load_configuration
mode_of = Hydra.get_mode


def plain(loader: ConfigLoaderImpl, overrides: list[str]) -> bool:
    """Whether the files are ours alone, which no test changes."""
    own = any(override.lstrip("+").startswith("hydra.") for override in overrides[:-1])
    return len(loader.config_search_path.get_path()) == PLACES and not own


def compose_once(loader: ConfigLoaderImpl, *, overrides: list[str], **options: Any) -> DictConfig:
    """What these overrides give, as a copy of the caller's own."""
    if not plain(loader, overrides):
        return compose(loader, overrides=overrides, **options)
    places = [place.path for place in loader.config_search_path.get_path()]
    key = repr((places, overrides, sorted(options.items())))
    if key not in COMPOSED:
        COMPOSED[key] = compose(loader, overrides=overrides, **options)
    return copy.deepcopy(COMPOSED[key])


def mode_without_composing(app: Hydra, config_name: str | None, overrides: list[str]) -> Any:
    """None, as it is for all that set no `hydra.mode`; Hydra composes everything to find out."""
    if plain(app.config_loader, [*overrides, ""]):
        return None
    return mode_of(app, config_name, overrides)


def pytest_configure() -> None:
    """Compose through `compose_once` from here on."""
    ConfigLoaderImpl.load_configuration = compose_once
    Hydra.get_mode = mode_without_composing
