"""navai, task=letters: what do all frames that are predicted as one letter share?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import numpy as np
import pandas as pd
import torch
from torch.nn import functional

from speechlrp.artifacts.atomic import write_bytes, write_csv
from speechlrp.artifacts.averages import write_averages
from speechlrp.artifacts.utterances import Utterances
from speechlrp.config.schema import Config
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.explainers.lrp import LRP
from speechlrp.explainers.sensitivity import Sensitivity
from speechlrp.letters.vocabulary import LETTERS, SYMBOLS
from speechlrp.navai import ALIGNMENTS
from speechlrp.navai.alignment import Alignment, named
from speechlrp.navai.average import Averages
from speechlrp.navai.classes import Letters
from speechlrp.navai.frames import Frames, LetterFrames
from speechlrp.navai.pattern import Patterns, patterns
from speechlrp.navai.specificity import specificity
from speechlrp.report.navai import pattern_figure
from speechlrp.report.style import figure_png
from speechlrp.stages.letters.spoken import UTTERANCES, Recogniser, Spoken, read_spoken
from speechlrp.stages.progress import progress
from speechlrp.stages.stage import Context, Stage
from speechlrp.stages.weights import weights_inputs, weights_name

EXPLAINERS = {"sensitivity": Sensitivity, "lrp": lambda: LRP(preset="navai")}
"""K's maps, of the logit of the predicted symbol."""

PANEL = ("class", "alignment")
BINS = (*PANEL, "frequency", "offset")
AXES = {"frames": ("class",), "keys": (*PANEL, "step"), "normaliser": BINS[1:]}
OF_OFFSETS = ("counts", "runs", "run_counts", "tested")


def work(context: Context) -> None:
    """Write `averages.h5`, `specificity.csv`, `counts.csv` and `patterns.png`."""
    config = context.config
    alignments = chosen(config.navai.align, config.navai.over)
    spoken = read_spoken(context.inputs["features"], context.command("preprocess"))
    recogniser = Recogniser(context, spoken)
    recogniser.model.padding = "none"
    averages, frames = _averaged(context, spoken, recogniser, alignments)
    found = patterns(averages, config.navai.rate)
    hop_s = spoken.settings["hop"] / spoken.settings["rate"]
    offset_ms = (np.arange(averages.width) - averages.width // 2) * 1000 * hop_s
    _write(context, averages, found, spoken, offset_ms)
    names = averages.classes, averages.alignments
    write_csv(context.folder / "specificity.csv", specificity(found, *names, hop_s=hop_s))
    write_csv(context.folder / "counts.csv", counted(averages))
    title = f"{weights_name(config)} on {config.subset}: {int(frames.tally.counts.sum()):,} frames"
    axes = spoken.frequencies, offset_ms
    figure = pattern_figure(found.pattern, found.counts, *names, *axes, title=title)
    write_bytes(context.folder / "patterns.png", figure_png(figure))
    _say(context, frames)


def chosen(align: str, over: str) -> dict[str, Alignment]:
    """The alignments of a setting such as ``"none,min-sens"`` or ``"all"``.

    Raises:
        SpeechLRPError: an alignment that there is not.
    """
    names = list(ALIGNMENTS) if align == "all" else [name.strip() for name in align.split(",")]
    for name in names:
        if name not in ALIGNMENTS:
            raise unknown("value of navai.align", name, ("all", *ALIGNMENTS))
    return {name: named(name, over) for name in names}


def _averaged(
    context: Context, spoken: Spoken, recogniser: Recogniser, alignments: dict[str, Alignment]
) -> tuple[Averages, LetterFrames]:
    """One pass over the frames for all alignments."""
    model, settings = recogniser.model, context.config.navai
    letters = Letters({SYMBOLS.index(letter): letter for letter in LETTERS})
    stream = _read(context, spoken, recogniser.scale)
    frames = LetterFrames(stream, model, letters, settings.batch)
    size = len(spoken.frequencies), model.receptive_field
    averages = Averages(
        letters.names, tuple(alignments), *size, settings.crop, device=recogniser.device
    )
    sources = sorted({a.source for a in alignments.values() if a.source})
    explainers = {name: EXPLAINERS[name]() for name in sources}
    for batch in frames:
        maps = _maps(model, batch, explainers, len(spoken.classes))
        steps = {name: a.steps(maps, batch.windows) for name, a in alignments.items()}
        averages.add(batch.windows / recogniser.scale, batch.classes, steps, batch.runs)
    return averages, frames


def _read(context: Context, spoken: Spoken, scale: float) -> Iterator[tuple[str, torch.Tensor]]:
    """Ids and inputs ``[F, T]`` of the split's utterances, one at a time."""
    rows = spoken.rows(context.config.subset)
    with Utterances(spoken.path, context.command("preprocess")) as file:
        for row in progress(rows, "navai", len(rows)):
            features = torch.from_numpy(file.read(int(row)).T.copy())
            yield str(spoken.table.id.iloc[row]), features * scale


def _maps(
    model: torch.nn.Module, batch: Frames, explainers: dict, symbols: int
) -> dict[str, torch.Tensor]:
    """Explanations ``[B, F, W]`` of the predicted symbol's logit, by explainer."""
    target = functional.one_hot(batch.symbols, symbols).to(batch.windows)[:, :, None]
    return {name: e.explain(model, batch.windows, target)[1] for name, e in explainers.items()}


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


def _say(context: Context, frames: LetterFrames) -> None:
    tally, names = frames.tally, frames.classes.names
    counts = dict(zip(names, tally.counts.tolist(), strict=True))
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
)
