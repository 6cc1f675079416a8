"""navai, task=letters: what do all frames that are predicted as one letter share?"""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pandas as pd

from speechlrp.artifacts.atomic import write_bytes, write_csv
from speechlrp.artifacts.averages import write_averages
from speechlrp.config.schema import Config
from speechlrp.errors import SpeechLRPError
from speechlrp.navai.average import Averages
from speechlrp.navai.frames import Tally
from speechlrp.navai.gather import AveragePart, TallyPart
from speechlrp.navai.pattern import Patterns, patterns
from speechlrp.navai.specificity import specificity
from speechlrp.report.navai import pattern_figure
from speechlrp.report.style import figure_png
from speechlrp.stages.letters.navai_loop import Search, clear, gather
from speechlrp.stages.letters.navai_setup import search_of
from speechlrp.stages.letters.spoken import UTTERANCES, Recogniser, Spoken, read_spoken
from speechlrp.stages.stage import Context, Stage
from speechlrp.stages.weights import weights_inputs, weights_name

PANEL = ("class", "alignment")
BINS = (*PANEL, "frequency", "offset")
AXES = {"frames": ("class",), "keys": (*PANEL, "step"), "normaliser": BINS[1:]}
OF_OFFSETS = ("counts", "runs", "run_counts", "tested")


def work(context: Context) -> None:
    """Write `averages.h5`, `specificity.csv`, `counts.csv` and `patterns.png`."""
    config = context.config
    spoken = read_spoken(context.inputs["features"], context.command("preprocess"))
    recogniser = Recogniser(context, spoken)
    recogniser.model.padding = "none"
    search = search_of(context, recogniser)
    averages, tally = _averaged(context, spoken, search)
    if not context.ranks.leader:
        return
    found = patterns(averages, config.navai.rate)
    hop_s = spoken.settings["hop"] / spoken.settings["rate"]
    offset_ms = (np.arange(averages.width) - averages.width // 2) * 1000 * hop_s
    _write(context, averages, found, spoken, offset_ms)
    names = averages.classes, averages.alignments
    write_csv(context.folder / "specificity.csv", specificity(found, *names, hop_s=hop_s))
    write_csv(context.folder / "counts.csv", counted(averages))
    title = f"{weights_name(config)} on {config.subset}: {int(tally.counts.sum()):,} frames"
    axes = spoken.frequencies, offset_ms
    figure = pattern_figure(found.pattern, found.counts, *names, *axes, title=title)
    write_bytes(context.folder / "patterns.png", figure_png(figure))
    # further parts: their tables and figures
    clear(context)
    _say(context, averages, tally)


def _averaged(context: Context, spoken: Spoken, search: Search) -> tuple[Averages, Tally]:
    """One pass over the frames for all alignments."""
    recogniser, names = search.recogniser, search.classes.names
    size = len(spoken.frequencies), recogniser.model.receptive_field
    crop, device = context.config.navai.crop, recogniser.device
    averages = Averages(names, tuple(search.alignments), *size, crop, device=device)
    counts = TallyPart(len(names))
    parts = {"averages": AveragePart(averages, recogniser.scale), "tally": counts}
    # further parts: join them here
    gather(context, spoken, search, parts)
    return averages, counts.tally


def counted(averages: Averages) -> pd.DataFrame:
    """A row a class and alignment: frames, runs, and frames without a key step or at an edge."""
    arrays, centre = averages.arrays, averages.width // 2
    tables = {
        "frames": arrays["frames"][:, None].expand_as(averages.edges),
        "runs": arrays["runs"][:, :, centre],
        "without_step": averages.without,
        "at_edge": averages.edges,
        "reach_start": arrays["counts"][:, :, 0],
        "reach_end": arrays["counts"][:, :, -1],
    }
    index = pd.MultiIndex.from_product([averages.classes, averages.alignments], names=PANEL)
    columns = {name: values.cpu().numpy().ravel() for name, values in tables.items()}
    return pd.DataFrame(columns, index=index).reset_index()


def _write(
    context: Context, averages: Averages, found: Patterns, spoken: Spoken, offset_ms: np.ndarray
) -> None:
    derived = {k: v.astype(np.float32) if v.dtype == float else v for k, v in vars(found).items()}
    edges = {"edges": averages.edges.cpu().numpy(), "without": averages.without.cpu().numpy()}
    arrays = derived | averages.state() | edges
    of = dict.fromkeys(OF_OFFSETS, (*PANEL, "offset")) | dict.fromkeys(edges, PANEL) | AXES
    write_averages(
        context.folder / "averages.h5",
        {name: (values, of.get(name, BINS)) for name, values in arrays.items()},
        frequency=spoken.frequencies,
        offset_ms=offset_ms,
        attributes={
            "classes": list(averages.classes),
            "alignments": list(averages.alignments),
            "settings": asdict(context.config.navai),
            "features": spoken.settings,
            "crop": averages.crop,
            "rate": context.config.navai.rate,
        },
    )


def _say(context: Context, averages: Averages, tally: Tally) -> None:
    counts = dict(zip(averages.classes, tally.counts.tolist(), strict=True))
    context.note("frames", counts)
    context.note("utterances", tally.utterances)
    context.note("shorter_than_a_window", tally.short)
    context.note("windows", tally.steps)
    never = [name for name, count in counts.items() if not count]
    context.say(
        f"{tally.counts.sum():,} letter frames of {tally.steps:,} windows in "
        f"{tally.utterances:,} utterances ({tally.short:,} shorter than a window); "
        f"letters that never occur: {', '.join(never) or 'none'}"
    )


def _folder(config: Config) -> str:
    """Such as ``navai/train-test``."""
    if config.task.name != "letters":
        raise SpeechLRPError(
            f"navai is for task=letters, a recogniser such as experiment=demo_letters has; "
            f"this run's task is {config.task.name}"
        )
    return f"navai/{weights_name(config)}-{config.subset}"


STAGE = Stage(
    name="navai",
    folder=_folder,
    keys=("subset", "navai"),
    inputs=lambda config: {"features": UTTERANCES, **weights_inputs(config)},
    work=work,
    shared=True,
)
