"""bench: which explainer, and which measure, can be trusted, where the truth is known."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pandas as pd

from speechlrp.artifacts.atomic import write_bytes, write_text
from speechlrp.config.schema import Config
from speechlrp.errors import SpeechLRPError, about
from speechlrp.measures.trust import FEWEST
from speechlrp.pipeline.lock import taken
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.bench import explainers_by_truth, measure_against_truth, measures_beside_truth
from speechlrp.report.blocks import Figure, Table, Text
from speechlrp.report.page import Page, Section, render
from speechlrp.report.style import figure_png
from speechlrp.stages.bench import bench_tables
from speechlrp.stages.bench.ingredients import Bench, explained
from speechlrp.stages.bench.networks import Member, members
from speechlrp.stages.bench.units import ORACLE, Cell, Oracle

GOOD = 0.9
"""The rank correlation from which on a measure is called as good as truth."""
FLIPPED = "steepness_"


def _write_page(
    context: Context, every: Sequence[Member], results: Mapping[str, pd.DataFrame]
) -> None:
    """Write `index.html` and the figures beside it."""
    truth = context.config.bench.truth
    measures = results["measures"]
    ranked = measures[measures.truth == truth]
    told = [*_left_out(context.config.bench.least_accuracy, every), *_told(ranked, results)]
    sections = [Section("What was found", blocks=[Text("\n\n".join(told))])]
    caption = f"The {truth.replace('_', ' ')} of every explainer; 95 % over seeds and recordings."
    asked = results["explainers"][results["explainers"].name != ORACLE]
    drawn = explainers_by_truth(asked, truth)
    shown = asked[asked.score == truth].drop(columns="score").round(3)
    sections.append(
        Section("Explainers", blocks=[_figure(context, "explainers", drawn, caption),
                                      Table(shown, "The same in numbers.", index=False)])
    )  # fmt: skip
    if len(ranked):
        sections.append(Section("Measures", blocks=list(_measures(context, ranked, results))))
    caption = "Accuracy of the networks, and the most that an explainer has in the true region."
    sections.append(
        Section("Networks", blocks=[Table(results["networks"].round(3), caption, index=False)])
    )
    facts = {"corpora": ", ".join(context.config.bench.corpora),
             "seeds": results["explainers"].seeds.max(),
             "recordings of each": results["explainers"].n.max()}  # fmt: skip
    page = Page(context.config.run, "explainers and measures held to known truth", facts, sections)
    write_text(context.folder / "index.html", render(page))


def _figure(context: Context, name: str, drawn, caption: str) -> Figure:
    image = figure_png(drawn)
    write_bytes(context.folder / f"{name}.png", image)
    return Figure(image, caption, caption, file=f"{name}.png")


def _measures(context: Context, ranked: pd.DataFrame, results: Mapping) -> Iterator:
    truth = context.config.bench.truth
    caption = (
        "Spearman's correlation, over explainers, of each measure with the truth; signs are such "
        "that a measure which ranks as truth does has 1. 95 % over seeds and recordings."
    )
    yield _figure(context, "measures", measures_beside_truth(ranked), caption)
    order = ranked.sort_values(["corpus", "correlation"], ascending=[True, False])
    yield Table(order.drop(columns="truth").round(3), "The same in numbers.", index=False)
    for corpus, part in results["explainers"].groupby("corpus", sort=False):
        flipped = [name for name in part.score.unique() if name.startswith(FLIPPED)]
        if flipped:
            words = "Accuracy while the most relevant bins are flipped (low is steep), by truth"
            caption = f"{words}: {corpus}."
            drawn = measure_against_truth(part, flipped, truth)
            yield _figure(context, f"flipped_{corpus}", drawn, caption)


def _has_learned(one: Member, least: float) -> bool:
    return one.control or one.evaluation["accuracy"] >= least


def _left_out(least: float, every: Sequence[Member]) -> Iterator[str]:
    """What is said of the networks that have not learned what is planted."""
    for one in every:
        if not _has_learned(one, least):
            yield (
                f"{one.name}: right in {one.evaluation['accuracy']:.1%}, below "
                f"bench.least_accuracy={least}: left out"
            )


def _told(ranked: pd.DataFrame, results: Mapping) -> Iterator[str]:
    """What was found, a paragraph a corpus."""
    for row in results["networks"].itertuples():
        if row.control:
            yield (
                f"{row.corpus}: with labels dealt anew the network is right in {row.accuracy:.0%}, "
                f"and no explainer has more than {row.most_inside:.1%} in the region, which is "
                f"{row.region:.1%} of the bins."
            )
    for corpus in results["networks"].corpus.unique():
        part = ranked[ranked.corpus == corpus].dropna(subset="correlation")
        if part.empty:
            yield (
                f"{corpus}: no measure is ranked; that takes {FEWEST} explainers with different "
                "values of both the measure and the truth"
            )
            continue
        part = part.sort_values("correlation", ascending=False)
        best, worst = part.iloc[0], part.iloc[-1]
        good = int((part.low >= GOOD).sum())
        yield (
            f"{corpus}: by truth the best explainer is {best.best_by_truth} "
            f"({best.truth_of_best_by_truth:.0%} in the true region). The measure nearest to truth "
            f"is {best.measure} ({best.correlation:.2f}, {best.low:.2f} to {best.high:.2f}), the "
            f"one furthest from it {worst.measure} ({worst.correlation:.2f}, {worst.low:.2f} to "
            f"{worst.high:.2f}), which calls {worst.best} the best ({worst.truth_of_best:.0%}). "
            f"{good} of {len(part)} measures reach {GOOD} with their whole interval."
        )


def work(context: Context) -> None:
    """Compute every unit that is missing, then write the tables, the figures and a page."""
    every, ours = members(context.config), explained(context.config)
    cells = []
    for member in _learned(context, every):
        bench = Bench(context, member)
        cells += [Cell(bench, one) for one in ours]
        cells += [] if member.control else [Oracle(bench, ours[0])]
    with ExitStack() as held:
        # Other benches may be of the same networks, and `--force` deletes what those share;
        # in order, so that no two benches wait for each other.
        runs = sorted({cell.bench.member.run for cell in cells}) if context.ranks.leader else ()
        for run in runs:
            held.enter_context(taken(run / "cells", f"speechlrp bench run={context.config.run}"))
        _forget(context, cells)
        todo = context.mine(range(len(cells)))
        for unit in progress(todo, "bench", len(todo)):
            cell = cells[unit]
            with about(f"{cell.bench.member.name}, {cell.one.name}"):
                cell.work()
        context.ranks.wait()
        if context.ranks.leader:
            _write_results(context, every, cells)


def _write_results(context: Context, every: Sequence[Member], cells: Sequence[Cell]) -> None:
    draws, table = context.config.bench.draws, bench_tables.recordings(cells)
    learned = table[~table.control]
    results = {
        "recordings": table,
        "explainers": bench_tables.explainers(learned, draws),
        "measures": bench_tables.measures(learned, draws),
        "networks": bench_tables.networks(every, table),
    }
    context.write(**results)
    _write_page(context, every, results)


def _forget(context: Context, cells: Sequence[Cell]) -> None:
    """With `--force`, begin with no unit; once, so that what is interrupted then goes on."""
    begun = context.folder / ".begun"
    if context.ranks.leader and context.config.force and not begun.exists():
        for cell in cells:
            cell.forget()
        begun.touch()
    context.ranks.wait()


def _learned(context: Context, every: Sequence[Member]) -> list[Member]:
    """The controls, and the networks that found what is planted; says which did not.

    Raises:
        SpeechLRPError: none did.
    """
    least = context.config.bench.least_accuracy
    learnt = [one for one in every if _has_learned(one, least)]
    for words in _left_out(least, every):
        context.say(words)
    if all(one.control for one in learnt):
        raise SpeechLRPError(
            f"no network is right in {least:.0%} of its recordings, so that none has found what is "
            "planted: train for longer (--with 'trainer.epochs=60'), with other seeds "
            "(bench.seeds), or lower bench.least_accuracy"
        )
    return learnt


def _inputs(config: Config) -> dict[str, Path]:
    """The files of every network."""
    return {
        f"{member.name}: {name}": path
        for member in members(config)
        for name, path in member.files().items()
    }


STAGE = Stage(
    name="bench",
    keys=("bench", "subset", "explainer.view", "explainer.window_length", "explainer.hop"),
    inputs=_inputs,
    work=work,
    shared=True,
)
