"""The settings of several explainers in one configuration, for `compare`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from omegaconf import DictConfig, OmegaConf, open_dict


def with_explainers(composed: DictConfig, verb: str, overrides: Sequence[str]) -> DictConfig:
    """Put the configuration of every explainer that is compared into `compare.settings`.

    Each is composed as `explainer=NAME` would be, with all other overrides in place, and
    what `compare.settings` says of it comes last.

    Args:
        composed: the configuration.
        verb: a stage, or ``"run"``.
        overrides: that it was composed with.

    Raises:
        HydraException: an explainer that there is not, and as composing raises.
    """
    wanted = _compared(composed, verb)
    if not wanted:
        return composed
    from hydra import compose

    others = [o for o in overrides if re.split(r"[.=@]", o.lstrip("+~"))[0] != "explainer"]
    own = OmegaConf.to_container(composed.compare.settings, resolve=True)
    with open_dict(composed):
        for name in wanted:
            found = compose(verb, [*others, f"explainer={name}"]).explainer
            section = OmegaConf.to_container(found, resolve=True)
            composed.compare.settings[name] = OmegaConf.merge(section, own.get(name, {}))
    return composed


def _compared(composed: DictConfig, verb: str) -> list[str]:
    """The names of the explainers that a run of the verb compares."""
    if verb not in ("compare", "run"):
        return []
    steps = [{"stage": "compare"}] if verb == "compare" else composed.sequence.steps
    default = composed.compare.explainers
    texts = [s.get("compare.explainers", default) for s in steps if s["stage"] == "compare"]
    names = [name.strip() for text in texts for name in str(text).split(",")]
    return list(dict.fromkeys(filter(None, names)))
