"""explain, task=letters: what in a window makes the recogniser predict its letter?"""

import numpy as np
import pandas as pd
import torch

from speechlrp.artifacts.maps import STATISTICS, Array, write_maps
from speechlrp.data.times import times_on_disk
from speechlrp.letters.vocabulary import LETTERS
from speechlrp.navai.batches import FrameTable
from speechlrp.navai.explanations import (
    NumbersPart,
    RelevancePart,
    band_table,
    lag_table,
    letter_table,
)
from speechlrp.navai.focus import Numbers, focus
from speechlrp.navai.frames import Tally, draw
from speechlrp.navai.pattern import patterns
from speechlrp.pipeline.places import UTTERANCES, explanation_facts, weights
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.stages.explain.letter_figures import draw_figures
from speechlrp.stages.explain.letter_frames import (
    LetterExplaining,
    check_letters,
    letter_explaining,
    write_examples,
    write_utterances,
)
from speechlrp.stages.navai.frame_pass import clear, gather, say_tally

MAP = ("class", "frequency", "offset")


def work(context: Context) -> None:
    """Write `relevance.h5`, `statistics.h5`, `utterances.h5`, tables and figures."""
    check_letters(context.config.explainer)
    search = letter_explaining(context)
    maps, gathered, frames = _parts(search)
    tally = gather(context, search, {"maps": maps, "numbers": gathered, "frames": frames})
    if not context.ranks.leader:
        return
    numbers = gathered.numbers
    _statistics(context, search, maps, tally)
    _tables(context, search, maps, numbers)
    examples, utterances = _drawn(context, search, frames)
    write_examples(context, search, examples)
    write_utterances(context, search, utterances)
    context.note("beside", draw_figures(context, search.dataset.clock))
    clear(context)
    say_tally(context, tally, LETTERS, "letters")
    _say(context, search, numbers)


def _parts(search: LetterExplaining) -> tuple[RelevancePart, NumbersPart, FrameTable]:
    """What is gathered over all letter frames."""
    letters, size = search.classes.names, (len(search.dataset.frequency), search.width)
    maps = RelevancePart(letters, *size, device=search.recogniser.device)
    numbers = NumbersPart(len(letters), search.offset_ms, search.promised)
    return maps, numbers, FrameTable(search.dataset.table.id)


def _drawn(
    context: Context, search: LetterExplaining, gathered: FrameTable
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The frames that are kept whole, and the utterances, whatever letters they have."""
    section, seed = context.config.explainer, context.config.seed
    frames = gathered.table().join(search.dataset.table[["id", "speaker"]], on="utterance")
    utterances = frames.drop_duplicates("utterance").assign(**{"class": 0, "start": 0})
    return draw(frames, section["examples"], seed), draw(utterances, section["utterances"], seed)


def _statistics(
    context: Context, search: LetterExplaining, maps: RelevancePart, tally: Tally
) -> None:
    """Write `statistics.h5`."""
    letters, units = search.classes.names, search.explainer.units
    signed = patterns(maps.averages["signed"])
    values = {
        "mean": (signed.mean[:, 0], units),
        "error": (signed.error[:, 0], units),
        "mean_absolute": (maps.means("absolute"), units),
        "share": (maps.means("share"), "share of a frame's absolute relevance"),
    }
    arrays = {name: Array(v.astype(np.float32), MAP, u) for name, (v, u) in values.items()}
    arrays["frames"] = Array(tally.counts.numpy(), ("class",))
    arrays |= search.axes()
    path, attributes = context.folder / "statistics.h5", {"classes": list(letters)}
    write_maps(path, STATISTICS, arrays, attributes=attributes | dict(search.facts))


def _tables(
    context: Context, search: LetterExplaining, maps: RelevancePart, numbers: Numbers
) -> None:
    """Write `letters.csv`, `bands.csv` and `lags.csv`."""
    limits = context.config.explainer["bands_hz"]
    context.write(
        letters=letter_table(search.classes.names, maps, numbers),
        bands=band_table(maps, search.dataset.frequency, limits),
        lags=lag_table(maps, search.offset_ms),
    )


def _say(context: Context, search: LetterExplaining, numbers: Numbers) -> None:
    means = dict(zip(numbers.names, numbers.means()[0][-1].tolist(), strict=True))
    context.note("means", {name: value for name, value in means.items() if np.isfinite(value)})
    even = focus(torch.ones(1, 1, search.width), torch.from_numpy(search.offset_ms))
    context.say(
        f"absolute relevance lies {means['distance_ms']:.0f} ms from the window's centre on "
        f"average (spread evenly it would be {float(even['distance_ms']):.0f} ms); "
        f"{means['positive_share']:.0%} of it is positive"
    )


STAGE = Stage(
    name="explain",
    facts=explanation_facts,
    keys=("explainer", "subset", "seed", "times"),
    inputs=lambda config: {"features": UTTERANCES, **weights(config)},
    work=work,
    sources=times_on_disk,
    shared=True,
)
