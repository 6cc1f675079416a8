"""compare's sanity check: explanations of a network whose layers are made random in turn."""

import copy

import h5py
import numpy as np
import pandas as pd
import torch

from speechlrp.artifacts.hdf5 import read_table, write_table
from speechlrp.data.explaining import Explaining
from speechlrp.errors import about
from speechlrp.measures.agreement import COLUMNS, agreement
from speechlrp.measures.effective import copied
from speechlrp.measures.randomise import layers_in_use, randomised, steps_from_output
from speechlrp.measures.scores import mean_and_error
from speechlrp.report.compare import sanity_curves
from speechlrp.stages.compare.subject import Bench

STEP = ["explainer", "step", "layers"]


def work(bench: Bench) -> None:
    """Write `sanity.csv`, `sanity_examples.csv` and the figure."""
    steps, config = _steps(bench), bench.context.config.compare
    bench.context.say(f"{config.sanity}: {', '.join(map(label, steps))}")
    for name in bench.sections:
        with about(name):
            _explain(bench, name, steps)
    parts = []
    for name in bench.sections:
        with h5py.File(bench.part("sanity", name).path) as file:
            table = read_table(file)
        table.insert(0, "explainer", name)
        parts.append(table)
    rows = pd.concat(parts, ignore_index=True)
    summary = mean_and_error(rows, STEP, [*COLUMNS, "correct"])
    figure = sanity_curves(summary, order=config.sanity, chance={"top_overlap": config.top})
    bench.context.write(sanity_examples=rows, sanity=summary)
    bench.context.write(sanity=figure)
    last = summary[(summary.step == summary.step.max()) & (summary.score == "spearman_absolute")]
    for row in last.itertuples():
        bench.context.say(f"{row.explainer:24} |R| after the last step: correlation {row.mean:.3f}")


def _steps(bench: Bench) -> list[list[str]]:
    config, network = bench.context.config.compare, bench.network
    one = torch.zeros(1, *bench.examples.train_mean.shape, device=network.device)
    layers = layers_in_use(network.model, one)
    return steps_from_output(layers, config.sanity_steps)


def label(layers: list[str]) -> str:
    """A step in a few letters: its layer, or the first and the last that it reaches."""
    return layers[0] if len(layers) == 1 else f"{layers[0]} to {layers[-1]}"


def _explain(bench: Bench, name: str, steps: list[list[str]]) -> None:
    """Compare the maps of random networks with those of the trained one, batch by batch."""
    part, config = bench.part("sanity", name), bench.context.config.compare
    if part.there():
        return
    shards = bench.units_of(part, "sanity")
    trained = bench.explaining(name)
    other = copy.copy(bench.network)
    other.model = copied(bench.network.model)
    explaining = Explaining(other, bench.sections[name])
    seed = bench.context.config.seed
    for unit, table, features in bench.batches(shards.missing(), name):
        labels = table.label.to_numpy()
        _, inputs, target = trained.batch(features, labels)
        output, relevance = trained.explainer.explain(trained.model, inputs, target)
        original = trained.maps(relevance).cpu().numpy()
        parts = [_compared(original, original, output, table, 0, "trained", config.top)]
        models = randomised(other.model, steps, config.sanity, config.randomise, seed)
        for i, _ in enumerate(models):
            output, relevance = explaining.explainer.explain(explaining.model, inputs, target)
            maps = trained.maps(relevance).cpu().numpy()
            where = label(steps[i])
            parts.append(_compared(original, maps, output, table, i + 1, where, config.top))
        shards.put(unit, {}, pd.concat(parts, ignore_index=True))
    with part.written() as file:
        write_table(file, shards.table())


def _compared(
    original: np.ndarray,
    other: np.ndarray,
    output: torch.Tensor,
    table: pd.DataFrame,
    step: int,
    layers: str,
    top: float,
) -> pd.DataFrame:
    """A row a recording: how its two maps agree."""
    rows = agreement({"trained": original, "random": other}, top)
    rows = rows[rows.explainer != rows.other].sort_values("recording")
    right = output.argmax(1).cpu().numpy() == table.label.to_numpy()
    facts = {"step": step, "layers": layers, "id": table.id.to_numpy()}
    columns = {name: rows[name].to_numpy() for name in COLUMNS}
    return pd.DataFrame({**facts, **columns, "correct": right.astype(float)})
