"""The tables of a bench, gathered from its units."""

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from speechlrp.measures import TRUTHS
from speechlrp.measures.agreement import spearman
from speechlrp.measures.trust import agreement_with_truth, interval, sign_of
from speechlrp.stages.bench.networks import Member
from speechlrp.stages.bench.units import BETWEEN_SEEDS, ORACLE, Cell

KEYS = ("corpus", "seed", "control", "explainer", "reference", "name", "id")
COSTS = ("seconds", "forward_passes", "backward_passes")
TABLE_PERCENT = 30
"""The end of T's table, %: to there its curves are steep or not."""


def recordings(cells: Sequence[Cell]) -> pd.DataFrame:
    """A row an explainer, network and recording: the columns `KEYS`, and a column a number."""
    table = pd.concat([_of_cell(cell) for cell in cells], ignore_index=True)
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        if not cell.bench.member.control and cell.one.name != ORACLE:
            groups.setdefault((cell.bench.member.corpus, cell.one.name), []).append(cell)
    parts = [
        between_seeds(group).assign(corpus=corpus, name=name, control=False)
        for (corpus, name), group in groups.items()
        if len(group) > 1
    ]
    keys = ["corpus", "seed", "control", "name", "id"]
    return table.merge(pd.concat(parts), on=keys, how="left") if parts else table


def _of_cell(cell: Cell) -> pd.DataFrame:
    tables = [cell.maps.table()]
    tables += [part.table() for part in cell.scores().values()]
    tables += [_areas(name, cell) for name in cell.flips()]
    table = reduce(lambda a, b: a.merge(b, on="id", validate="1:1"), tables)
    member, one = cell.bench.member, cell.one
    facts = (member.corpus, member.seed, member.control, one.explainer, one.reference, one.name)
    for place, (key, value) in enumerate(zip(KEYS, facts, strict=False)):
        table.insert(place, key, value)
    return table


def _areas(baseline: str, cell: Cell) -> pd.DataFrame:
    """Numbers of every recording's two curves with a fill-in.

    ``steepness``: the mean accuracy to 30 % of the bins, as of T's table; ``deletion`` and
    ``insertion``: the mean probability of the true class while the most relevant bins go first,
    and come back first; ``gain``: insertion less deletion, the symmetric relevance gain.
    ``to_chance``: how far accuracy stays from chance to 30 % of the bins, on either side; it is of
    all recordings together, and an order that makes the network name the other class has not
    taken its reasons away but given it others.
    """
    percent = np.asarray(cell.settings.percent, dtype=float)
    ids, correct, probability = [], [], []
    for arrays, table in cell.flips()[baseline]:
        ids += list(table.id)
        correct.append(arrays["correct"])
        probability.append(arrays["probability"])
    first, last = np.moveaxis(np.concatenate(probability), 1, 0)
    shown = percent <= TABLE_PERCENT
    right = np.concatenate(correct)[:, 0][:, shown]
    off = np.abs(right.mean(axis=0, keepdims=True) - 1 / len(cell.bench.examples.classes))
    deletion, insertion = _height(percent, first), _height(percent, last)
    return pd.DataFrame(
        {
            "id": ids,
            f"steepness_{baseline}": _height(percent[shown], right),
            f"to_chance_{baseline}": _height(percent[shown], off)[0],
            f"deletion_{baseline}": deletion,
            f"insertion_{baseline}": insertion,
            f"gain_{baseline}": insertion - deletion,
        }
    )


