"""The sections of the report, in the pipeline's order; each is empty where its stage is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import h5py
import pandas as pd

from speechlrp.explainers.concentration import concentration
from speechlrp.flipping import BASELINES
from speechlrp.report import paper
from speechlrp.report.curves import flipping_curve
from speechlrp.report.page import Figure, Section, Table, Text
from speechlrp.report.reference_grid import reference_grid, verdicts
from speechlrp.report.style import figure_png
from speechlrp.report.tables import accuracies, beside
from speechlrp.stages.run_files import RunFiles

MODELS = {"train": "AlexNet"}
"""Weights -> row of T's Table 6.2, where the names differ."""


def tags(files: RunFiles, *more: str) -> tuple[str, ...]:
    """What a figure or table was made under."""
    return (f"reference {files.reference}", *more)


def recordings(files: RunFiles) -> Section:
    """How many recordings there were, and what was left out."""
    notes = files.records["preprocess"].notes
    examples = pd.DataFrame(notes["examples"]).T.fillna(0).astype(int)
    blocks = [
        Table(examples, "Examples of each class in each split (no speaker is in two splits).")
    ]
    if notes["rejected"]:
        reasons = pd.Series(notes["reasons"], name="recordings").to_frame()
        blocks.append(Table(reasons, "Recordings left out, by reason."))
    intro = f"{notes['recordings']} recordings, {notes['rejected']} of them left out."
    return Section("Recordings", intro, blocks)


def training(files: RunFiles) -> Section:
    """Loss and accuracy per epoch, and the evaluations."""
    blocks = []
    for where in [*files.of("train"), *files.of("retrain")]:
        caption = f"Loss and accuracy per epoch: {where}."
        blocks.append(Figure(files.image(where, "curves.png"), caption, caption, tags(files)))
    rows = {}
    for where in files.of("evaluate"):
        found = json.loads(files.path(where, "evaluation.json").read_text())
        rows[where.split("/")[1]] = _evaluation(found)
    if rows:
        caption = "Accuracy in %, with 95 % intervals: over recordings (Wilson), and over speakers."
        blocks.append(Table(pd.DataFrame(rows).T, caption))
    for where in files.of("evaluate"):
        name = where.split("/")[1]
        if name in ("train-test", "train-validate"):
            speakers = files.table(where, "per_speaker.csv")
            blocks.append(Table(speakers, f"Per speaker: {name}.", index=False))
    return Section("Training", f"T reaches {paper.ACCURACY} % on validation and test.", blocks)


def _evaluation(found: dict) -> dict[str, str]:
    def interval(low: str, high: str) -> str:
        return f"{found[low]:.2%} to {found[high]:.2%}"

    return {
        "n": str(found["n"]),
        "accuracy": f"{found['accuracy']:.2%}",
        "over recordings": interval("wilson_low", "wilson_high"),
        "over speakers": interval("speaker_low", "speaker_high"),
    }


EXPLAINED = (
    ("heatmaps.png", "T 6.1, 6.7, 6.8: relevance over the spectrogram; red speaks for the class "
     "explained, blue against it."),
    ("top_1_percent.png", "T 6.2: the 1 % most relevant bins."),
    ("least_95_percent.png", "T 6.4: the 95 % least positive bins set to the value 0."),
    ("bands.png", "Share of positive and negative relevance per frequency band."),
    ("regions.png", "Share of relevance on speech, padding, and the range of the fundamental."),
)  # fmt: skip


def explanations(files: RunFiles, examples: list) -> Section:
    """Heat maps, and where relevance falls."""
    blocks: list = list(examples)
    for where in files.of("explain"):
        if where.endswith("-train"):
            continue
        name = where.split("/")[1]
        for file, caption in EXPLAINED:
            text = f"{caption} Weights and split: {name}."
            blocks.append(Figure(files.image(where, file), text, text, tags(files)))
        with h5py.File(files.path(where, "relevance.h5")) as file:
            few = concentration(_parts(file), json.loads(file.attrs["classes"]))
        text = f"How few bins hold as much relevance as the whole decision (medians): {name}."
        blocks.append(Table(few, text, index=False))
        shares = files.table(where, "regions.csv")
        blocks.append(Table(shares, f"Mean share of relevance by region: {name}.", index=False))
    return Section("Explanations", "Where the network finds its reasons.", blocks)


def _parts(file: h5py.File, rows: int = 64) -> Iterator[tuple]:
    for i in range(0, len(file["relevance"]), rows):
        some = slice(i, i + rows)
        yield file["relevance"][some], file["order"][some], file["table/label"][some]


def flipping(files: RunFiles) -> Section:
    """Table 6.1 and Figures 6.3 and 6.5, for each baseline."""
    blocks = []
    curves = files.curves[(files.curves.weights == "train") & (files.curves.explainer == "lrp")]
    for (grid, subset, baseline), part in curves.groupby(
        ["grid", "subset", "baseline"], sort=False
    ):
        marks = tags(files, f"baseline {baseline}", subset)
        thesis = files.reference == "max" and baseline == "zero"
        if grid == "table":
            table = accuracies(part, paper.PERCENTS_6_1)
            table = beside(table, paper.TABLE_6_1) if thesis else table
            caption = (
                f"Table 6.1: accuracy in % of {part.n.iloc[0]} examples, by % of bins flipped."
            )
            blocks.append(Table(table, caption, tags=marks))
        blocks.append(_curve(part, grid, marks, paper.TABLE_6_1 if thesis else None))
    return Section(
        "Flipping",
        "Is the order true? Bins are set to the baseline in the order of the strategy: "
        "lrp (most positive relevance first), random, lrp_rev (most negative first).",
        blocks,
    )


