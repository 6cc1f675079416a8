"""What compare tries explainers on: recordings, the network, and the explainers' settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import open_artifact
from speechlrp.artifacts.shards import Shards
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.explainers import SCORES
from speechlrp.stages.explaining import Explaining, about, check
from speechlrp.stages.features import Examples, Network, read_examples
from speechlrp.stages.flip import chosen
from speechlrp.stages.progress import progress
from speechlrp.stages.stage import Context

UNITS = ".units"


@dataclass(frozen=True)
class Bench:
    """What all explainers are tried on.

    Attributes:
        context: of the stage.
        examples: preprocessed.
        network: that is explained.
        units: rows of the examples, a batch each.
        sections: explainer -> its section of the configuration.
        scores: names in ``SCORES``.
    """

    context: Context
    examples: Examples
    network: Network
    units: list[np.ndarray]
    sections: Mapping[str, Mapping[str, Any]]
    scores: list[str]

    def shards(self, kind: str, explainer: str) -> Shards:
        """Where an explainer's units of one kind of work are kept until the end."""
        return Shards(self.context.folder / UNITS / kind / explainer, len(self.units))

    def explaining(self, explainer: str) -> Explaining:
        """An explainer at work on the network."""
        return Explaining(self.network, self.sections[explainer])

    def batches(self, todo: list[int], what: str) -> Iterator[tuple[int, pd.DataFrame, np.ndarray]]:
        """Some units: their number, rows of the table and features."""
        command = self.context.command("preprocess")
        with open_artifact(self.examples.path, "features", command) as file:
            for unit in progress(todo, what, len(todo)):
                rows = self.units[unit]
                yield unit, self.examples.table.iloc[rows], file["features"][rows]


def set_up(context: Context) -> Bench:
    """Choose the recordings and look up the explainers.

    Raises:
        SpeechLRPError: an explainer or score that there is not.
    """
    config, settings = context.config, context.config.compare
    sections = {}
    for name in names_in(settings.explainers):
        if name not in settings.settings:
            raise unknown("explainer of compare.explainers", name, settings.settings)
        sections[name] = settings.settings[name]
        with about(name):
            check(sections[name])
    if not sections:
        raise SpeechLRPError("compare.explainers names no explainer; such as lrp,random")
    scores = names_in(settings.scores)
    for name in scores:
        SCORES[name]
    examples = read_examples(context.inputs["features"], context.command("preprocess"))
    rows = examples.rows(config.subset)
    labels = examples.table.label.to_numpy()
    rows = rows[chosen(labels[rows], settings.examples, config.seed)]
    size = settings.batch_size
    units = [rows[i : i + size] for i in range(0, len(rows), size)]
    return Bench(context, examples, Network(context, examples), units, sections, scores)


def names_in(text: str) -> list[str]:
    """The names of a list with commas, each once."""
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
