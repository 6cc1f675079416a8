"""What compare writes: tables, maps and figures of its explainers."""

from contextlib import ExitStack

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import TABLE, read_table
from speechlrp.artifacts.relevance import Maps
from speechlrp.data.conditions import WINDOW, described, named, several
from speechlrp.data.explaining import caution_of_guessing, caution_of_losses
from speechlrp.flipping.cells import CELL, rates
from speechlrp.flipping.curve import summarise
from speechlrp.measures.agreement import agreement, matrix, summarise_agreement
from speechlrp.measures.scores import mean_and_error
from speechlrp.pipeline.parts import Part
from speechlrp.report.compare import Row, agreement_matrices, explanation_grid, flipping_curves
from speechlrp.report.paper import ASSIGNMENTS
from speechlrp.report.share_figures import localisation_bars
from speechlrp.stages.compare.subject import Bench
from speechlrp.stages.explain.classes import pick

CONSERVATION = "conservation"
"""The table, beside an LRP explainer's maps, of what every operation keeps."""
COSTS = ("seconds", "forward_passes", "backward_passes")
ALL = "all"
"""What the table of scores calls all conditions together."""
SUMS = ("relevance_sum", "promised", "completeness_error")


def write(bench: Bench, random_order: str) -> None:
    """Write every table, map and figure from the units; warn of a network that guesses."""
    with h5py.File(bench.part("maps", next(iter(bench.sections))).path) as file:
        predicted, table = file["output"][:].argmax(1), read_table(file)
    caution_of_guessing(bench.context, table, predicted, len(bench.examples.classes))
    examples = of_all(bench, "maps")
    if "condition" in examples:
        examples = examples.assign(condition=named(examples))
    curve, summary = _curves(bench, random_order)
    bench.context.write(examples=examples, curve=curve, summary=summary)
    known = {"explainer", "output", *bench.examples.table.columns, *COSTS, *SUMS}
    columns = [name for name in examples.columns if name not in known]
    if columns:
        scores = mean_and_error(examples, ["explainer"], columns)
        bench.context.write(scores=_with_conditions(scores, examples))
    if "cue" in bench.scores:
        bench.context.write(localisation=localisation_bars(scores))
    overview, agreed = _overview(bench, examples, summary), _agreement(bench)
    bench.context.write(explainers=overview, agreement=agreed)
    _conservation(bench)
    _figures(bench, curve, summary, agreed, random_order)
    for row in overview.itertuples():
        areas = ", ".join(
            f"{baseline}: {getattr(row, f'auc_lrp_{baseline}'):.3f} most relevant first, "
            f"{getattr(row, f'auc_lrp_rev_{baseline}'):.3f} reversed"
            for baseline in curve.baseline.unique()
        )
        bench.context.say(f"{row.explainer:24} {row.seconds:.4f} s a recording; area {areas}")


def _table(part: Part, group: str = TABLE) -> pd.DataFrame:
    with h5py.File(part.path) as file:
        return read_table(file, group)


def of_all(bench: Bench, kind: str) -> pd.DataFrame:
    """The rows of one kind of parts, with their explainer: a row a recording and explainer."""
    tables = {name: _table(bench.part(kind, name)) for name in bench.sections}
    return pd.concat(tables, names=["explainer"]).reset_index(level=0).reset_index(drop=True)


def _with_conditions(scores: pd.DataFrame, examples: pd.DataFrame) -> pd.DataFrame:
    """Scores of all recordings, and of each condition where there are several."""
    if not several(examples):
        return scores
    columns = list(scores.score.unique())
    each = mean_and_error(examples, ["explainer", "condition"], columns)
    both = pd.concat([scores.assign(condition=ALL), each], ignore_index=True)
    return both[["explainer", "condition", *scores.columns.drop("explainer")]]