def _curve(part: pd.DataFrame, grid: str, marks: tuple[str, ...], thesis) -> Figure:
    if grid == "bins":
        figure = flipping_curve(part, x="bins", paper_half=paper.BINS_AT_HALF if thesis else None)
        text = "Figure 6.5: accuracy against the number of bins flipped."
    elif grid == "full":
        figure = flipping_curve(part, scale="linear", paper=thesis)
        text = "Figure 6.3: accuracy from 0 to 100 % of bins."
    else:
        figure = flipping_curve(part, paper=thesis)
        text = "Table 6.1 as curves; the thesis' values as hollow markers where they apply."
    return Figure(figure_png(figure), text, text, marks)


def augmentation(files: RunFiles) -> Section:
    """Table 6.2 and Figures 6.6 and 6.9, for each baseline."""
    blocks = []
    curves = files.curves
    curves = curves[(curves.grid == "table") & (curves.explainer == "lrp")].assign(
        model=curves.weights.replace(MODELS)
    )
    for weights, part in curves.groupby("weights", sort=False):
        if weights != "train" and part.strategy.nunique() > 1:
            for baseline, one in part.groupby("baseline", sort=False):
                text = f"Figure 6.6: the model trained on with {weights}, by strategy."
                marks = tags(files, f"baseline {baseline}")
                blocks.append(Figure(figure_png(flipping_curve(one)), text, text, marks))
    for baseline, part in curves[curves.strategy == "lrp"].groupby("baseline", sort=False):
        if part.model.nunique() < 2:
            continue
        thesis = files.reference == "max" and baseline == "zero"
        marks = tags(files, f"baseline {baseline}")
        blocks += _table_6_2(part, marks, thesis)
    return Section(
        "Augmentation",
        "The 1 % most relevant bins of every training spectrogram become 0 (aug_zero) or the mean "
        "of their neighbours (aug_mean), and the network is trained on.",
        blocks,
    )


def _table_6_2(part: pd.DataFrame, marks: tuple[str, ...], thesis: bool) -> Iterator:
    table = accuracies(part, paper.PERCENTS_6_2, by="model")
    table = beside(table, paper.TABLE_6_2) if thesis else table
    note = paper.NOTE_6_2 if thesis else ""
    yield Table(table, "Table 6.2: accuracy in % when flipped by lrp.", note, marks)
    figure = flipping_curve(part, by="model", paper=paper.TABLE_6_2 if thesis else None)
    text = "Figure 6.9: the trained model and the two trained on augmented data, flipped by lrp."
    yield Figure(figure_png(figure), text, text, marks)


def measured_from(files: RunFiles) -> Section:
    """The curves of explanations that measure the input from other references than 0."""
    curves = files.curves
    curves = curves[curves.weights.eq("train") & curves.grid.eq("table")]
    names = pd.Series(
        {
            Path(where).name.split("-")[1]: files.records[where].config["explainer.reference"]
            for where in files.of("explain")
        }
    )
    curves = curves.assign(reference="LRP from " + curves.explainer.map(names))
    if curves.reference.nunique() < 2:
        return Section("Reference of the explanation")
    text = (
        "One network, three explanations of it: relevance is (input - reference) times c, and the "
        "reference 0 (LRP as it is), silence, or the training set's mean (rows); bins are "
        "flipped to each baseline (columns), tinted where the two agree. To first order, setting "
        "a bin from x to b changes the output by c (b - x): the explanation's order is that of the "
        "losses where its reference is the baseline, and the opposite where b lies on the other "
        "side of x."
    )
    caption = "Reference of the explanation (rows) and flipping baseline (columns)."
    rows = [f"LRP from {name}" for name in BASELINES if names.isin([name]).any()]
    image = figure_png(reference_grid(curves, references=rows, baselines=BASELINES))
    figure = Figure(image, caption, text, tags(files))
    blocks = [figure, Table(verdicts(curves), "Verdicts.", index=False)]
    return Section("Reference of the explanation", text, blocks)


def references(files: RunFiles, others: list[RunFiles]) -> Section:
    """The curves of runs with other references beside this run's, and the verdicts."""
    curves = pd.concat([one.curves for one in (files, *others)], ignore_index=True)
    curves = curves[
        curves.weights.eq("train") & curves.grid.eq("table") & curves.explainer.eq("lrp")
    ]
    figure = figure_png(reference_grid(curves))
    text = (
        "Accuracy while bins are flipped, for each reference of the representation (rows) and each "
        "flipping baseline (columns); a network was trained for each reference. LRP decomposes the "
        "output against the input 0: where a flipped bin becomes 0, its order is that of the "
        "network's losses; where it becomes something else, it need not be."
    )
    table = verdicts(curves)
    note = "Mean accuracy in % over the axis as drawn above, which stretches what lies below 1 %."
    blocks = [Text(text), Figure(figure, "Reference and baseline.", text)]
    return Section("References", "", [*blocks, Table(table, "Verdicts.", note, index=False)])
