"""explain: relevance of every bin of a split, and where relevance falls."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from speechlrp.artifacts.hdf5 import created, open_artifact, read_table
from speechlrp.artifacts.relevance import RELEVANCE, Maps
from speechlrp.artifacts.shards import Shards
from speechlrp.data.dataset import Windows, dataset
from speechlrp.data.explaining import (
    Explaining,
    caution_of_guessing,
    caution_of_losses,
    check,
    order_of,
)
from speechlrp.data.network import Classifier, network
from speechlrp.data.recordings import name_of
from speechlrp.data.seen import section_of, seen
from speechlrp.data.times import Removal, times_on_disk, write_segments
from speechlrp.measures.absorption import conservation, summarise_conservation
from speechlrp.measures.excess import Excess
from speechlrp.measures.shares import Shares
from speechlrp.pipeline.places import FEATURES, explanation_facts, weights
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.heatmap import Panel, heatmap, top_bins
from speechlrp.report.panels import value_range
from speechlrp.report.share_figures import band_shares, region_shares
from speechlrp.training.losses import probabilities

MOST_PANELS = 24
"""Recordings in a figure, however many classes there are."""


def work(context: Context) -> None:
    """Write `relevance.h5`, figures and tables; `conservation.csv` is of LRP alone."""
    config = context.config
    check(config.explainer)
    classifier = network(context, dataset(context)).seen(config.explainer)
    examples = classifier.dataset
    rows = examples.rows(config.subset)
    size = config.explainer["batch_size"]
    units = [rows[i : i + size] for i in range(0, len(rows), size)]
    shards = Shards(context.units(), len(units))
    todo = context.mine(shards.missing())
    for unit, arrays in _explain(context, classifier, units, todo):
        shards.put(unit, arrays, examples.table.iloc[units[unit]])
    context.ranks.wait()
    if context.ranks.leader:
        _write(context, classifier, shards)


def _write(context: Context, classifier: Classifier, shards: Shards) -> None:
    """Put the units together, and say where relevance falls."""
    examples = classifier.dataset
    section, shares = context.config.explainer, _shares(context, examples)
    excess = Excess(examples.frequency, examples.time, examples.classes)
    profiles: list[np.ndarray] = []
    signed: dict[str, np.ndarray] = {}

    def add(arrays: dict[str, np.ndarray], rows: pd.DataFrame) -> None:
        shares.add(arrays["relevance"], rows)
        excess.add(arrays["relevance"], rows)
        profiles.extend(np.abs(arrays["relevance"]).sum((1, 2), dtype=float))
        signed.update(zip(rows.id, arrays["relevance"].sum((1, 2), dtype=float), strict=True))

    with created(context.folder / "relevance.h5") as file:
        table = Explaining(classifier, section).merged(file, shards, context, add)
        predicted = file["output"][:].argmax(1)
    caution_of_guessing(context, table, predicted, len(examples.classes))
    shards.remove()
    bands, regions = shares.tables()
    context.write(bands=bands, regions=regions, found=excess.table())
    removal = _removal(context, classifier, signed) if context.config.times.removal else None
    write_segments(context, table, profiles, [examples.time] * len(table), removal)
    shown = pick(table, predicted, section["examples"])
    _figures(context, examples, shown, bands, regions)
    if section["kind"] == "lrp":
        _conserve(context, classifier, [examples.row_of[table.id[i]] for i in shown])
    context.note("examples", len(table))


def _removal(context: Context, classifier: Classifier, signed: Mapping[str, np.ndarray]) -> Removal:
    """What some frames hold of an example's relevance, and what the target loses without them."""
    explaining, examples = Explaining(classifier, context.config.explainer), classifier.dataset

    def removal(name: str, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        row = examples.row_of[name]
        with examples.features() as stored:
            _, inputs, target = explaining.batch(stored[row][None], examples.labels[[row]])
        asked = explaining.asked(inputs, target, torch.zeros_like(inputs), context.config.seed)
        kept = torch.from_numpy(~frames).to(inputs.device)
        kept = kept.view(len(kept), *[1] * (inputs.dim() - 1), -1).expand(-1, *inputs.shape)
        whole, without = asked.scaled(kept.flatten(2), asked.start)
        return frames @ signed[name], (whole - without[:, 0]).cpu().numpy()

    return removal


def _conserve(context: Context, classifier: Classifier, rows: list[int]) -> None:
    """Write the sums of relevance in and out of every operation, over some examples."""
    explaining = Explaining(classifier, context.config.explainer)
    labels, size, parts = classifier.dataset.labels, explaining.section["batch_size"], []
    with classifier.dataset.features() as stored:
        for batch in (rows[i : i + size] for i in range(0, len(rows), size)):
            features = np.stack([stored[row] for row in batch])
            _, inputs, target = explaining.batch(features, labels[batch])
            parts.append(conservation(explaining.explainer, explaining.model, inputs, target))
    table = summarise_conservation(parts)
    context.write(conservation=table)
    caution_of_losses(context, table, explaining.section["name"])


def _explain(context: Context, classifier: Classifier, units, todo) -> Iterator:
    explaining = Explaining(classifier, context.config.explainer)
    labels = classifier.dataset.labels
    with classifier.dataset.features() as features:
        for unit in progress(todo, "explain", len(todo)):
            batch = units[unit]
            _, inputs, target = explaining.batch(features[batch], labels[batch])
            output, whole = explaining.explain(inputs, target)
            logits, relevance = explaining.logits(inputs, output), explaining.maps(whole)
            weighted = target.is_floating_point()  # a contrast is held under the class it is for
            arrays = {
                "relevance": relevance,
                "output": logits,
                "probability": probabilities(classifier.meta["loss"], logits),
                "target": target.argmax(1) if weighted else target,
            }
            yield unit, {name: values.cpu().numpy() for name, values in arrays.items()}


def _shares(context: Context, examples: Windows) -> Shares:
    section = context.config.explainer
    ranges = section["f0_hz"] or {}
    f0 = {name: ranges[name] for name in examples.classes if name in ranges}
    axes, limits = (examples.frequency, examples.time), section["bands_hz"]
    return Shares(*axes, examples.half_window, examples.classes, limits, f0)


def pick(table: pd.DataFrame, predicted: np.ndarray, each: int) -> list[int]:
    """Rows to show: of each class the first recordings classified correctly, a speaker once.

    They are at most `MOST_PANELS`, of the first classes.
    """
    shown = []
    right = table[table.label.to_numpy() == predicted]
    for label in sorted(table.label.unique()):
        candidates = right if (right.label == label).any() else table
        candidates = candidates[candidates.label == label].drop_duplicates("speaker")
        shown += list(candidates.index[:each])
        if len(shown) >= MOST_PANELS:
            break
    return shown[:MOST_PANELS]


def panels(relevance_file: Path, examples: Windows, rows: list[int]) -> list[Panel]:
    """The panels of the figures, for some rows of a relevance file."""
    with (
        open_artifact(relevance_file, RELEVANCE, "speechlrp explain") as relevance,
        examples.features() as stored,
    ):
        table, predicted = read_table(relevance), relevance["output"][:].argmax(1)
        examples, maps = seen(examples, section_of(relevance)), Maps(relevance)
        return [
            Panel(
                features=examples.picture(stored[examples.row_of[table.id[i]]]),
                relevance=maps[i][0],
                order=order_of(relevance, [i])[0].numpy(),
                title=_title(table.iloc[i], predicted[i], examples.classes),
                onset_s=table.onset_s[i],
                duration_s=table.duration_s[i],
            )
            for i in rows
        ]


def _title(one: pd.Series, predicted: int, classes: list[str]) -> str:
    wrong = "" if predicted == one.label else f", taken for {classes[predicted]}"
    return f"{classes[one.label]}: {name_of(one)}{wrong}"


def _figures(context: Context, examples: Windows, rows: list[int], bands, regions) -> None:
    axes = examples.frequency, examples.time
    units: dict[str, Any] = {"units": examples.units}
    path = context.folder / "relevance.h5"
    with open_artifact(path, RELEVANCE, context.command("explain")) as file:
        quantity = Maps(file).units
    shown = panels(path, examples, rows)
    maps = heatmap(shown, *axes, relevance_units=quantity, **units)
    context.write(heatmaps=maps, regions=region_shares(regions))
    if len(examples.frequency) > 1:
        fill = value_range(shown)[0] if examples.view else 0.0  # where dB are the picture's alone
        context.write(
            least_95_percent=top_bins(shown, *axes, share=0.95, least=True, fill=fill, **units),
            top_1_percent=top_bins(shown, *axes, share=0.01, **units),
            bands=band_shares(bands),
        )


STAGE = Stage(
    name="explain",
    facts=explanation_facts,
    keys=("explainer", "subset", "seed", "times"),
    inputs=lambda config: {"features": FEATURES, **weights(config)},
    work=work,
    sources=times_on_disk,
    shared=True,
)