def _curves(bench: Bench, random_order: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    bins = bench.examples.frequency.size * bench.examples.time.size
    curves, summaries = [], []
    for name in (*bench.sections, random_order):
        curve = rates(_table(bench.part("flips", name)), CELL, bins)
        curves.append(curve.assign(explainer=name))
        measures = bench.context.config.flipping.measures
        summaries.append(summarise(curve, bins, measures).assign(explainer=name))
    tables = [pd.concat(parts, ignore_index=True) for parts in (curves, summaries)]
    return tuple(t[["explainer", *t.columns.drop("explainer")]] for t in tables)


def _overview(bench: Bench, examples: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """A row an explainer: what it costs, whether it adds up, and its areas."""
    grouped = examples.groupby("explainer", sort=False)
    table = grouped[list(COSTS)].median().assign(n=grouped.size())
    table["completeness_error"] = grouped.completeness_error.agg(lambda e: e.abs().median())
    relative = (examples.completeness_error / examples.promised).abs()
    table["completeness_error_share"] = relative.groupby(examples.explainer).median()
    table.insert(0, "kind", [bench.sections[name]["kind"] for name in table.index])
    for row in summary[summary.explainer.isin(table.index)].itertuples():
        table.loc[row.explainer, f"auc_{row.strategy}_{row.baseline}"] = row.auc
    random = summary[summary.strategy == "random"]
    for row in random.itertuples():
        table[f"auc_random_{row.baseline}"] = row.auc
    return table.reset_index()


def _agreement(bench: Bench) -> pd.DataFrame:
    top, parts = bench.context.config.compare.top, []
    with ExitStack() as stack:
        files = {n: h5py.File(bench.part("maps", n).path) for n in bench.sections}
        maps = {name: Maps(stack.enter_context(file)) for name, file in files.items()}
        first = 0
        for unit in bench.units:
            rows, first = slice(first, first + len(unit)), first + len(unit)
            parts.append(agreement({name: held[rows] for name, held in maps.items()}, top))
    return summarise_agreement(parts)


def _conservation(bench: Bench) -> None:
    for name, section in bench.sections.items():
        if section["kind"] == "lrp":
            table = _table(bench.part("maps", name), CONSERVATION)
            caution_of_losses(bench.context, table, name)
            bench.context.write(**{f"conservation_{name}": table})


def _figures(bench: Bench, curve, summary, agreed: pd.DataFrame, random_order: str) -> None:
    config = bench.context.config
    names, chance = list(bench.sections), 1 / len(bench.examples.classes)
    figures = {"heatmaps": _grid(bench)}
    for baseline, part in curve.groupby("baseline", sort=False):
        areas = summary[summary.baseline == baseline]
        figures[f"curves_{baseline}"] = flipping_curves(
            part, areas, random_order, chance=chance, title=f"Bins set to the baseline: {baseline}"
        )
    kinds = {
        "spearman": "rank correlation",
        "spearman_absolute": "rank correlation of |relevance|",
        "top_overlap": f"overlap of the top {100 * config.compare.top:g} % of bins",
    }
    panels = {title: matrix(agreed, score, names) for score, title in kinds.items()}
    figures["agreement"] = agreement_matrices(panels, names)
    bench.context.write(**figures)


def _grid(bench: Bench):
    """Recordings below each other, explainers beside each other."""
    files = {name: bench.part("maps", name).path for name in bench.sections}
    rows = np.concatenate(bench.units)
    table = bench.examples.table.iloc[rows].reset_index(drop=True)
    with h5py.File(next(iter(files.values()))) as file:
        predicted = file["output"][:].argmax(1)
    shown = pick_rows(table, predicted, bench.context.config.compare.shown)
    with bench.examples.features() as stored:
        features = [bench.examples.picture(stored[rows[i]]) for i in shown]
    maps = {}
    for name, path in files.items():
        with h5py.File(path) as file:
            letter = ASSIGNMENTS.get(name, ("", ""))[0]
            maps[f"{letter} {name}".strip()] = [Maps(file)[i][0] for i in shown]
    titles = [_title(bench, table.iloc[i], predicted[i]) for i in shown]
    axes = bench.examples.frequency, bench.examples.time
    grid = [Row(*one) for one in zip(titles, features, strict=True)]
    return explanation_grid(grid, maps, *axes, units=bench.examples.units)


def pick_rows(table: pd.DataFrame, predicted: np.ndarray, count: int) -> list[int]:
    """Rows to show: of each class; or the same recordings under each condition they have."""
    if several(table):
        return _pick_windows(table, predicted, count)
    each = max(1, count // table.label.nunique())
    return pick(table, predicted, each)[:count]


def _pick_windows(table: pd.DataFrame, predicted: np.ndarray, count: int) -> list[int]:
    """Windows under every condition: first those classified correctly in most, a speaker once."""
    table = table.assign(right=table.label.to_numpy() == predicted, named=named(table))
    windows = table.groupby(WINDOW, sort=False)
    windows_shown = windows.agg(right=("right", "sum"), speaker=("speaker", "first"))
    windows_shown = windows_shown.sort_values("right", ascending=False, kind="stable")
    again = windows_shown.duplicated("speaker").sort_values(kind="stable").index
    shown = []
    for window in again[: max(1, count // table.named.nunique())]:
        shown += list(windows.get_group(window).sort_values("named").index)
    return shown[:count]


def _title(bench: Bench, row: pd.Series, predicted: int) -> str:
    classes = bench.examples.classes
    wrong = "" if predicted == row.label else f", taken for {classes[predicted]}"
    under = f", {described(row)}" if row.get("condition", "") else ""
    return f"{classes[row.label]}{under}{wrong}"
