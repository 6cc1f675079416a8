"""flip: accuracy while bins are set to a baseline in the order of a strategy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch

from speechlrp.artifacts.atomic import write_bytes, write_csv
from speechlrp.artifacts.hdf5 import open_artifact, read_table
from speechlrp.artifacts.shards import Shards
from speechlrp.data.features import FEATURES, Network, read_examples
from speechlrp.flipping import BASELINES, STRATEGIES
from speechlrp.flipping.curve import flip, grid_counts, score, summarise
from speechlrp.flipping.ranking import flipping_order
from speechlrp.measures.verdicts import speakers_areas
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.pipeline.weights import explanation, weights_inputs
from speechlrp.report.curves import flipping_curve
from speechlrp.report.style import figure_png

CELL = ["strategy", "baseline", "repeat", "bins"]


def work(context: Context) -> None:
    """Write `curve.csv`, `curve_by_class.csv`, `summary.csv`, `areas.csv` and the figure."""
    flipping = context.config.flipping
    examples = read_examples(context.inputs["features"], context.command("preprocess"))
    network = Network(context, examples)
    command = context.command("explain")
    with (
        open_artifact(context.inputs["relevance"], "relevance", command) as relevance,
        open_artifact(examples.path, "features", context.command("preprocess")) as features,
    ):
        table = read_table(relevance)
        rows = chosen(table.label.to_numpy(), flipping.limit, context.config.seed)
        size = flipping.batch_size
        units = [rows[i : i + size] for i in range(0, len(rows), size)]
        shards = Shards(context.folder / ".units", len(units))
        counts = grid_counts(flipping.grids[flipping.grid], relevance["order"].shape[1])
        asked = BASELINES if flipping.baseline == "all" else (flipping.baseline,)
        baselines = {name: network.baseline(name).flatten() for name in asked}
        todo = context.mine(shards.missing())
        for unit in progress(todo, "flip", len(todo)):
            some = table.iloc[units[unit]]
            inputs = network.inputs(
                features["features"][np.sort([examples.row_of[i] for i in some.id])]
            )
            order = torch.from_numpy(relevance["order"][units[unit]].astype(np.int64))
            counted = count_cells(
                context, network, inputs, some, order.to(network.device), counts, baselines
            )
            shards.put(unit, {}, pd.DataFrame(counted))
        bins = relevance["order"].shape[1]
    context.ranks.wait()
    if context.ranks.leader:
        _write(context, shards.table(), bins, examples.classes)
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


def count_cells(context, network, inputs, table, falling, counts, baselines) -> Iterator[dict]:
    """The sums of a batch for each strategy, baseline, repeat, number of bins, class, speaker."""
    labels = torch.tensor(table.label.to_numpy(), device=inputs.device)
    flipping, seed = context.config.flipping, context.config.seed
    strategies = STRATEGIES if flipping.strategy == "all" else (flipping.strategy,)
    start = [score(network.probabilities, inputs, labels)] if counts[0] == 0 else []
    for strategy in strategies:
        for repeat in range(flipping.repeats if strategy == "random" else 1):
            order = flipping_order(strategy, falling, list(table.id), seed, repeat)
            done: list[tuple[torch.Tensor, list]] = []
            for baseline, values in baselines.items():
                points = next((p for other, p in done if torch.equal(other, values)), None)
                if points is None:
                    flipped = flip(inputs, order, values, counts[counts > 0])
                    points = start + [score(network.probabilities, x, labels) for x in flipped]
                    done.append((values, points))
                for count, point in zip(counts, points, strict=True):
                    cell = dict(zip(CELL, (strategy, baseline, repeat, int(count)), strict=True))
                    yield from ({**cell, **sums} for sums in _sums(point, table))


def _sums(point: tuple[torch.Tensor, torch.Tensor], table: pd.DataFrame) -> Iterator[dict]:
    """What is correct at a point of the grid, for each class and speaker."""
    right, probability = (values.numpy() for values in point)
    counted = table[["label", "speaker"]].assign(n=1, correct=right, probability=probability)
    sums = counted.groupby(["label", "speaker"], sort=True).sum().reset_index()
    yield from sums.astype({"correct": int}).to_dict("records")


def _write(context: Context, cells: pd.DataFrame, bins: int, classes: list[str]) -> None:
    by_class = rates(cells, [*CELL, "label"], bins)
    by_class["label"] = [classes[label] for label in by_class.label]
    curve = rates(cells, CELL, bins)
    summary = summarise(curve, bins)
    write_csv(context.folder / "curve.csv", curve)
    write_csv(context.folder / "curve_by_class.csv", by_class)
    write_csv(context.folder / "summary.csv", summary)
    write_csv(context.folder / "areas.csv", speakers_areas(cells, bins))
    chance = 1 / len(classes)
    for baseline, part in curve.groupby("baseline", sort=False):
        figure = flipping_curve(part, chance=chance, title=f"Bins set to the baseline: {baseline}")
        write_bytes(context.folder / f"curve_{baseline}.png", figure_png(figure))
    context.note("examples", int(curve.n.iloc[0]))
    for row in summary.itertuples():
        context.say(
            f"{row.strategy:8} {row.baseline:8} area under the curve {row.auc:.3f}, "
            f"50 % at {row.bins_at_50:.0f} bins"
        )


def rates(cells: pd.DataFrame, by: list[str], bins: int) -> pd.DataFrame:
    """The accuracy and mean probability of the cells that share some columns."""
    sums = cells.groupby(by, sort=False, as_index=False)[["n", "correct", "probability"]].sum()
    sums.insert(by.index("bins") + 1, "percent", sums.bins / bins * 100)
    sums["accuracy"] = sums.correct / sums.n
    sums["probability"] = sums.probability / sums.n
    return sums


def _folder(config) -> str:
    part, flipping = explanation(config).removeprefix("explain/"), config.flipping
    return f"flip/{part}-{flipping.grid}-{flipping.baseline}-{flipping.strategy}"


STAGE = Stage(
    name="flip",
    folder=_folder,
    keys=("flipping.strategy", "flipping.baseline", "flipping.grid", "flipping.grids",
          "flipping.repeats", "flipping.limit", "flipping.batch_size", "seed"),
    inputs=lambda config: {
        "features": FEATURES,
        "relevance": f"{explanation(config)}/relevance.h5",
        **weights_inputs(config),
    },
    work=work,
    shared=True,
)  # fmt: skip
