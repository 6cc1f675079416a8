"""Figures of results/: what whole runs found, a question each.

    python scripts/question_figures.py gamma outputs/gamma/bench
    python scripts/question_figures.py seeds outputs/gender-seed-1 outputs/gender-seed-2 ...
    python scripts/question_figures.py phonemes outputs/clean-seed-*
    python scripts/question_figures.py pitch outputs/clean-seed-*
    python scripts/question_figures.py lag outputs/voices2 outputs/voices8 ...

`gamma`: by LRP's gamma, how much of the positive relevance lies in a planted cue, and how quickly
flipping breaks the network, a line a network. `seeds`: how alike the maps of networks of other
seeds are. `phonemes`: what the removal of a phoneme costs, over its relevance. `pitch`: decisions
with the fundamental moved (`evaluate --on` such recordings), and relevance in its range. `lag`:
errors of key steps against the phonemes' times, by alignment. Each writes one PNG.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from seed_agreement import VIEWS, agreements, read_maps, shared_explanations

from speechlrp.report import style

GAMMAS = {"gamma_0": "0", "gamma_0.05": "0.05", "gamma_0.25": "0.25", "gamma_1": "1"}
GAMMAS |= {"gamma_inf": "infinity"}
PITCH_HZ = (62.0, 266.0)
"""Where the fundamentals of women and men lie."""


def gamma(runs: list[Path]) -> Figure:
    """Share in the cue and steepness by gamma, from both references."""
    table = pd.concat(pd.read_csv(run / "recordings.csv") for run in runs)
    table["gamma"] = table.explainer.map(GAMMAS)
    table = table.dropna(subset="gamma")
    scores = {"positive_inside": "positive relevance in the cue (%)"}
    scores |= {
        name: f"flipped to {name.removeprefix('steepness_')} (low: steep)"
        for name in sorted(table)
        if name.startswith("steepness_")
    }
    fig = style.figure(height=3.2)
    axes = np.atleast_1d(fig.subplots(1, len(scores)))
    for ax, (score, label) in zip(axes, scores.items(), strict=True):
        for reference, line in style.lines_for(sorted(table.reference.unique())).items():
            part = table[table.reference == reference]
            by_seed = part.groupby(["seed", "gamma"])[score].mean().unstack()[[*GAMMAS.values()]]
            values = by_seed.to_numpy().T * (100 if score == "positive_inside" else 1)
            ax.plot(values, color=line.colour, linewidth=0.7, alpha=0.6)
            ax.plot(
                values.mean(1), color=line.colour, marker=line.marker, label=f"from {reference}"
            )
        ax.set_xticks(range(len(GAMMAS)), [*GAMMAS.values()])
        ax.set(xlabel="gamma", ylabel=label, ylim=(0, None))
        style.dress(ax)
    style.titled(fig, "Where gamma has its best (thin: a network each; thick: their mean)")
    style.legend(fig, axes[0].get_legend_handles_labels()[0])
    return fig


def seeds(runs: list[Path]) -> Figure:
    """Rank correlation of maps between networks, by explanation and view."""
    rows = {name: agreements(runs, name, most=200) for name in shared_explanations(runs)}
    rows = dict(sorted(rows.items(), key=lambda item: item[1]["patches"].mean()))
    names = [name.removeprefix("train-").removesuffix("-test") for name in rows]
    fig = style.figure(height=0.9 + 0.32 * len(rows))
    ax = fig.subplots()
    for i, (view, line) in enumerate(style.lines_for([*VIEWS, "another recording"]).items()):
        values = [row[view] for row in rows.values()]
        spread = [1.96 * v.std(ddof=1) / len(v) ** 0.5 for v in values]
        places = np.arange(len(rows)) + 0.12 * (2 - i)
        means = [v.mean() for v in values]
        looks = {"color": line.colour, "marker": line.marker, "linestyle": "", "markersize": 4}
        ax.errorbar(means, places, xerr=spread, label=view, **looks)
    ax.set_yticks(range(len(rows)), names)
    ax.set_xlabel(f"rank correlation of one recording's maps, {len(runs)} networks")
    style.dress(ax, grid="x")
    style.titled(fig, "Maps of networks of other seeds")
    style.legend(fig, ncols=5)
    return fig


def phonemes(runs: list[Path]) -> Figure:
    """Cost of a phoneme's removal over its relevance, z-scored within a recording."""
    fig = style.figure(height=3.4)
    names = sorted(
        {path.parent.name for run in runs for path in run.glob("explain/*/segments.csv")}
    )
    chosen = [name for name in ("train-lrp_mean-test", "train-lrp-test") if name in names]
    for ax, name in zip(np.atleast_1d(fig.subplots(1, len(chosen))), chosen, strict=True):
        tables = [pd.read_csv(run / "explain" / name / "segments.csv") for run in runs
                  if (run / "explain" / name / "segments.csv").exists()]  # fmt: skip
        for table, line in zip(tables, style.lines_for(range(len(tables))).values(), strict=True):
            said = table[table.tier == "phoneme"]
            counts = said.groupby("recording").relevance.transform("size")
            said = said[counts > 2]
            scaled = said.groupby("recording")[["relevance", "cost"]].transform(
                lambda column: (column - column.mean()) / column.std()
            )
            looks = {"color": line.colour, "markersize": 2, "alpha": 0.4}
            ax.plot(scaled.relevance, scaled.cost, ".", **looks)
        explainer = name.removeprefix("train-").removesuffix("-test")
        ax.set(xlabel=f"relevance, {explainer} (z)", ylabel="cost of removal (z)")
        style.heading(style.dress(ax), f"{explainer}, networks: {len(tables)}", size=style.TEXT)
    note = "a phoneme a point, a colour a network; z: within the recording"
    style.titled(fig, "What a phoneme's removal costs", note)
    return fig


