"""Settings are composed once a session: that is most of what a small command costs."""

from __future__ import annotations

import pickle
from collections import defaultdict
from copy import deepcopy
from dataclasses import replace
from typing import Any
from unittest import mock

from hydra._internal import config_loader_impl, defaults_list
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_repository import ConfigRepository
from hydra._internal.defaults_list import DefaultsList
from hydra._internal.hydra import Hydra
from hydra.core.default_element import InputDefault
from omegaconf import DictConfig
from omegaconf.base import Metadata
from omegaconf.basecontainer import BaseContainer

LOADED: dict[str, bytes] = {}
COMPOSED: dict[str, bytes] = {}
LISTS: dict[str, DefaultsList] = {}
"""Of the first two, what is pickled: to read it again is quicker than to copy it."""
PLACES = 3
"""Hydra's own settings, ours, and none: where no folder of a user's takes part."""

load = ConfigRepository.load_config
compose = ConfigLoaderImpl._compose_config_from_defaults_list
list_defaults = config_loader_impl.create_defaults_list
choices_so_far = defaults_list._create_interpolation_map
mode_of = Hydra.get_mode


def places(sources: list[Any]) -> list[str] | None:
    """Where the files are, if they are ours alone, which no test changes."""
    return [source.path for source in sources] if len(sources) == PLACES else None


def load_once(repo: ConfigRepository, config_path: str) -> Any:
    """One file, as a copy of the caller's own."""
    if not (files := places(repo.get_sources())):
        return load(repo, config_path)
    key = repr((files, config_path))
    if key not in LOADED:
        LOADED[key] = pickle.dumps(load(repo, config_path))
    return pickle.loads(LOADED[key])


def list_once(*, repo: Any, overrides_list: list, **options: Any) -> DefaultsList:
    """The files that the chosen options lead to; settings of single values have no say in it."""
    options |= {"repo": repo, "overrides_list": overrides_list}
    chosen, single = [], []
    for override in overrides_list:
        if override.is_sweep_override():
            continue
        is_group = repo.group_exists(override.key_or_group)
        is_group = is_group and not isinstance(override.value(), dict)
        (chosen if is_group else single).append(override)
    if not (files := places(repo.get_sources())):
        return list_defaults(**options)
    kind = options["config_name"], options["prepend_hydra"], options["skip_missing"]
    key = repr((files, kind, [override.input_line for override in chosen]))
    if key not in LISTS:
        LISTS[key] = list_defaults(**options)
    return replace(LISTS[key], config_overrides=single)


def compose_once(loader: ConfigLoaderImpl, defaults: list, repo: Any) -> DictConfig:
    """What these files give, before single values are set, as a copy of the caller's own."""
    if not (files := places(repo.get_sources())):
        return compose(loader, defaults, repo)
    key = repr((files, defaults))
    if key not in COMPOSED:
        # Hydra lets every part find its parent again after each of sixty files.
        with mock.patch.object(BaseContainer, "_re_parent", return_value=None):
            config = compose(loader, defaults, repo)
        config._re_parent()
        COMPOSED[key] = pickle.dumps(config)
    return pickle.loads(COMPOSED[key])


def copy_metadata(metadata: Metadata, memo: dict) -> Metadata:
    """What omegaconf knows of a node, copied for each whenever settings are merged.

    All but two of its fields are types, texts and truths, and these two are mostly empty.
    """
    copied = object.__new__(type(metadata))
    vars(copied).update(vars(metadata), flags=dict(metadata.flags))
    cache = metadata.resolver_cache
    copied.resolver_cache = deepcopy(cache, memo) if cache else defaultdict(dict)
    return copied


def choices_where_asked(overrides: Any, defaults: list[InputDefault], self_added: bool) -> Any:
    """The choices made so far, for the lists that name one of them in a later one."""
    if any(isinstance(d, InputDefault) and d.is_interpolation() for d in defaults):
        return choices_so_far(overrides, defaults, self_added)
    return None


def mode_without_composing(app: Hydra, config_name: str | None, overrides: list[str]) -> Any:
    """None, as it is for all that set no `hydra.mode`; Hydra composes everything to find out."""
    own = any(override.lstrip("+").startswith("hydra.") for override in overrides)
    if places(app.config_loader.config_search_path.get_path()) and not own:
        return None
    return mode_of(app, config_name, overrides)


def pytest_configure() -> None:
    """Compose through these from here on."""
    ConfigRepository.load_config = load_once
    ConfigLoaderImpl._compose_config_from_defaults_list = compose_once
    config_loader_impl.create_defaults_list = list_once
    defaults_list._create_interpolation_map = choices_where_asked
    Hydra.get_mode = mode_without_composing
    Metadata.__deepcopy__ = copy_metadata
