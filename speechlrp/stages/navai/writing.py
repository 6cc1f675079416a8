"""What navai leaves: averages.h5, the tables and the figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from speechlrp.artifacts.atomic import write_bytes, write_csv
from speechlrp.artifacts.averages import write_averages
from speechlrp.config.schema import Config
from speechlrp.data.dataset import Spoken
from speechlrp.errors import unknown
from speechlrp.navai.average import Averages
from speechlrp.navai.counts import counted
from speechlrp.navai.pattern import Patterns, patterns
from speechlrp.navai.peaks import bursts, peaks
from speechlrp.navai.specificity import specificity
from speechlrp.pipeline.places import weights_name
from speechlrp.pipeline.stage import Context
from speechlrp.report.navai import pattern_figure
from speechlrp.report.style import figure_png
from speechlrp.stages.navai.setup import sources_in_use

PANEL = ("class", "alignment")
BINS = (*PANEL, "frequency", "offset")
AXES = {
    "frames": ("class",),
    "keys": (*PANEL, "step"),
    "normaliser": BINS[1:],
    "edges": PANEL,
    "without": PANEL,
    **dict.fromkeys(("counts", "runs", "run_counts", "tested"), (*PANEL, "offset")),
}
SHOWN = 26
"""Classes of a figure at most; of more classes those with the most frames."""
EXAMPLES = ("a", "t")
"""Letters of K Fig. 3."""


def write(context: Context, averages: Averages, spoken: Spoken) -> None:
    """Write all that follows from the sums.

    Raises:
        SpeechLRPError: there is no frame.
    """
    config = context.config
    found = patterns(averages, config.navai.rate)
    small = examples(config.navai.figure, averages)
    hop_s = spoken.settings["hop"] / spoken.settings["rate"]
    offset_ms = (np.arange(averages.width) - averages.width // 2) * 1000 * hop_s
    _averages(context, averages, found, spoken, offset_ms)
    _tables(context, averages, found, spoken.frequency, offset_ms, hop_s)
    most = np.argsort(-averages.arrays["frames"].cpu().numpy(), kind="stable")
    _figure(context, "patterns", averages, found, spoken, offset_ms, sorted(most[:SHOWN]))
    _figure(context, "examples", averages, found, spoken, offset_ms, small)


def check_figure(wanted: Sequence[str] | None, names: Sequence[str]) -> None:
    """Check the classes of the small figure.

    Raises:
        SpeechLRPError: one that there is not.
    """
    for name in wanted or ():
        if name not in names:
            raise unknown("class in navai.figure", name, names)


def examples(wanted: Sequence[str] | None, averages: Averages) -> list[int]:
    """Places of the classes of the small figure: those asked for, or four that occur."""
    names = list(averages.classes)
    if wanted:
        return [names.index(name) for name in wanted]
    frames = averages.arrays["frames"].tolist()
    rest = sorted(range(len(names)), key=lambda place: -frames[place])
    first = [names.index(name) for name in EXAMPLES if name in names]
    return [place for place in dict.fromkeys([*first, *rest]) if frames[place]][:4]


def _averages(
    context: Context, averages: Averages, found: Patterns, spoken: Spoken, offset_ms: np.ndarray
) -> None:
    derived = {k: v.astype(np.float32) if v.dtype == float else v for k, v in vars(found).items()}
    edges = {"edges": averages.edges.cpu().numpy(), "without": averages.without.cpu().numpy()}
    sums = {k: v for k, v in averages.state().items() if not k.startswith("group_")}
    arrays = derived | sums | edges
    navai = asdict(context.config.navai)
    del navai["sources"]
    write_averages(
        context.folder / "averages.h5",
        {name: (values, AXES.get(name, BINS)) for name, values in arrays.items()},
        frequency=spoken.frequency,
        offset_ms=offset_ms,
        attributes={
            "classes": list(averages.classes),
            "alignments": list(averages.alignments),
            "settings": navai | sources_in_use(context.config),
            "features": spoken.settings,
            "crop": averages.crop,
            "rate": context.config.navai.rate,
        },
    )


def _tables(
    context: Context,
    averages: Averages,
    found: Patterns,
    frequency: np.ndarray,
    offset_ms: np.ndarray,
    hop_s: float,
) -> None:
    navai, names = context.config.navai, (averages.classes, averages.alignments)
    near = {"near_ms": 1000 * navai.near_s}
    by_class, by_alignment = specificity(found, averages, hop_s, navai.within_s)
    tables = {
        "counts": counted(averages),
        "specificity": by_class,
        "alignments": by_alignment,
        "peaks": peaks(found, *names, frequency, offset_ms, **near, most=navai.peaks),
        "bursts": bursts(found, *names, offset_ms, **near),
    }
    for name, table in tables.items():
        write_csv(context.folder / f"{name}.csv", table)


def _figure(
    context: Context,
    name: str,
    averages: Averages,
    found: Patterns,
    spoken: Spoken,
    offset_ms: np.ndarray,
    places: Sequence[int],
) -> None:
    figure = pattern_figure(
        found.pattern[places],
        found.counts[places],
        [averages.classes[place] for place in places],
        averages.alignments,
        spoken.frequency,
        offset_ms,
        differs=found.differs[places],
        rate=context.config.navai.rate,
        title=_title(context.config, averages, len(places)),
    )
    write_bytes(context.folder / f"{name}.png", figure_png(figure))


def _title(config: Config, averages: Averages, shown: int) -> str:
    frames = int(averages.arrays["frames"].sum())
    kind = config.navai.classes
    every = len(averages.classes)
    some = f"{shown} of {every} {kind}" if shown < every else f"{every} {kind}"
    return f"{weights_name(config)} on {config.subset}: {some}, {frames:,} frames in all"
