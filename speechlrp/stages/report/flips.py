"""The report's sections about flipping; each is empty where its stages are."""

from collections.abc import Iterator

import pandas as pd

from speechlrp.flipping import BASELINES
from speechlrp.flipping.measures import falls_below
from speechlrp.measures.verdicts import FEWEST
from speechlrp.pipeline.contents import RunFiles
from speechlrp.report import paper
from speechlrp.report.accuracy_tables import accuracies, beside
from speechlrp.report.blocks import Figure, Table, Text
from speechlrp.report.curves import flipping_curve
from speechlrp.report.page import Block, Section
from speechlrp.report.reference_grid import reference_grid, verdicts
from speechlrp.report.style import figure_png
from speechlrp.stages.report.class_sections import tags


def flipping(files: RunFiles, work: str | None, chance: float) -> Section:
    """Accuracy while bins are flipped, as table and curves, for each baseline.

    `work` is whose numbers stand beside: of the thesis Tables 6.1 and Figures 6.3 and 6.5, or
    Figures 6.11, 6.13 and 6.15; `chance` the accuracy (0..1) of guessing.
    """
    blocks: list[Block] = []
    curves = files.curves[files.curves.weights == "train"]
    if curves.explainer.eq("lrp").any():  # LRP as it is; every explainer where there is none
        curves = curves[curves.explainer == "lrp"]
    keys = ["explainer", "grid", "subset", "baseline"]
    for (explainer, grid, subset, baseline), part in curves.groupby(keys, sort=False):
        more = () if explainer == "lrp" else (explainer,)
        marks = tags(files, f"baseline {baseline}", subset, *more)
        thesis = work == "thesis" and files.task == "gender" and baseline == "zero"
        if grid == "table":
            table = accuracies(part, paper.PERCENTS_6_1)
            table = beside(table, paper.TABLE_6_1) if thesis else table
            number = "T Table 6.1: accuracy" if thesis else "Accuracy"
            caption = f"{number} in % of {part.n.iloc[0]} examples, by % of bins flipped."
            blocks.append(Table(table, caption, tags=marks))
        blocks.append(_curve(part, explainer, marks, work, chance, thesis))
    if curves.explainer.nunique() > 1:
        blocks.append(_areas(files, curves))
    return Section(
        "Flipping",
        "Is the order true? Bins are set to the baseline in the order of the strategy: "
        "lrp (most positive relevance first), random, lrp_rev (most negative first).",
        blocks,
    )


def _curve(
    part: pd.DataFrame,
    explainer: str,
    marks: tuple[str, ...],
    work: str | None,
    chance: float,
    thesis: bool,
) -> Figure:
    grid, values = part.grid.iloc[0], paper.TABLE_6_1 if thesis else None
    number = paper.FIGURES_6_3.get(explainer) if work == "thesis" else None
    if thesis:
        number = {"bins": "6.5", "full": "6.3"}.get(grid)
    if grid == "bins":
        half = paper.BINS_AT_HALF if thesis else None
        marks_at = _halves(part)
        figure = flipping_curve(part, x="bins", chance=chance, halves=marks_at, paper_half=half)
        text = "accuracy against the number of bins flipped."
    elif grid == "full":
        figure = flipping_curve(part, scale="linear", chance=chance, paper=values)
        text = "accuracy from 0 to 100 % of bins."
    else:
        figure = flipping_curve(part, chance=chance, paper=values)
        text = "accuracy by % of bins flipped" + "; hollow markers: T Table 6.1." * thesis
    text = f"T Figure {number}: {text}" if number else text[0].upper() + text[1:]
    return Figure(figure_png(figure), text, text, marks)


def _halves(part: pd.DataFrame) -> dict[str, float]:
    """The bins at which each strategy's accuracy passes 50 %, to a tenth."""
    mean = part.groupby(["strategy", "bins"]).accuracy.mean().reset_index()
    return {
        name: round(falls_below(line.bins.to_numpy(float), line.accuracy.to_numpy(), 0.5), 1)
        for name, line in mean.groupby("strategy")
    }


def _areas(files: RunFiles, curves: pd.DataFrame) -> Table:
    """The area under every curve, explainers as rows."""
    flips = files.of("flip")
    parts = [files.table(where, "summary.csv").assign(**files.asked(where)) for where in flips]
    table = pd.concat(parts, ignore_index=True)
    table = table[table.weights.eq("train") & table.explainer.isin(curves.explainer)]
    index = ["explainer", "subset", "grid", "baseline"]
    table = table.drop_duplicates([*index, "strategy"])
    wide = table.pivot(index=index, columns="strategy", values="auc").round(3)
    note = "The lower for lrp and the higher for lrp_rev, the truer the order; random is between."
    return Table(wide.reset_index(), "Area under the curves of flipping.", note, index=False)


