"""Whether networks that differ in their seed explain a recording alike.

    python scripts/seed_agreement.py outputs/gender-seed-1 outputs/gender-seed-2 ...

needs the same `explain` of two runs or more. Prints, for every explanation that all of them have,
the rank correlation between networks of the maps of one recording: over bins, over means of
patches of 16 x 16 bins, over bands (means over time) and of the maps without their signs; then
over bins between a recording and the next one of its class, which is what a map owes to its class
alone. Means over pairs of networks and recordings, with 95 % bootstrap intervals over recordings.
"""

import argparse
from pathlib import Path

import h5py
import numpy as np
import torch
from torch.nn.functional import avg_pool2d

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.relevance import Maps
from speechlrp.measures.agreement import spearman

VIEWS = {
    "bins": lambda maps: maps,
    "patches": lambda maps: avg_pool2d(torch.from_numpy(maps)[:, None], 16, ceil_mode=True).numpy(),
    "bands": lambda maps: maps.mean(2),
    "unsigned": np.abs,
}


def read_maps(path: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The recordings' names, classes ``[N]`` and relevance ``[N, F, T]`` of a file."""
    with h5py.File(path) as file:
        table, relevance = read_table(file), Maps(file)[:][:, 0]
    return list(table.id), table.label.to_numpy(), relevance


def next_of_class(labels: np.ndarray) -> np.ndarray:
    """For every recording another one of its class."""
    partner = np.empty(len(labels), dtype=int)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        partner[rows] = np.roll(rows, 1)
    return partner


def between(maps: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Rank correlation ``[N]`` of the maps ``[M, N, ...]`` of networks, and of ``other``'s."""
    pairs = np.triu_indices(len(maps), 1)
    correlations = []
    for i in range(maps.shape[1]):
        stack = np.concatenate([maps[:, i], other[:, i]]).reshape(2 * len(maps), -1)
        correlations.append(spearman(stack)[: len(maps), len(maps) :][pairs].mean())
    return np.array(correlations)


def interval(values: np.ndarray) -> str:
    """Mean and 95 % bootstrap interval."""
    drawn = np.random.default_rng(1).choice(values, (1000, len(values))).mean(1)
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{values.mean():.2f} ({low:.2f} to {high:.2f})"


def shared_explanations(runs: list[Path]) -> list[str]:
    """Folders of explanations that all runs have."""
    names = [{path.parent.name for path in run.glob("explain/*/*.h5")} for run in runs]
    return sorted(set.intersection(*names))


def agreements(runs: list[Path], name: str, most: int) -> dict[str, np.ndarray]:
    """Of one explanation, by view: every recording's mean over pairs of networks.

    Raises:
        ValueError: the runs explained other recordings.
    """
    read = [read_maps(run / "explain" / name / "relevance.h5") for run in runs]
    if any(ids != read[0][0] for ids, _, _ in read):
        raise ValueError(f"{name}: not of the same recordings")
    labels = read[0][1]
    chosen = np.linspace(0, len(labels) - 1, min(most, len(labels))).astype(int)
    maps = np.stack([relevance[chosen] for _, _, relevance in read])
    shown = {
        view: between(*[np.stack([make(one) for one in maps])] * 2) for view, make in VIEWS.items()
    }
    shown["another recording"] = between(maps, maps[:, next_of_class(labels[chosen])])
    return shown


def main() -> None:
    """Print a line for every explanation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--most", type=int, default=200, help="recordings")
    asked = parser.parse_args()
    for name in shared_explanations(asked.runs):
        try:
            shown = agreements(asked.runs, name, asked.most)
        except ValueError as error:
            print(error)
            continue
        count = len(shown["bins"])
        print(f"{name}, {len(asked.runs)} networks, {count} recordings: ", end="")
        print(", ".join(f"{view} {interval(each)}" for view, each in shown.items()), flush=True)


if __name__ == "__main__":
    main()
