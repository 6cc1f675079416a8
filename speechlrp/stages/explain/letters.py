"""explain, task=letters: what in a window makes the recogniser predict its letter?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from speechlrp.artifacts.atomic import write_csv
from speechlrp.artifacts.maps import STATISTICS, Array, write_maps
from speechlrp.data.spoken import UTTERANCES, read_spoken
from speechlrp.letters.vocabulary import LETTERS
from speechlrp.navai.focus import focus
from speechlrp.navai.gather import TallyPart
from speechlrp.navai.pattern import patterns
from speechlrp.navai.relevance import (
    NumbersPart,
    RelevancePart,
    SamplePart,
    band_table,
    lag_table,
    letter_table,
)
from speechlrp.navai.sample import Sample
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.pipeline.weights import explanation, weights_inputs
from speechlrp.stages.explain.letter_figures import draw
from speechlrp.stages.explain.letter_frames import write_examples, write_utterances
from speechlrp.stages.explain.letter_search import Asked, asked, check_letters
from speechlrp.stages.navai.gathering import clear, gather

MAP = ("class", "frequency", "offset")


def work(context: Context) -> None:
    """Write `relevance.h5`, `statistics.h5`, `utterances.h5`, tables and figures."""
    check_letters(context.config.explainer)
    spoken = read_spoken(context.inputs["features"], context.command("preprocess"))
    search = asked(context, spoken)
    parts = _parts(context, search)
    gather(context, spoken, search, parts)
    if not context.ranks.leader:
        return
    _statistics(context, search, parts)
    write_examples(context, search, parts["examples"].sample.drawn())
    write_utterances(context, search, parts["utterances"].sample.drawn())
    context.note("beside", draw(context, search))
    clear(context)
    _say(context, search, parts)


def _parts(context: Context, search: Asked) -> dict[str, Any]:
    """What is gathered over all letter frames."""
    config, letters, spoken = context.config, search.classes.names, search.spoken
    size = len(spoken.frequencies), search.width
    speakers = dict(zip(spoken.table.id, spoken.table.speaker, strict=True))
    examples = Sample(config.explainer["examples"], config.seed)
    utterances = Sample(config.explainer["utterances"], config.seed)
    return {
        "maps": RelevancePart(letters, *size, device=search.recogniser.device),
        "numbers": NumbersPart(len(letters), search.offset_ms, search.promised),
        "examples": SamplePart(examples, speakers),
        "utterances": SamplePart(utterances, speakers, whole=True),
        "tally": TallyPart(len(letters)),
    }


def _statistics(context: Context, search: Asked, parts: Mapping[str, Any]) -> None:
    """Write `statistics.h5`, `letters.csv`, `bands.csv` and `lags.csv`."""
    maps, letters, units = parts["maps"], search.classes.names, search.explainer.units
    found = patterns(maps.averages["signed"])
    values = {
        "mean": (found.mean[:, 0], units),
        "error": (found.error[:, 0], units),
        "mean_absolute": (maps.means("absolute"), units),
        "share": (maps.means("share"), "share of a frame's absolute relevance"),
    }
    arrays = {name: Array(v.astype(np.float32), MAP, u) for name, (v, u) in values.items()}
    arrays["frames"] = Array(parts["tally"].tally.counts, ("class",))
    arrays |= search.axes()
    path, attributes = context.folder / "statistics.h5", {"classes": list(letters)}
    write_maps(path, STATISTICS, arrays, attributes=attributes | dict(search.about))
    limits = context.config.explainer["bands_hz"]
    tables = {
        "letters": letter_table(letters, maps, parts["numbers"].numbers),
        "bands": band_table(maps, search.spoken.frequencies, limits),
        "lags": lag_table(maps, search.offset_ms),
    }
    for name, table in tables.items():
        write_csv(context.folder / f"{name}.csv", table)


def _say(context: Context, search: Asked, parts: Mapping[str, Any]) -> None:
    tally, numbers = parts["tally"].tally, parts["numbers"].numbers
    counts = dict(zip(LETTERS, tally.counts.tolist(), strict=True))
    means = dict(zip(numbers.names, numbers.means()[0][-1].tolist(), strict=True))
    notes = {
        "frames": counts,
        "utterances": tally.utterances,
        "shorter_than_a_window": tally.short,
        "windows": tally.steps,
        "means": {name: value for name, value in means.items() if np.isfinite(value)},
    }
    for name, value in notes.items():
        context.note(name, value)
    never = [name for name, count in counts.items() if not count]
    context.say(
        f"{tally.counts.sum():,} letter frames of {tally.steps:,} windows in "
        f"{tally.utterances:,} utterances ({tally.short:,} shorter than a window); "
        f"letters that never occur: {', '.join(never) or 'none'}"
    )
    even = focus(torch.ones(1, 1, search.width), torch.from_numpy(search.offset_ms))
    context.say(
        f"absolute relevance lies {means['distance_ms']:.0f} ms from the window's centre on "
        f"average (spread evenly it would be {float(even['distance_ms']):.0f} ms); "
        f"{means['positive_share']:.0%} of it is positive"
    )


STAGE = Stage(
    name="explain",
    folder=explanation,
    keys=("explainer", "subset", "seed"),
    inputs=lambda config: {"features": UTTERANCES, **weights_inputs(config)},
    work=work,
    shared=True,
)
