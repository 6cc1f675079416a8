"""compare: several explainers on the same recordings, or on ever more random networks."""

import copy

import h5py
import numpy as np
import pandas as pd
import torch

from speechlrp.artifacts.hdf5 import write_table
from speechlrp.artifacts.relevance import Maps
from speechlrp.artifacts.shards import Shards
from speechlrp.data.explaining import Explaining, scored
from speechlrp.errors import about
from speechlrp.explainers.counting import priced
from speechlrp.flipping import baselines_of
from speechlrp.measures.absorption import completeness, conservation, summarise_conservation
from speechlrp.measures.agreement import COLUMNS, agreement
from speechlrp.measures.effective import copied
from speechlrp.measures.randomise import layers_in_use, randomised, steps_from_output
from speechlrp.measures.scores import mean_and_error
from speechlrp.pipeline.parts import Part, prune
from speechlrp.pipeline.places import FEATURES, network_facts, weights
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.compare import sanity_curves
from speechlrp.stages.compare import compare_tables
from speechlrp.stages.compare.compare_tables import CONSERVATION
from speechlrp.stages.compare.subject import PARTS, Bench, set_up
from speechlrp.stages.flip import flips_of
from speechlrp.training.losses import probabilities

RANDOM_ORDER = "random order"
"""What the flipping curve without any explainer is called."""


def work(context: Context) -> None:
    """Explain, flip and compare; or with `compare.sanity` the check of the explainers."""
    bench, checked = set_up(context), context.config.compare.sanity != "none"
    kinds = ("sanity",) if checked else ("maps", "flips")
    parts = [bench.part(kind, name) for kind in kinds for name in bench.sections]
    parts += [] if checked else [bench.part("flips", RANDOM_ORDER)]
    kept = [part.file for part in parts if part.there()]
    if kept:
        context.say(f"kept from before: {', '.join(kept)}")
    if checked:
        check_sanity(bench)
    else:
        for name in bench.sections:
            with about(name):
                write_maps(bench, name)
                flip(bench, name, ("lrp", "lrp_rev"))
        flip(bench, RANDOM_ORDER, ("random",))
        compare_tables.write(bench, RANDOM_ORDER)
    prune(context, PARTS, parts)
    context.note("examples", sum(map(len, bench.units)))


def write_maps(bench: Bench, name: str) -> None:
    """Make an explainer's part of maps, laid out as `relevance.h5` of explain.

    Its table also says what each map cost and its scores; of LRP the sums of relevance in and
    out of every operation stand beside it.
    """
    part = bench.part("maps", name)
    if part.there():
        return
    shards = explained(bench, name, part)
    sums = conserved(bench, name, part) if bench.sections[name]["kind"] == "lrp" else None
    with part.written() as file:
        bench.explaining(name).merged(file, shards, bench.context)
        if sums is not None:
            write_table(file, summarise_conservation([table for _, table in sums]), CONSERVATION)


def explained(bench: Bench, name: str, part: Part) -> Shards:
    """An explainer's maps, with what they cost and their scores, batch by batch."""
    shards, explaining = bench.units_of(part, "maps"), bench.explaining(name)
    model, explainer = explaining.model, explaining.explainer
    config, warm = bench.context.config, None
    for unit, table, features in bench.batches(shards.missing(), name):
        _, inputs, target = explaining.batch(features, table.label.to_numpy())
        if not warm:
            warm = explaining.explain(inputs[:2], target[:2])  # the first call does more
        output, relevance, costs = priced(explainer, model, inputs, target)
        sums = completeness(explainer, model, inputs, target, relevance)
        maps = explaining.maps(relevance).cpu().numpy()
        judged = explaining.judged(
            inputs, target, relevance, table, config.explainer["bands_hz"], seed=config.seed,
            period=config.compare.period,
        )  # fmt: skip
        numbers = {name: values.cpu().numpy() for name, values in sums.items()}
        numbers |= {c: v for name in bench.scores for c, v in scored(name, judged).items()}
        logits = explaining.logits(inputs, output)
        probability = probabilities(bench.network.meta["loss"], logits)
        arrays = {"relevance": maps, "target": target.cpu().numpy()}
        arrays |= {"output": logits.cpu().numpy(), "probability": probability.cpu().numpy()}
        shards.put(unit, arrays, table.assign(**costs, **numbers))
    return shards