def _height(percent: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The mean height of curves ``[n, K]``, by the trapezoid rule."""
    return np.trapezoid(values.astype(float), percent, axis=1) / (percent[-1] - percent[0])


def measures_of(table: pd.DataFrame) -> list[str]:
    """The columns that are measures without truth."""
    truth = {name for name in table if "wrong_region" in name} | set(TRUTHS)
    truth |= {"times_chance", "positive_in_weaker", "region", "near_region", "pointing_near"}
    return [name for name in table if name not in {*KEYS, *COSTS, *truth}]


def block(table: pd.DataFrame, column: str) -> np.ndarray:
    """A column as ``[S, E, N]``, by seed, explainer and recording in the order of the table."""
    axes = [table[key].unique() for key in ("seed", "name", "id")]
    index = pd.MultiIndex.from_product(axes)
    values = table.set_index(["seed", "name", "id"])[column].reindex(index)
    return values.to_numpy(float).reshape([len(axis) for axis in axes])


def explainers(table: pd.DataFrame, draws: int) -> pd.DataFrame:
    """Every number of every explainer on every corpus, with its interval."""
    rows = []
    columns = [c for c in table if c not in KEYS]
    for (corpus, name), part in table.groupby(["corpus", "name"], sort=False):
        first = part.iloc[0]
        facts = {"corpus": corpus, "name": name, "explainer": first.explainer}
        facts |= {"reference": first.reference, "seeds": part.seed.nunique()}
        for column in columns:
            mean, low, high = interval(block(part, column)[:, 0], draws=draws)
            numbers = {"mean": mean, "low": low, "high": high, "n": part.id.nunique()}
            rows.append(facts | {"score": column} | numbers)
    return pd.DataFrame(rows)


def measures(table: pd.DataFrame, draws: int) -> pd.DataFrame:
    """How every measure ranks explainers beside each truth, on every corpus.

    Beside the correlation over all explainers, ``within_reference`` is the mean of those over the
    explainers of one reference alone; ``above`` is the share of the explainers that the measure
    places below the true region itself.
    """
    rows = []
    for corpus, part in table.groupby("corpus", sort=False):
        oracle, part = part[part.name == ORACLE], part[part.name != ORACLE]
        for measure in measures_of(part):
            perfect = sign_of(measure) * oracle[measure].mean()
            each = sign_of(measure) * part.groupby("name")[measure].mean().dropna()
            above = float((each < perfect).mean()) if np.isfinite(perfect) else np.nan
            for truth in TRUTHS:
                compared = _beside(part, measure, truth, draws)
                facts = {"corpus": corpus, "measure": measure, "truth": truth}
                rows += [facts | compared | {"above": above}] if compared else []
    none = ("corpus", "measure", "truth", "correlation")
    return pd.DataFrame(rows, columns=None if rows else none)


def _beside(part: pd.DataFrame, measure: str, truth: str, draws: int) -> dict[str, Any]:
    """A measure beside a truth; empty where too few explainers have it."""
    names, true = part.name.unique(), block(part, truth)
    values = sign_of(measure) * block(part, measure)
    one = agreement_with_truth(values, true, draws=draws)
    if one.best < 0:
        return {}
    reference = part.drop_duplicates("name").reference.to_numpy()
    groups = [reference == name for name in np.unique(reference)]
    within = [agreement_with_truth(values[:, g], true[:, g], draws=1).correlation for g in groups]
    known = [value for value in within if np.isfinite(value)]
    means = np.nanmean(true, axis=(0, 2))
    return {
        "correlation": one.correlation,
        "low": one.low,
        "high": one.high,
        "least_seed": np.nanmin(one.each, initial=1),
        "most_seed": np.nanmax(one.each, initial=-1),
        "within_reference": np.mean(known) if known else np.nan,
        "explainers": one.explainers,
        "seeds": len(one.each),
        "best": names[one.best],
        "truth_of_best": means[one.best],
        "best_by_truth": names[np.nanargmax(means)],
        "truth_of_best_by_truth": np.nanmax(means),
    }


def networks(every: Sequence[Member], table: pd.DataFrame) -> pd.DataFrame:
    """The accuracy of every network, and what its explainers show of the truth, beside chance."""
    rows = []
    for member in every:
        summary = member.evaluation
        same = table.name.ne(ORACLE) & table.corpus.eq(member.corpus) & table.seed.eq(member.seed)
        part = table[same & table.control.eq(member.control)]
        means = part.groupby("name").positive_inside.mean()
        facts = {"corpus": member.corpus, "seed": member.seed, "control": member.control}
        accuracy = {"accuracy": summary["accuracy"], "n": summary["n"]}
        accuracy |= {"low": summary["wilson_low"], "high": summary["wilson_high"]}
        inside = {"most_inside": means.max(), "by": means.idxmax() if len(means) else ""}
        rows.append(facts | accuracy | inside | {"region": part.region.mean()})
    return pd.DataFrame(rows)


PATCH = 16
"""Bins and frames of the patches that maps are pooled to."""


def between_seeds(cells: Sequence[Cell]) -> pd.DataFrame:
    """How a map agrees with those of the other seeds, on the same recording (Shen et al. 2025).

    Of cells of one explainer on one corpus, a seed each: seed, id, and the mean rank correlation
    with the other seeds' maps, ``seed_agreement`` of bins, ``seed_agreement_patches`` of means
    over patches.
    """
    first = cells[0]
    made_of = [cell.maps.folder.name for cell in cells]
    shards = first.shards(BETWEEN_SEEDS, made_of=made_of, patch=PATCH)
    for unit in shards.missing():
        shards.put(unit, {}, pd.concat(list(_of_batch(cells, unit)), ignore_index=True))
    return shards.table()


def _of_batch(cells: Sequence[Cell], unit: int) -> Iterator[pd.DataFrame]:
    seeds = [cell.bench.member.seed for cell in cells]
    maps = np.stack([cell.maps.get(unit)[0]["relevance"] for cell in cells], axis=1)
    for name, of_seeds in zip(cells[0].bench.table(unit).id, maps, strict=True):
        pooled = functional.avg_pool2d(torch.from_numpy(of_seeds), PATCH, ceil_mode=True).numpy()
        bins, patches = (_with_others(m.reshape(len(seeds), -1)) for m in (of_seeds, pooled))
        yield pd.DataFrame(
            {"seed": seeds, "id": name, "seed_agreement": bins, "seed_agreement_patches": patches}
        )


def _with_others(maps: np.ndarray) -> np.ndarray:
    """The mean rank correlation of each map with the others, ``[S, P]`` -> ``[S]``."""
    matrix = spearman(maps)
    return (matrix.sum(1) - 1) / (len(matrix) - 1)
