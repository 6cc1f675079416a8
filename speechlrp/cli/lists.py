"""What `speechlrp list` shows: the same tables that the code chooses from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from speechlrp.config.names import conf_dir
from speechlrp.errors import unknown


def _configurations(group: str) -> list[str]:
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


def _lists() -> Mapping[str, Iterable[str]]:
    from speechlrp.audio import ARTEFACTS, FEATURES
    from speechlrp.corpora import CORPORA, DOWNLOADS, SPLITS
    from speechlrp.explainers import EXPLAINERS
    from speechlrp.flipping import CURVES, FILL_INS, FILLS, STRATEGIES
    from speechlrp.letters import DECODERS
    from speechlrp.lrp import PRESETS, RULES
    from speechlrp.measures import SCORES
    from speechlrp.models import MODELS
    from speechlrp.navai import ALIGNMENTS, CLASSES
    from speechlrp.stages import SUMMARIES
    from speechlrp.training import LOGGERS

    tables = {
        "stages": SUMMARIES,
        "corpora": CORPORA,
        "downloads": DOWNLOADS,
        "splits": SPLITS,
        "features": FEATURES,
        "artefacts": ARTEFACTS,
        "models": MODELS,
        "loggers": LOGGERS,
        "decodings": DECODERS,
        "explainers": EXPLAINERS,
        "scores": SCORES,
        "rules": RULES,
        "presets": PRESETS,
        "strategies": STRATEGIES,
        "baselines": FILL_INS,
        "curves": CURVES,
        "fills": FILLS,
        "alignments": dict.fromkeys(
            [*ALIGNMENTS, *(f"{way}-{e}" for e in EXPLAINERS for way in ("max", "min"))]
        ),
        "classes": CLASSES,
    }
    groups = [path.name for path in sorted(conf_dir().iterdir()) if path.is_dir()]
    return tables | {f"conf/{group}": _configurations(group) for group in groups}


def names(what: str | None) -> list[str]:
    """The entries of a table, or the tables.

    Raises:
        SpeechLRPError: there is no such table.
    """
    lists = _lists()
    if what is None:
        return [f"{name}: {', '.join(entries)}" for name, entries in lists.items()]
    if what not in lists:
        raise unknown("list", what, lists)
    return list(lists[what])