def augmentation(files: RunFiles, work: str | None, chance: float) -> Section:
    """Curves of the networks trained on augmented data, for each baseline (T 6.2).

    `work` is whose numbers stand beside, `chance` the accuracy (0..1) of guessing.
    """
    blocks = []
    thesis = work == "thesis" and files.task == "gender"
    settings = files.records["train"].config if "train" in files.records else {}
    factory = settings.get("model.factory")
    name = factory.rpartition(":")[2] if factory else settings.get("model.name", "trained")
    curves = files.curves[files.curves.grid.eq("table") & files.curves.explainer.eq("lrp")]
    curves = curves.assign(model=curves.weights.replace({"train": name}))
    for weights, part in curves.groupby("weights", sort=False):
        if weights != "train" and part.strategy.nunique() > 1:
            for baseline, one in part.groupby("baseline", sort=False):
                number = "T Figure 6.6: the" if thesis else "The"
                text = f"{number} model trained on with {weights}, by strategy."
                marks = tags(files, f"baseline {baseline}")
                image = figure_png(flipping_curve(one, chance=chance))
                blocks.append(Figure(image, text, text, marks))
    for baseline, part in curves[curves.strategy == "lrp"].groupby("baseline", sort=False):
        if part.model.nunique() < 2:
            continue
        marks = tags(files, f"baseline {baseline}")
        blocks += _table_6_2(part, marks, thesis and baseline == "zero", chance)
    return Section(
        "Augmentation",
        "Bins of every training spectrogram, as a rule the most relevant 1 %, become what the name "
        "says (aug_zero: 0; aug_mean: the mean of their neighbours; aug_none: what they "
        "were, which is the control), and the network is trained on.",
        blocks,
    )


def _table_6_2(part: pd.DataFrame, marks: tuple[str, ...], thesis: bool, chance: float) -> Iterator:
    table = accuracies(part, paper.PERCENTS_6_2, by="model")
    table = beside(table, paper.TABLE_6_2) if thesis else table
    note = paper.NOTE_6_2 if thesis else ""
    caption = "T Table 6.2: accuracy" if thesis else "Accuracy"
    yield Table(table, f"{caption} in % when flipped by lrp.", note, marks)
    values = paper.TABLE_6_2 if thesis else None
    figure = flipping_curve(part, by="model", chance=chance, paper=values)
    text = "T Figure 6.9: the" if thesis else "The"
    text += " trained model and those trained on augmented data, flipped by lrp."
    yield Figure(figure_png(figure), text, text, marks)


def measured_from(files: RunFiles, chance: float) -> Section:
    """The curves of explanations that measure the input from other references than 0."""
    curves = _of_the_trained(files.curves)
    made = {files.facts(w)["explainer"]: files.records[w].config for w in files.of("explain")}
    names = pd.Series({name: config["explainer.reference"] for name, config in made.items()})
    curves, areas = (
        table.assign(reference="LRP from " + table.explainer.map(names))
        for table in (curves, _of_the_trained(files.areas))
    )
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
    grid = reference_grid(curves, areas, chance=chance, references=rows, baselines=BASELINES)
    figure = Figure(figure_png(grid), caption, text, tags(files))
    return Section("Reference of the explanation", text, [figure, _verdicts(areas)])


def references(files: RunFiles, others: list[RunFiles], chance: float) -> Section:
    """The curves of runs with other references beside this run's, and the verdicts."""
    curves, areas = (
        pd.concat(_of_the_trained(table, "lrp") for table in tables)
        for tables in zip(*((one.curves, one.areas) for one in (files, *others)), strict=True)
    )
    figure = figure_png(reference_grid(curves, areas, chance=chance))
    text = (
        "Accuracy while bins are flipped, for each reference of the representation (rows) and each "
        "flipping baseline (columns); a network was trained for each reference. LRP decomposes the "
        "output against the input 0: where a flipped bin becomes 0, its order is that of the "
        "network's losses; where it becomes something else, it need not be."
    )
    shown = Figure(figure, "Reference and baseline.", text)
    return Section("References", "", [Text(text), shown, _verdicts(areas)])


def _of_the_trained(table: pd.DataFrame, explainer: str | None = None) -> pd.DataFrame:
    """Of the trained network at the grid's points `table`, by one explainer or by all."""
    table = table[table.weights.eq("train") & table.grid.eq("table")]
    return table if explainer is None else table[table.explainer.eq(explainer)]


def _verdicts(areas: pd.DataFrame) -> Table:
    note = (
        "Mean accuracy in % over the axis as drawn above, which stretches what lies below 1 %. "
        f"The order holds or is reversed where a paired bootstrap over speakers says so with 95 % "
        f"confidence; with fewer than {FEWEST} speakers nothing is decided."
    )
    return Table(verdicts(areas), "Verdicts.", note, index=False)
