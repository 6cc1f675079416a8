"""navai, task=letters: what do all frames that are predicted as one letter share?"""

from __future__ import annotations

from speechlrp.config.schema import Config
from speechlrp.data.dataset import dataset
from speechlrp.data.network import network
from speechlrp.navai.average import Averages
from speechlrp.navai.gather import AveragePart, FrameTable
from speechlrp.pipeline.places import UTTERANCES, weights, weights_name
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.stages.navai.gathering import clear, gather, say_tally
from speechlrp.stages.navai.setup import search_of, sources_in_use
from speechlrp.stages.navai.times import times_on_disk
from speechlrp.stages.navai.truth import known_truth, write_truth
from speechlrp.stages.navai.writing import check_figure, write

SETTINGS = (
    *("align", "over", "crop", "classes", "context", "most", "textgrids", "tier", "batch", "rate"),
    *("within_s", "near_s", "peaks", "groups", "figure"),
)
"""All but the explainers, of which those that are searched count."""


def work(context: Context) -> None:
    """Write `averages.h5`, what follows from it as tables, and figures."""
    spoken = dataset(context)
    recogniser = network(context, spoken)
    recogniser.model.padding = "none"
    search = search_of(context, spoken, recogniser)
    check_figure(context.config.navai.figure, search.classes.names)
    truth = known_truth(context, spoken, search)
    names, navai = search.classes.names, context.config.navai
    size = len(spoken.frequency), recogniser.model.receptive_field
    averages = Averages(
        names,
        tuple(search.alignments),
        *size,
        navai.crop,
        device=recogniser.device,
        groups=navai.groups,
    )
    ids = spoken.table.id.iloc[spoken.rows(context.config.subset)]
    groups = {key: place % max(navai.groups, 1) for place, key in enumerate(ids)}
    parts = {"averages": AveragePart(averages, recogniser.scale, groups)}
    if truth is not None:
        parts["frames"] = FrameTable(spoken.table.id, averages.alignments)
    tally = gather(context, spoken, search, parts)
    if not context.ranks.leader:
        return
    write(context, averages, spoken)
    if truth is not None:
        write_truth(context, truth, parts["frames"])
    clear(context)
    without = averages.without.sum(0).tolist()
    context.note("without_step", dict(zip(averages.alignments, without, strict=True)))
    say_tally(context, tally, names, navai.classes)


def navai_facts(config: Config) -> dict[str, str]:
    """What tells averages of a run apart."""
    kind = config.navai.classes
    return {
        "weights": weights_name(config),
        "subset": config.subset,
        "classes": "" if kind == "letters" else kind,
        "context": config.navai.context if kind == "bigrams" else "",
    }


STAGE = Stage(
    name="navai",
    facts=navai_facts,
    keys=("subset", *(f"navai.{name}" for name in SETTINGS)),
    inputs=lambda config: {"features": UTTERANCES, **weights(config)},
    work=work,
    sources=lambda config: sources_in_use(config) | times_on_disk(config),
    shared=True,
)
