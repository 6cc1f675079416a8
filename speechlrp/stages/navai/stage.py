"""navai, task=letters: what do all frames that are predicted as one letter share?"""

from speechlrp.config.schema import Config
from speechlrp.data.times import times_on_disk
from speechlrp.navai.average import Averages
from speechlrp.navai.batches import AveragePart, FrameTable, Part
from speechlrp.pipeline.places import UTTERANCES, weights, weights_name
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.stages.navai.frame_pass import clear, gather, say_tally
from speechlrp.stages.navai.known_times import known_truth, write_truth
from speechlrp.stages.navai.results import check_figure, write
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
    averages = _averages(config, search)
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
    write(context, averages, search)
    if truth is not None:
        write_truth(context, truth, frames)
    clear(context)
    without = averages.without.sum(0).tolist()
    context.note("without_step", dict(zip(averages.alignments, without, strict=True)))
    say_tally(context, tally, averages.classes, config.navai.classes)


def _averages(config: Config, search: Search) -> Averages:
    return Averages(
        search.classes.names,
        tuple(search.alignments),
        bands=len(search.dataset.frequency),
        width=search.width,
        crop=config.navai.crop,
        device=search.recogniser.device,
        groups=config.navai.groups,
    )


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
