"""The settings of several explainers in one configuration, for `compare`, `bench` and `navai`."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from hydra import compose
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from speechlrp.config.names import explainer_choice, key_of, names_in
from speechlrp.explainers import EXPLAINERS
from speechlrp.navai import ALIGNMENTS
from speechlrp.registry import is_reference

SETTINGS = {verb: f"{verb}.explainers" for verb in ("compare", "bench")} | {"navai": "navai.align"}
"""The verbs that take several explainers, and the setting that names them."""


def with_explainers(composed: DictConfig, verb: str, overrides: Sequence[str]) -> DictConfig:
    """Put the configuration of every explainer that is named into the configuration.

    Those that are compared go into `compare.settings` or `bench.settings`, those that alignments
    search into `navai.sources`. Each is composed as `explainer=NAME` would be, with all other
    overrides in place (those of `explainer.` itself are of the explainer that is chosen, and of no
    other), and what is said of it there comes last; ``explainer: OTHER`` there makes
    it a variant of another. A name without a file, of the table or of one's own
    (``package.module:Name``), has the settings of ``explainer=custom``.

    Raises:
        HydraException: an explainer that there is not, and as composing raises.
    """
    aligned = [name for text in _texts(composed, verb, "navai") for name in names_in(text)]
    asked = (name[4:] for name in aligned if name not in ALIGNMENTS and name[3:4] == "-")
    known = {*_files(), *EXPLAINERS} if aligned else set()
    searched = [name for name in asked if name in known or is_reference(name)]
    for stage in ("compare", "bench"):
        named = [name for text in _texts(composed, verb, stage) for name in names_in(text)]
        _fill(composed[stage], "settings", named, verb, overrides)
    missing = [name for name in searched if name not in composed.navai.sources]
    _fill(composed.navai, "sources", missing, verb, overrides)
    return composed


def _fill(
    section: DictConfig, key: str, names: Iterable[str], verb: str, overrides: Sequence[str]
) -> None:
    section_values: Any = OmegaConf.to_container(section[key], resolve=True)
    with open_dict(section):
        for name in dict.fromkeys(names):
            changes = dict(section_values.get(name, {}))
            base = _composed(changes.pop("explainer", name), verb, overrides)
            section[key][name] = OmegaConf.merge(base, changes)


def _composed(name: str, verb: str, overrides: Sequence[str]) -> dict[str, Any]:
    others = [o for o in overrides if re.split(r"[.=@]", o.lstrip("+~"))[0] != "explainer"]
    choices = HydraConfig.get().runtime.choices if HydraConfig.initialized() else {}
    if name == choices.get("explainer"):
        others = [o for o in overrides if key_of(o) != "explainer"]
    choice = explainer_choice(name, custom=name in EXPLAINERS and name not in _files())
    section: Any = OmegaConf.to_container(compose(verb, [*others, *choice]).explainer, resolve=True)
    return section


def _files() -> list[str]:
    """The configurations of explainers, with those of a folder of one's own."""
    return GlobalHydra.instance().config_loader().get_group_options("explainer")


def _texts(composed: DictConfig, verb: str, stage: str) -> list[str]:
    """What the runs of a stage by this verb say in the setting that names explainers."""
    if verb not in (stage, "run"):
        return []
    steps = [{"stage": stage}] if verb == stage else composed.sequence.steps
    default = OmegaConf.select(composed, SETTINGS[stage])
    return [str(s.get(SETTINGS[stage], default)) for s in steps if s["stage"] == stage]
