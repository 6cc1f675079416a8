"""bench: which explainer, and which measure, can be trusted, where the truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speechlrp.config.schema import Config
from speechlrp.data.explaining import about
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.stages.bench import bench_tables, findings
from speechlrp.stages.bench.ingredients import Bench, explained
from speechlrp.stages.bench.networks import Member, members
from speechlrp.stages.bench.units import Cell, Oracle


def work(context: Context) -> None:
    """Compute every unit that is missing, then write the tables, the figures and a page."""
    every, ours = members(context.config), explained(context.config)
    cells = []
    for member in _learned(context, every):
        bench = Bench(context, member)
        cells += [Cell(bench, one) for one in ours]
        cells += [] if member.control else [Oracle(bench, ours[0])]
    _forget(context, cells)
    todo = context.mine(range(len(cells)))
    for unit in progress(todo, "bench", len(todo)):
        cell = cells[unit]
        with about(f"{cell.bench.member.name}, {cell.one.name}"):
            cell.work()
    context.ranks.wait()
    if not context.ranks.leader:
        return
    draws, table = context.config.bench.draws, bench_tables.recordings(cells)
    learned = table[~table.control]
    results = {
        "recordings": table,
        "explainers": bench_tables.explainers(learned, draws),
        "measures": bench_tables.measures(learned, draws),
        "networks": bench_tables.networks(every, table),
    }
    context.write(**results)
    findings.write(context, results)


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
    found = [one for one in every if one.control or one.evaluation["accuracy"] >= least]
    for one in every:
        if one not in found:
            context.say(
                f"{one.name}: right in {one.evaluation['accuracy']:.1%}, below "
                f"bench.least_accuracy={least}: left out"
            )
    if all(one.control for one in found):
        raise SpeechLRPError(
            f"no network is right in {least:.0%} of its recordings, so that none has found what is "
            "planted: train for longer (--with 'trainer.epochs=60'), with other seeds "
            "(bench.seeds), or lower bench.least_accuracy"
        )
    return found


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
