"""navai, task=letters: what do all frames that are predicted as one letter share?"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from speechlrp.artifacts.maps import AVERAGES, Array, write_maps
from speechlrp.config.schema import Config
from speechlrp.data.times import times_on_disk
from speechlrp.errors import unknown
from speechlrp.navai.average import Averages, counted
from speechlrp.navai.batches import AveragePart, FrameTable, Part
from speechlrp.navai.pattern import Patterns, patterns
from speechlrp.navai.peaks import bursts, peaks
from speechlrp.navai.specificity import specificity
from speechlrp.pipeline.places import UTTERANCES, weights, weights_name
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.navai import pattern_figure
from speechlrp.stages.navai.frame_pass import clear, gather, say_tally
from speechlrp.stages.navai.known_times import known_truth, write_truth
from speechlrp.stages.navai.search import Search, chosen, search_of, sources_in_use

SETTINGS = (
    *("align", "over", "crop", "classes", "context", "most", "batch", "rate"),
    *("within_s", "near_s", "peaks", "groups", "figure"),
)
"""All but the explainers, of which those that are searched count."""


def work(context: Context) -> None:
    """Write `averages.h5`, what follows from it as tables, and figures."""
    search, config = search_of(context), context.config
    check_figure(config.navai.figure, search.classes.names)
    averages = Averages(
        search.classes.names,
        tuple(search.alignments),
        bands=len(search.dataset.frequency),
        width=search.width,
        crop=config.navai.crop,
        device=search.recogniser.device,
        groups=config.navai.groups,
    )
    spoken = search.dataset
    ids = spoken.table.id.iloc[spoken.rows(config.subset)]
    groups = {key: place % max(config.navai.groups, 1) for place, key in enumerate(ids)}
    parts: dict[str, Part] = {"averages": AveragePart(averages, search.recogniser.scale, groups)}
    truth = known_truth(context, spoken, search.width)
    frames = FrameTable(spoken.table.id, averages.alignments)
    if truth is not None:
        parts["frames"] = frames
    tally = gather(context, search, parts)
    if not context.ranks.leader:
        return
    _write(context, averages, search)
    if truth is not None:
        write_truth(context, truth, frames)
    clear(context)
    without = averages.without.sum(0).tolist()
    context.note("without_step", dict(zip(averages.alignments, without, strict=True)))
    say_tally(context, tally, averages.classes, config.navai.classes)


def navai_facts(config: Config) -> dict[str, str]:
    """What tells averages of a run apart."""
    kind = config.navai.classes
    return {
        "weights": weights_name(config),
        "subset": config.subset,
        "classes": "" if kind == "letters" else kind,
        "context": config.navai.context if kind == "bigrams" else "",
    }


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


def _write(context: Context, averages: Averages, search: Search) -> None:
    """Write all that follows from the sums.

    Raises:
        SpeechLRPError: there is no frame.
    """
    navai = context.config.navai
    result = patterns(averages, navai.rate)
    _write_averages(context, averages, result, search)
    _tables(context, averages, result, search)
    most = np.argsort(-averages.arrays["frames"].cpu().numpy(), kind="stable")
    shown = {"patterns": sorted(most[:SHOWN]), "examples": examples(navai.figure, averages)}
    for name, places in shown.items():
        figure = pattern_figure(
            result.pattern[places],
            result.counts[places],
            [averages.classes[place] for place in places],
            averages.alignments,
            search.dataset.frequency,
            search.offset_ms,
            differs=result.differs[places],
            rate=navai.rate,
            title=_title(context.config, averages, len(places)),
        )
        context.write(**{name: figure})


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


def _write_averages(context: Context, averages: Averages, result: Patterns, search: Search) -> None:
    derived = {k: v.astype(np.float32) if v.dtype == float else v for k, v in vars(result).items()}
    edges = {"edges": averages.edges.cpu().numpy(), "without": averages.without.cpu().numpy()}
    sums = {k: v for k, v in averages.state().items() if not k.startswith("group_")}
    arrays = {n: Array(a, AXES.get(n, BINS)) for n, a in (derived | sums | edges).items()}
    navai = asdict(context.config.navai)
    del navai["sources"]
    attributes = {
        "classes": list(averages.classes),
        "alignments": list(averages.alignments),
        "settings": navai | sources_in_use(context.config),
        "features": search.dataset.settings,
        "crop": averages.crop,
        "rate": context.config.navai.rate,
    }
    path = context.folder / "averages.h5"
    write_maps(path, AVERAGES, arrays | search.axes(), attributes=attributes)


def _tables(context: Context, averages: Averages, result: Patterns, search: Search) -> None:
    navai, names = context.config.navai, (averages.classes, averages.alignments)
    offset_ms, near_ms = search.offset_ms, 1000 * navai.near_s
    by_class, by_alignment = specificity(result, averages, offset_ms, navai.within_s)
    frequency = search.dataset.frequency
    context.write(
        counts=counted(averages),
        specificity=by_class,
        alignments=by_alignment,
        peaks=peaks(result, *names, frequency, offset_ms, near_ms=near_ms, most=navai.peaks),
        bursts=bursts(result, *names, offset_ms, near_ms=near_ms),
    )


def _title(config: Config, averages: Averages, shown: int) -> str:
    frames = int(averages.arrays["frames"].sum())
    kind = config.navai.classes
    every = len(averages.classes)
    number = f"{shown} of {every}" if shown < every else f"{every}"
    where = f"{weights_name(config)} on {config.subset}"
    return f"{where}: {number} {kind}, {frames:,} frames in all"


STAGE = Stage(
    name="navai",
    facts=navai_facts,
    keys=("subset", "times", *(f"navai.{name}" for name in SETTINGS)),
    inputs=lambda config: {"features": UTTERANCES, **weights(config)},
    work=work,
    sources=lambda config: {
        "navai.alignments": list(chosen(config)),
        **sources_in_use(config),
        **(times_on_disk(config) if config.navai.classes != "bigrams" else {}),
    },
    shared=True,
)
