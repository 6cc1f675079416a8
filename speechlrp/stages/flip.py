"""flip: accuracy while bins are set to a baseline in the order of a strategy."""

from collections.abc import Sequence
from math import isnan

import h5py
import numpy as np
import pandas as pd
import torch

from speechlrp.artifacts.hdf5 import open_artifact, read_table
from speechlrp.artifacts.relevance import RELEVANCE, Maps
from speechlrp.artifacts.shards import Shards
from speechlrp.config.schema import Config
from speechlrp.data.dataset import dataset
from speechlrp.data.network import Classifier, network
from speechlrp.data.recordings import explored
from speechlrp.data.seen import section_of
from speechlrp.errors import about
from speechlrp.flipping import baselines_of, strategies_of
from speechlrp.flipping.cells import CELL, Flips, rates
from speechlrp.flipping.curve import check_measures, grid_counts, summarise
from speechlrp.flipping.fill_ins import fill_ins
from speechlrp.measures.verdicts import speakers_areas
from speechlrp.pipeline.places import FEATURES, explanation, explanation_facts, weights
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.curves import flipping_curve


def work(context: Context) -> None:
    """Write the curves (of all, classes, speakers, some recordings), their summary and figures."""
    flipping = context.config.flipping
    plain = network(context, dataset(context))
    path, command = context.inputs["relevance"], context.made_by["relevance"]
    with open_artifact(path, RELEVANCE, command) as relevance, plain.dataset.features() as features:
        classifier = plain.seen(section_of(relevance))
        examples, table = classifier.dataset, read_table(relevance)
        rows = chosen(table.label.to_numpy(), flipping.limit, context.config.seed)
        size = flipping.batch_size
        units = [rows[i : i + size] for i in range(0, len(rows), size)]
        shards = Shards(context.units(), len(units))
        maps = Maps(relevance)
        flips = flips_of(context, classifier, strategies_of(flipping.strategy), maps.bins)
        check_measures(flipping.measures, flips.counts, maps.bins)
        todo = context.mine(shards.missing())
        for unit in progress(todo, "flip", len(todo)):
            batch = table.iloc[units[unit]]
            inputs = classifier.inputs(features[np.sort([examples.row_of[i] for i in batch.id])])
            some_maps = torch.from_numpy(maps[units[unit]]).to(classifier.device)
            shards.put(unit, {}, flips.cells(inputs, some_maps, batch))
        context.ranks.wait()
        if context.ranks.leader and "lrp" in flips.strategies and flipping.grid == "table":
            _answer(context, classifier, relevance, features)
    if context.ranks.leader:
        _write(context, shards.table(), maps.bins, examples.classes)
        shards.remove()


def chosen(labels: np.ndarray, limit: int | None, seed: int) -> np.ndarray:
    """The rows to flip: all, or `limit` of them, as many of every class, drawn by seed."""
    if limit is None or limit >= len(labels):
        return np.arange(len(labels))
    generator = np.random.default_rng(seed)
    classes = np.unique(labels)
    each = -(-limit // len(classes))
    picked = [generator.permutation(np.flatnonzero(labels == c))[:each] for c in classes]
    return np.sort(np.concatenate(picked))


def flips_of(context: Context, network: Classifier, strategies: Sequence[str], bins: int) -> Flips:
    """What the configuration asks of the recordings of a network, with `bins` each."""
    flipping = context.config.flipping
    names, around = baselines_of(flipping.baseline), network.surroundings(context.config.seed)
    with about(f"flipping.grids.{flipping.grid}"):
        counts = grid_counts(flipping.grids[flipping.grid], bins)
    return Flips(
        predict=network.predict,
        counts=counts,
        baselines=fill_ins(names, around),
        strategies=strategies,
        repeats=flipping.repeats,
        seed=context.config.seed,
    )


def _answer(context: Context, classifier: Classifier, relevance: h5py.File, features) -> None:
    """Write `answers.csv`: what the network says of each recording to explore, by ``lrp``."""
    table, size = read_table(relevance), context.config.flipping.batch_size
    rows = explored(table, relevance["output"][:].argmax(1), context.config.explored)
    maps = Maps(relevance)
    flips, parts = flips_of(context, classifier, ("lrp",), maps.bins), []
    for batch in (rows[i : i + size] for i in range(0, len(rows), size)):
        stored = [features[classifier.dataset.row_of[i]] for i in table.id.iloc[batch]]
        inputs = classifier.inputs(np.stack(stored))
        some_maps = torch.from_numpy(maps[batch]).to(classifier.device)
        each = table.iloc[batch].assign(speaker=table.id.iloc[batch])  # a recording a row
        parts.append(flips.cells(inputs, some_maps, each))
    answers = rates(pd.concat(parts), [*CELL, "speaker"], maps.bins)
    context.write(answers=answers.rename(columns={"speaker": "id"}))


def _write(context: Context, cells: pd.DataFrame, bins: int, classes: list[str]) -> None:
    by_class = rates(cells, [*CELL, "label"], bins)
    by_class["label"] = [classes[label] for label in by_class.label]
    curve = rates(cells, CELL, bins)
    summary = summarise(curve, bins, context.config.flipping.measures)
    areas = speakers_areas(cells, bins)
    context.write(curve=curve, curve_by_class=by_class, summary=summary, areas=areas)
    chance = 1 / len(classes)
    for baseline, part in curve.groupby("baseline", sort=False):
        figure = flipping_curve(part, chance=chance, title=f"Bins set to the baseline: {baseline}")
        context.write(**{f"curve_{baseline}": figure})
    context.note("examples", int(curve.n.iloc[0]))
    for row in summary.itertuples():
        context.say(
            f"{row.strategy:8} {row.baseline:8} area under the curve {row.auc:.3f}, "
            + ("50 % not passed" if isnan(row.bins_at_50) else f"50 % at {row.bins_at_50:.0f} bins")
        )


def _facts(config: Config) -> dict[str, str]:
    flipping = config.flipping
    asked = {name: getattr(flipping, name) for name in ("grid", "baseline", "strategy")}
    return explanation_facts(config) | asked


STAGE = Stage(
    name="flip",
    facts=_facts,
    keys=("flipping.strategy", "flipping.baseline", "flipping.grid", "flipping.grids",
          "flipping.measures", "flipping.repeats", "flipping.limit", "flipping.batch_size",
          "explored", "seed"),
    inputs=lambda config: {
        "features": FEATURES,
        "relevance": explanation(config, "relevance.h5"),
        **weights(config),
    },
    work=work,
    sources=lambda config: {
        "flipping.strategies": list(strategies_of(config.flipping.strategy)),
        "flipping.baselines": list(baselines_of(config.flipping.baseline)),
    },
    shared=True,
)  # fmt: skip
