"""compare: several explainers on the same recordings, or on ever more random networks."""

import h5py
import numpy as np
import torch

from speechlrp.artifacts.hdf5 import write_table
from speechlrp.artifacts.relevance import Maps
from speechlrp.artifacts.shards import Shards
from speechlrp.config.schema import Config
from speechlrp.errors import about
from speechlrp.explainers.counting import priced
from speechlrp.flipping import baselines_of
from speechlrp.measures import SCORES
from speechlrp.measures.absorption import completeness, conservation, summarise_conservation
from speechlrp.pipeline.parts import Part, prune
from speechlrp.pipeline.places import FEATURES, weights, weights_name
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.stages.compare import compare_tables, sanity
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
        sanity.work(bench)
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
            warm = explainer.explain(model, inputs[:2], target[:2])  # the first call does more
        output, relevance, costs = priced(explainer, model, inputs, target)
        sums = completeness(explainer, model, inputs, target, relevance)
        maps = explaining.maps(relevance).cpu().numpy()
        judged = explaining.judged(
            inputs, target, relevance, table, config.explainer["bands_hz"], seed=config.seed,
            period=config.compare.period,
        )  # fmt: skip
        numbers = {name: values.cpu().numpy() for name, values in sums.items()}
        numbers |= {c: v for name in bench.scores for c, v in SCORES[name](judged).items()}
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
                some = Maps(file)[first[unit] : first[unit + 1]]
            relevance = torch.from_numpy(some).to(network.device)
        shards.put(unit, {}, flips.cells(inputs, relevance, table))
    with part.written() as file:
        write_table(file, shards.table())


def _facts(config: Config) -> dict[str, str]:
    sanity = "" if config.compare.sanity == "none" else config.compare.sanity
    return {"weights": weights_name(config), "subset": config.subset, "sanity": sanity}


STAGE = Stage(
    name="compare",
    facts=_facts,
    keys=("compare", "subset", "explainer.bands_hz", "explainer.view", "explainer.window_length",
          "explainer.hop", "flipping.baseline", "flipping.grid", "flipping.grids",
          "flipping.measures", "flipping.repeats", "seed"),
    inputs=lambda config: {"features": FEATURES, **weights(config)},
    work=work,
    parts=PARTS,
    sources=lambda config: {"flipping.baselines": list(baselines_of(config.flipping.baseline))},
)  # fmt: skip
