"""navai, task=letters: what do all frames that are predicted as one letter share?"""

from __future__ import annotations

from speechlrp.config.schema import Config
from speechlrp.data.spoken import (
    UTTERANCES,
    Recogniser,
    Spoken,
    read_spoken,
    require_letters,
)
from speechlrp.navai.average import Averages
from speechlrp.navai.frames import Tally
from speechlrp.navai.gather import AveragePart, TallyPart
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.pipeline.weights import weights_inputs, weights_name
from speechlrp.stages.navai.gathering import Search, clear, gather
from speechlrp.stages.navai.setup import search_of, sources_in_use
from speechlrp.stages.navai.times import times_on_disk
from speechlrp.stages.navai.truth import TruthPart, truth_part, write_truth
from speechlrp.stages.navai.writing import check_figure, write

SETTINGS = (
    *("align", "over", "crop", "classes", "context", "most", "textgrids", "tier", "batch", "rate"),
    *("within_s", "near_s", "peaks", "groups", "figure"),
)
"""All but the explainers, of which those that are searched count."""


def work(context: Context) -> None:
    """Write `averages.h5`, what follows from it as tables, and figures."""
    spoken = read_spoken(context.inputs["features"], context.command("preprocess"))
    recogniser = Recogniser(context, spoken)
    recogniser.model.padding = "none"
    search = search_of(context, spoken, recogniser)
    check_figure(context.config.navai.figure, search.classes.names)
    truth = truth_part(context, spoken, search)
    averages, tally = _averaged(context, spoken, search, truth)
    if not context.ranks.leader:
        return
    write(context, averages, spoken)
    if truth is not None:
        write_truth(context, truth)
    clear(context)
    _say(context, averages, tally)


def _averaged(
    context: Context, spoken: Spoken, search: Search, truth: TruthPart | None
) -> tuple[Averages, Tally]:
    """One pass over the frames for all alignments."""
    recogniser, names = search.recogniser, search.classes.names
    size = len(spoken.frequencies), recogniser.model.receptive_field
    settings = context.config.navai
    about = {"device": recogniser.device, "groups": settings.groups}
    averages = Averages(names, tuple(search.alignments), *size, settings.crop, **about)
    ids = spoken.table.id.iloc[spoken.rows(context.config.subset)]
    groups = {key: place % max(settings.groups, 1) for place, key in enumerate(ids)}
    counts = TallyPart(len(names))
    parts = {"averages": AveragePart(averages, recogniser.scale, groups), "tally": counts}
    parts |= {"truth": truth} if truth is not None else {}
    gather(context, spoken, search, parts)
    return averages, counts.tally


def _say(context: Context, averages: Averages, tally: Tally) -> None:
    kind = context.config.navai.classes
    counts = dict(zip(averages.classes, tally.counts.tolist(), strict=True))
    without = averages.without.sum(0).tolist()
    context.note("frames", counts)
    context.note("utterances", tally.utterances)
    context.note("shorter_than_a_window", tally.short)
    context.note("windows", tally.steps)
    context.note("without_step", dict(zip(averages.alignments, without, strict=True)))
    never = [name for name, count in counts.items() if not count]
    context.say(
        f"{tally.counts.sum():,} frames of {kind} among {tally.steps:,} windows in "
        f"{tally.utterances:,} utterances ({tally.short:,} shorter than a window); "
        f"{kind} that never occur: {', '.join(never) or 'none'}"
    )


def _folder(config: Config) -> str:
    """Such as ``navai/train-test``, or ``navai/train-test-bigrams-left``."""
    require_letters(config, "navai")
    kind, where = config.navai.classes, f"navai/{weights_name(config)}-{config.subset}"
    ending = {"letters": "", "bigrams": f"-bigrams-{config.navai.context}"}.get(kind, f"-{kind}")
    return where + ending


STAGE = Stage(
    name="navai",
    folder=_folder,
    keys=("subset", *(f"navai.{name}" for name in SETTINGS)),
    inputs=lambda config: {"features": UTTERANCES, **weights_inputs(config)},
    work=work,
    sources=lambda config: sources_in_use(config) | times_on_disk(config),
    shared=True,
)