def pitch(runs: list[Path]) -> Figure:
    """Right decisions before and after the fundamental moved, and relevance in its range."""
    rows = []
    for run in runs:
        (moved,) = run.glob("on/*/evaluate/train-test/per_class.csv")
        said = [run / "evaluate/train-test/per_class.csv", moved]
        said = [pd.read_csv(path).set_index("class").accuracy for path in said]
        explained = run / "explain/train-lrp_mean-test/relevance.h5"
        _, labels, maps = read_maps(explained)
        with h5py.File(explained) as file:
            hertz = file["frequency"][:]
        maps = maps.clip(min=0)
        within = (hertz >= PITCH_HZ[0]) & (hertz <= PITCH_HZ[1])
        shares = maps[:, within].sum((1, 2)) / maps.sum((1, 2))
        rows += [
            (name, *(one[name] for one in said), shares[labels == label].mean())
            for label, name in enumerate(said[0].index)
        ]
    table = pd.DataFrame(rows, columns=["class", "as said", "pitch moved", "relevance"])
    fig = style.figure(height=2.8)
    ax = fig.subplots()
    columns = table.columns[1:]
    for name, line in style.lines_for(sorted(table["class"].unique())).items():
        values = table.loc[table["class"] == name, columns].to_numpy().T * 100
        ax.plot(values, line.marker, color=line.colour, markersize=5, alpha=0.7)
        ax.plot([], [], line.marker, color=line.colour, label=name)
    ax.set_xticks(range(3), ["right, as said", "right, pitch moved",
                             "positive relevance, 62 to 266 Hz"])  # fmt: skip
    ax.set(ylabel="%", ylim=(-3, 103), xlim=(-0.5, 2.5))
    style.dress(ax)
    style.titled(fig, "The fundamental decides, and its range holds a part (a point a network)")
    style.legend(fig)
    return fig


def lag(runs: list[Path]) -> Figure:
    """Medians and quartiles of the errors of key steps, by run and alignment."""
    tables = [pd.read_csv(run / "navai/train-train/truth.csv") for run in runs]
    fig = style.figure(height=0.9 + 0.5 * len(runs))
    ax = fig.subplots()
    for i, (name, line) in enumerate(style.lines_for(list(tables[0].alignment.unique())).items()):
        rows = pd.concat(t[(t.alignment == name) & (t.letter == "all")] for t in tables)
        places = np.arange(len(runs)) + 0.18 * (1.5 - i)
        spread = np.abs(rows[["q25_ms", "q75_ms"]].to_numpy().T - rows.median_ms.to_numpy())
        looks = {"color": line.colour, "marker": line.marker, "linestyle": "", "markersize": 4}
        ax.errorbar(rows.median_ms, places, xerr=spread, label=name, **looks)
    ax.axvline(0, color=style.FAINT, linewidth=0.9)
    ax.set_yticks(range(len(runs)), [run.name for run in runs])
    ax.set_xlabel("key step less the middle of the phoneme (ms)")
    style.dress(ax, grid="x")
    style.titled(fig, "Where key steps lie (medians, quartiles; training split)")
    style.legend(fig, ncols=4)
    return fig


FIGURES: dict[str, Callable[[list[Path]], Figure]] = {
    made.__name__: made for made in (gamma, seeds, phonemes, pitch, lag)
}


def main() -> None:
    """Write one figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("question", choices=FIGURES)
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, help="a PNG; QUESTION.png where it is not given")
    asked = parser.parse_args()
    path = asked.out or Path(f"{asked.question}.png")
    path.write_bytes(style.figure_png(FIGURES[asked.question](asked.runs)))
    print(path)


if __name__ == "__main__":
    main()
