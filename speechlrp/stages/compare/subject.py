"""What compare tries explainers on: recordings, the network, and the explainers' settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from speechlrp.artifacts.shards import Shards
from speechlrp.config.names import names_in
from speechlrp.data.conditions import WINDOW
from speechlrp.data.dataset import Windows, dataset
from speechlrp.data.explaining import Explaining, check
from speechlrp.data.network import Classifier, network
from speechlrp.data.seen import VIEW
from speechlrp.errors import SpeechLRPError, about, unknown
from speechlrp.measures import SCORES
from speechlrp.pipeline.parts import Part
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context
from speechlrp.stages.flip import chosen

PARTS = ("maps", "flips", "sanity")
"""Folders of what is kept of each explainer."""


@dataclass(frozen=True)
class Bench:
    """What all explainers are tried on."""

    context: Context  # of the stage
    examples: Windows  # preprocessed
    network: Classifier  # that is explained
    units: list[np.ndarray]  # rows of the examples, a batch each
    sections: Mapping[str, Mapping[str, Any]]  # explainer -> its section of the configuration
    scores: list[str]  # names in ``SCORES``

    def part(self, kind: str, explainer: str) -> Part:
        """What one kind of work (`PARTS`) gives of an explainer, kept while its causes stay.

        An order without relevance has a name that is none of the sections.
        """
        config, compare = self.context.config, self.context.config.compare
        flipping = config.flipping
        drawn = [config.subset, config.seed, compare.examples, compare.batch_size]
        facts: dict[str, list] = {
            "maps": [self.scores, compare.period, config.explainer["bands_hz"]],
            "flips": [flipping.grids[flipping.grid], flipping.baseline, flipping.repeats],
            "sanity": [compare.sanity, compare.sanity_steps, compare.randomise, compare.top],
        }
        section = dict(self.sections.get(explainer, {}))
        return Part(self.context, f"{kind}/{explainer}.h5", [section, drawn, facts[kind]])

    def units_of(self, part: Part, kind: str) -> Shards:
        """The units of a part's work, a batch each."""
        return part.shards(kind, len(self.units))

    def explaining(self, explainer: str) -> Explaining:
        """An explainer at work on the network."""
        return Explaining(self.network, self.sections[explainer])

    def batches(self, todo: list[int], what: str) -> Iterator[tuple[int, pd.DataFrame, np.ndarray]]:
        """Some units: their number, rows of the table and features."""
        with self.examples.features() as features:
            for unit in progress(todo, what, len(todo)):
                rows = self.units[unit]
                yield unit, self.examples.table.iloc[rows], features[rows]


def set_up(context: Context) -> Bench:
    """Choose the recordings and look up the explainers.

    Raises:
        SpeechLRPError: an explainer or score that there is not.
    """
    config, settings = context.config, context.config.compare
    view = {key: config.explainer[key] for key in VIEW}  # maps are compared on the same axes
    sections = {}
    for name in names_in(settings.explainers):
        if name not in settings.settings:
            raise unknown("explainer of compare.explainers", name, settings.settings)
        sections[name] = {**settings.settings[name], **view}
        with about(name):
            check(sections[name])
    if not sections:
        raise SpeechLRPError("compare.explainers names no explainer; such as lrp,random")
    scores = names_in(settings.scores)
    for name in scores:
        SCORES[name]
    classifier = network(context, dataset(context)).seen(config.explainer)
    examples = classifier.dataset
    rows = choose(examples.table, examples.rows(config.subset), settings.examples, config.seed)
    size = settings.batch_size
    units = [rows[i : i + size] for i in range(0, len(rows), size)]
    return Bench(context, examples, classifier, units, sections, scores)


def choose(table: pd.DataFrame, rows: np.ndarray, limit: int | None, seed: int) -> np.ndarray:
    """Some of the rows, rising, drawn by seed: as many of every class, a window with its copies.

    Where `limit` is below the number of classes, some classes have none.
    """
    candidates = table.iloc[rows].reset_index(drop=True)
    windows = candidates.drop_duplicates(WINDOW)
    if limit is not None:
        limit = max(1, limit * len(windows) // len(candidates))
    picked = chosen(windows.label.to_numpy(), limit, seed)
    if limit is not None and limit < windows.label.nunique():
        picked = np.sort(np.random.default_rng(seed).permutation(picked)[:limit])
    keys = pd.MultiIndex.from_frame(windows[WINDOW].iloc[picked])
    return rows[pd.MultiIndex.from_frame(candidates[WINDOW]).isin(keys)]
