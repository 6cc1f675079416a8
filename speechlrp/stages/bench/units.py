"""The units of a bench: an explainer on a network of known truth.

What a unit computes is kept in the network's run, each part under a digest of all that it follows
from, so that another explainer, fill-in or measure computes what is new alone.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from speechlrp.artifacts.shards import Shards
from speechlrp.artifacts.source_digests import code_of
from speechlrp.config.names import digest_of, flatten, names_in
from speechlrp.data.explaining import Explaining, scored
from speechlrp.explainers.counting import priced
from speechlrp.flipping.cells import Flips
from speechlrp.flipping.curve import grid_counts
from speechlrp.flipping.fill_ins import fill_ins
from speechlrp.measures.absorption import completeness
from speechlrp.measures.localisation import true_regions
from speechlrp.pipeline.places import plain
from speechlrp.registry import references_in
from speechlrp.stages.bench.ingredients import Bench, Explained

ORDERS = ("lrp", "lrp_rev")
TRUTH = "cue"
"""The score that knows where relevance should be."""
BETWEEN_SEEDS = "between_seeds"
"""A part that is of several seeds, and lies with the first."""
ORACLE = "truth"
"""The name of the true region among the explainers."""


class Cell:
    """One explainer on one network: its parts, and how each is computed."""

    def __init__(self, bench: Bench, one: Explained) -> None:
        self.bench, self.one = bench, one
        self.settings = bench.config.bench
        self._warm = False

    def shards(self, kind: str, **settings: Any) -> Shards:
        """Where the batches of a part are kept; its name is a digest of what it follows from."""
        facts = flatten("facts", self.bench.facts) | flatten("explainer", dict(self.one.section))
        facts |= flatten(kind, settings) | {"kind": kind}
        facts |= {name: code_of(name) for name in references_in([facts, kind])}
        folder = self.bench.member.run / "cells" / plain(self.one.name)
        return Shards(folder / f"{plain(kind)}-{digest_of(facts)[:12]}", len(self.bench.units))

    @property
    def maps(self) -> Shards:
        """Relevance, what it cost, and what it should add up to."""
        return self.shards("maps")

    def scores(self) -> dict[str, Shards]:
        """Of each measure of maps, and the truth."""
        names = [TRUTH]
        if not self.bench.member.control:
            names += names_in(self.settings.measures)
        return {name: self.shards(f"score_{name}") for name in names}

    def flips(self) -> dict[str, Shards]:
        """The flipping curves with each fill-in."""
        names = [] if self.bench.member.control else names_in(self.settings.baselines)
        percent = list(self.settings.percent)
        return {name: self.shards(f"flips_{name}", percent=percent) for name in names}

    def forget(self) -> None:
        """Delete what was computed, as `--force` asks."""
        for part in (self.maps, *self.scores().values(), *self.flips().values()):
            part.remove()
        for folder in self.maps.folder.parent.glob(f"{BETWEEN_SEEDS}-*"):
            shutil.rmtree(folder)

    def work(self) -> None:
        """Compute what is missing, batch by batch."""
        maps, scores, flips = self.maps, self.scores(), self.flips()
        for unit in range(len(self.bench.units)):
            lacking = [n for n, part in flips.items() if not part.path(unit).exists()]
            measured = [n for n, part in scores.items() if not part.path(unit).exists()]
            there = maps.path(unit).exists()
            if there and not lacking and not measured:
                continue
            shown, inputs, target = self._batch(unit)
            if not there:
                self._explain(unit, maps, inputs, target)
            relevance, target = self._read(unit, maps)
            for name in measured:
                seen = self.bench.network.dataset.table.iloc[self.bench.units[unit]]
                bands, seed = self.one.section["bands_hz"], self.bench.member.seed
                judged = self.explaining.judged(inputs, target, relevance, seen, bands, seed=seed)
                row = self.bench.table(unit)[["id"]].assign(**scored(name, judged))
                scores[name].put(unit, {}, row)
            for name, curves in self._curves(lacking, unit, shown, relevance):
                flips[name].put(unit, curves, self.bench.table(unit)[["id"]])

    @cached_property
    def explaining(self) -> Explaining:
        """The explainer at work."""
        return Explaining(self.bench.network, self.one.section)

    def _batch(self, unit: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        with self.bench.network.dataset.features() as features:
            labels = self.bench.table(unit).label.to_numpy()
            return self.explaining.batch(features[self.bench.units[unit]], labels)

    def _read(self, unit: int, maps: Shards) -> tuple[torch.Tensor, torch.Tensor]:
        """Relevance and target."""
        arrays, _ = maps.get(unit)
        device = self.bench.network.device
        relevance, target = (
            torch.from_numpy(arrays[n]).to(device) for n in ("relevance", "target")
        )
        return relevance, target

    def _explain(self, unit: int, maps: Shards, inputs: torch.Tensor, target: torch.Tensor) -> None:
        model, explainer = self.explaining.model, self.explaining.explainer
        if not self._warm:  # the first call does more
            self.explaining.explain(inputs[:2], target[:2])
            self._warm = True
        output, relevance, costs = priced(explainer, model, inputs, target)
        sums = completeness(explainer, model, inputs, target, relevance)
        error = (sums["completeness_error"] / sums["promised"]).abs()
        table = self.bench.table(unit)[["id"]].assign(
            **costs, completeness_error=error.cpu().numpy()
        )
        arrays = {"relevance": relevance, "target": target, "output": output}
        maps.put(unit, {name: value.cpu().numpy() for name, value in arrays.items()}, table)

    def _curves(
        self, baselines: list[str], unit: int, shown: torch.Tensor, relevance: torch.Tensor
    ) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
        """Of each fill-in ``correct`` and ``probability``, ``[n, orders, points]``.

        An order is made once for all of them, and the orders are those that flip makes.
        """
        if not baselines:
            return
        network, seed = self.bench.network, self.bench.member.seed
        table, relevance = self.bench.table(unit), self.explaining.maps(relevance)
        flips = Flips(
            predict=network.predict,
            counts=grid_counts({"percent": self.settings.percent}, relevance[0].numel()),
            baselines=fill_ins(baselines, self.bench.surroundings),
            strategies=ORDERS,
            repeats=1,
            seed=seed,
        )
        labels = torch.tensor(table.label.to_numpy(), device=network.device)
        curves: dict[str, list] = {name: [] for name in baselines}
        for _, name, _, points in flips.curves(shown, relevance, list(table.id), labels):
            curves[name].append([torch.stack(values, 1) for values in zip(*points, strict=True)])
        for name, orders in curves.items():
            correct, probability = (torch.stack(part, 1) for part in zip(*orders, strict=True))
            yield name, {"correct": correct.numpy(), "probability": probability.numpy()}


class Oracle(Cell):
    """The true region itself as a map: what is said of it is said of a perfect explainer.

    It takes the settings of `one`, any explainer, which is not asked.
    """

    def __init__(self, bench: Bench, one: Explained) -> None:
        super().__init__(bench, replace(one, name=ORACLE, explainer=ORACLE, reference=""))

    def scores(self) -> dict[str, Shards]:
        """The truth alone: there is nothing to ask again."""
        return {TRUTH: self.shards(f"score_{TRUTH}")}

    def _explain(self, unit: int, maps: Shards, inputs: torch.Tensor, target: torch.Tensor) -> None:
        table, examples = self.bench.table(unit), self.bench.network.dataset
        known = examples.table.iloc[self.bench.units[unit]]
        inside = true_regions(known, examples.frequency, examples.time)
        arrays = {"relevance": inside[:, None].astype(np.float32)}
        maps.put(unit, arrays | {"target": table.label.to_numpy()}, table[["id"]])
