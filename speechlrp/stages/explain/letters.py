"""explain, task=letters: what in a window makes the recogniser predict its letter?"""

from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from speechlrp.artifacts.hdf5 import open_artifact, read_table
from speechlrp.artifacts.layout import attribute, read_attribute
from speechlrp.artifacts.maps import ALONG, EXAMPLES, STATISTICS, Array, write_maps
from speechlrp.artifacts.tables import read_csv
from speechlrp.config.schema import Config
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
from speechlrp.navai.frames import Clock, Tally, draw
from speechlrp.navai.pattern import patterns
from speechlrp.pipeline.places import UTTERANCES, explanation_facts, weights
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.record import read_record
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.letters_frames import FrameRow, frames_figure
from speechlrp.report.letters_overview import Along, letters_figure, utterance_figure, where_figure
from speechlrp.stages.explain.letter_frames import (
    LetterExplaining,
    check_letters,
    letter_explaining,
    write_examples,
    write_utterances,
)
from speechlrp.stages.navai.frame_pass import clear, gather, say_tally

FIRST = ("sensitivity", "lrp")
"""K's order of the columns; others follow by name."""
FRAME = ["id", "letter", "start"]
COMMAND = "speechlrp explain"


def draw_figures(context: Context, clock: Clock) -> list[str]:
    """Write the figures; give the explanations of the same frames, of others, that stand beside."""
    others = _beside(context)
    _over_all(context)
    _frames(context, others)
    if (context.folder / "utterances.h5").exists():
        _utterances(context, clock)
    return sorted(others)


def _title(config: Config) -> str:
    return ", ".join(explanation_facts(config).values())


def _over_all(context: Context) -> None:
    with open_artifact(context.folder / "statistics.h5", STATISTICS, COMMAND) as file:
        maps, frames = file["mean"][:], file["frames"][:]
        axes = file["frequency"][:], file["offset_ms"][:]
        classes = attribute(file, "classes", list)
    title = f"Mean relevance of letters: {_title(context.config)}, {frames.sum():,} frames"
    context.write(letters=letters_figure(maps, frames, classes, *axes, title=title))
    lags, bands = (
        read_csv(context.folder / f"{name}.csv", "run the same command again with --force")
        for name in ("lags", "bands")
    )
    title = f"Where relevance lies: {_title(context.config)}"
    context.write(where=where_figure(lags, bands, title=title))


def _beside(context: Context) -> dict[str, Path]:
    """Explainer -> its file, of complete explanations of the same frames and weights."""
    facts = explanation_facts(context.config)
    here, others = _what(context.folder / "relevance.h5"), {}
    for folder in sorted((context.run / "explain").iterdir()):
        record, path = read_record(folder), folder / "relevance.h5"
        if record is None or record.facts.keys() != facts.keys() or not path.exists():
            continue
        name = record.facts["explainer"]
        same = record.facts == facts | {"explainer": name}
        if same and name != facts["explainer"] and _what(path) == here:
            others[name] = path
    return others


def _what(path: Path) -> tuple[str, list[tuple]]:
    """Which weights and which frames a file is about."""
    with open_artifact(path, EXAMPLES, COMMAND) as file:
        frames = read_table(file)[FRAME]
        return str(read_attribute(file, "weights_sha256", "")), list(frames.itertuples(index=False))


def _frames(context: Context, others: dict[str, Path]) -> None:
    """A figure a letter: its example frames beside all explanations of them."""
    name = context.config.explainer["name"]
    paths = others | {name: context.folder / "relevance.h5"}
    names = sorted(paths, key=lambda each: ((*FIRST, each).index(each), each))
    with ExitStack() as stack:
        opened = {each: open_artifact(paths[each], EXAMPLES, COMMAND) for each in names}
        files = {each: stack.enter_context(file) for each, file in opened.items()}
        here = files[name]
        axes, table = (here["frequency"][:], here["offset_ms"][:]), read_table(here)
        units = attribute(here["features"], "units", str)
        groups = table.groupby("letter").indices
        for letter, places in progress(groups.items(), "figures", len(groups)):
            rows = []
            for place, one in table.iloc[places].iterrows():
                said = f"'{one.letter}' at {one.time_s:.2f} s of {one.id}"
                maps = {each: file["relevance"][place] for each, file in files.items()}
                title = f"{said}, probability {one.probability:.2f}"
                rows.append(FrameRow(here["features"][place], maps, title))
            title = f"Frames taken for '{letter}': {_title(context.config)}"
            figure = frames_figure(rows, *axes, units=units, title=title)
            context.write(**{f"frames/{letter}": figure})


def _utterances(context: Context, clock: Clock) -> None:
    with open_artifact(context.folder / "utterances.h5", ALONG, COMMAND) as file:
        table, letters = read_table(file), read_table(file, "letters")
        offsets, frequency = file["offsets"][:], file["frequency"][:]
        units = attribute(file["features"], "units", str)
        for place, row in enumerate(table.itertuples()):
            frames = slice(offsets[place], offsets[place + 1])
            of_utterance = np.flatnonzero(letters.utterance == place)
            along = Along(
                file["features"][frames],
                file["relevance"][frames],
                clock.seconds(np.arange(row.frames)),
                letters.iloc[of_utterance].reset_index(drop=True),
                file["profile"][of_utterance[0] : of_utterance[-1] + 1],
                f"{row.id}: {_title(context.config)}\nsaid: {row.transcript}\n"
                f"recognised: {row.recognised}",
            )
            figure = utterance_figure(along, frequency, units=units)
            context.write(**{f"utterances/{place + 1}": figure})


MAP = ("class", "frequency", "offset")


def work(context: Context) -> None:
    """Write `relevance.h5`, `statistics.h5`, `utterances.h5`, tables and figures."""
    check_letters(context.config.explainer)
    search = letter_explaining(context)
    letters, size = search.classes.names, (len(search.dataset.frequency), search.width)
    maps = RelevancePart(letters, *size, device=search.recogniser.device)
    gathered = NumbersPart(len(letters), search.offset_ms, search.promised)
    frames = FrameTable(search.dataset.table.id)
    tally = gather(context, search, {"maps": maps, "numbers": gathered, "frames": frames})
    if not context.ranks.leader:
        return
    numbers = gathered.numbers
    _statistics(context, search, maps, tally)
    context.write(
        letters=letter_table(letters, maps, numbers),
        bands=band_table(maps, search.dataset.frequency, context.config.explainer["bands_hz"]),
        lags=lag_table(maps, search.offset_ms),
    )
    examples, utterances = _drawn(context, search, frames)
    write_examples(context, search, examples)
    write_utterances(context, search, utterances)
    context.note("beside", draw_figures(context, search.dataset.clock))
    clear(context)
    say_tally(context, tally, LETTERS, "letters")
    _say(context, search, numbers)


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
