"""What follows a training beside our own tables: `trainer.logger`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from speechlrp.pipeline.stage import Context
from speechlrp.training import LOGGERS
from speechlrp.training.callbacks import Callback
from speechlrp.training.recipe import Recipe


def loggers(context: Context, settings: Recipe, meta: Mapping[str, Any]) -> list[Callback]:
    """The configured logger, which writes to `logs` below the stage's folder; none by default.

    Args:
        context: of the stage.
        settings: of the training.
        meta: of the model, see `save_model`.

    Raises:
        SpeechLRPError: there is no such logger, or what it needs is not installed.
    """
    name = context.config.trainer.get("logger")
    if name is None or not context.ranks.leader:
        return []
    facts = {"model": meta["model"], "task": meta["task"], **asdict(settings)}
    return [LOGGERS[name](context.folder / "logs", context.run.name, facts)]