def conserved(bench: Bench, name: str, part: Part) -> Shards:
    """The sums of relevance in and out of every operation."""
    shards, explaining = bench.units_of(part, CONSERVATION), bench.explaining(name)
    for unit, table, features in bench.batches(shards.missing(), f"{name}: conservation"):
        _, inputs, target = explaining.batch(features, table.label.to_numpy())
        sums = conservation(explaining.explainer, explaining.model, inputs, target)
        shards.put(unit, {}, sums)
    return shards


def flip(bench: Bench, name: str, strategies: tuple[str, ...]) -> None:
    """Count what is still classified correctly while bins are flipped in an explainer's order."""
    part, network, examples = bench.part("flips", name), bench.network, bench.examples
    if part.there():
        return
    shards, maps = bench.units_of(part, "flips"), bench.part("maps", name).path
    bins = examples.frequency.size * examples.time.size
    flips = flips_of(bench.context, network, strategies, bins)
    first = np.cumsum([0, *map(len, bench.units)])
    for unit, table, features in bench.batches(shards.missing(), f"{name}: flip"):
        inputs = network.inputs(features)
        relevance = torch.zeros_like(inputs[:, :1])
        if name in bench.sections:
            with h5py.File(maps) as file:
                stored = Maps(file)[first[unit] : first[unit + 1]]
            relevance = torch.from_numpy(stored).to(network.device)
        shards.put(unit, {}, flips.cells(inputs, relevance, table))
    with part.written() as file:
        write_table(file, shards.table())


STEP = ["explainer", "step", "layers"]


def check_sanity(bench: Bench) -> None:
    """Write `sanity.csv`, `sanity_examples.csv` and the figure."""
    config, network = bench.context.config.compare, bench.network
    one = torch.zeros(1, *bench.examples.train_mean.shape, device=network.device)
    steps = steps_from_output(layers_in_use(network.model, one), config.sanity_steps)
    bench.context.say(f"{config.sanity}: {', '.join(map(label, steps))}")
    for name in bench.sections:
        with about(name):
            _randomise(bench, name, steps)
    rows = compare_tables.of_all(bench, "sanity")
    summary = mean_and_error(rows, STEP, [*COLUMNS, "correct"])
    figure = sanity_curves(summary, order=config.sanity, chance={"top_overlap": config.top})
    bench.context.write(sanity_examples=rows, sanity=summary)
    bench.context.write(sanity=figure)
    last = summary[(summary.step == summary.step.max()) & (summary.score == "spearman_absolute")]
    for row in last.itertuples():
        bench.context.say(f"{row.explainer:24} |R| after the last step: correlation {row.mean:.3f}")


def label(layers: list[str]) -> str:
    """A step in a few letters: its layer, or the first and the last that it reaches."""
    return layers[0] if len(layers) == 1 else f"{layers[0]} to {layers[-1]}"


def _randomise(bench: Bench, name: str, steps: list[list[str]]) -> None:
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


STAGE = Stage(
    name="compare",
    facts=lambda config: network_facts(config, sanity=config.compare.sanity.replace("none", "")),
    keys=("compare", "subset", "explainer.bands_hz", "explainer.view", "explainer.window_length",
          "explainer.hop", "flipping.baseline", "flipping.grid", "flipping.grids",
          "flipping.measures", "flipping.repeats", "seed"),
    inputs=lambda config: {"features": FEATURES, **weights(config)},
    work=work,
    parts=PARTS,
    sources=lambda config: {"flipping.baselines": list(baselines_of(config.flipping.baseline))},
)  # fmt: skip
