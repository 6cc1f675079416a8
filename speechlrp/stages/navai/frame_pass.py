"""One pass over the frames of a split, for all that is gathered from them at once.

The utterances are cut into units of work; no batch of frames spans two. What is gathered is
put down between units every now and then, so that a killed run goes on from there with the
same batches, and processes share the units and add up what each gathered.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import numpy as np
import torch

from speechlrp.artifacts.shards import Saves
from speechlrp.navai.batches import Part, units
from speechlrp.navai.frames import LetterFrames, Tally
from speechlrp.navai.gathered import Gathered
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context
from speechlrp.stages.navai.search import Search

UNIT = 2048
"""Windows of a unit of work at least, whatever is predicted in them."""
SAVE_S = 60.0
"""Seconds of work between two savings, at least."""
SAVE_SHARE = 20
"""So many times as long as the last one took is worked before the next, at least."""


def gather(context: Context, search: Search, parts: Mapping[str, Part]) -> Tally:
    """Give all frames of the configured split to all parts; what was counted on the way.

    Where several processes work together, the leader's parts hold everything in the end,
    those of the others their share. What is put down lies in the stage's folder until `clear`.
    """
    ranks, rows = context.ranks, search.dataset.rows(context.config.subset)
    tally = Tally(len(search.classes.names))
    gathered = {**parts, "tally": tally}
    saves = Saves(context.units("sums"), ranks.rank)
    frames, model = search.dataset.table.frames.to_numpy()[rows], search.recogniser.model
    every = units(np.maximum((frames - search.width) // model.stride + 1, 0), UNIT)
    done = ranks.share(saves.done() if ranks.leader else None)
    todo = [unit for unit in range(len(every)) if unit not in done][ranks.rank :: ranks.ranks]
    mine = _resume(saves, gathered)
    due = time.monotonic() + SAVE_S
    stream = _read(context, search, [int(rows[at]) for unit in todo for at in every[unit]])
    for unit in todo:
        tally.absorb(_unit(search, islice(stream, len(every[unit])), parts).state())
        mine.append(unit)
        if time.monotonic() > due:
            due = _save(saves, mine, gathered)
    if not ranks.leader:
        saves.put(mine, _states(gathered))
    ranks.wait()
    if ranks.leader:
        for arrays in saves.others():
            for name, part in gathered.items():
                part.absorb(_of(arrays, name))
    return tally


def clear(context: Context) -> None:
    """Delete what was put down, once the artifacts are written."""
    Saves(context.units("sums")).remove()


def say_tally(context: Context, tally: Tally, names: Sequence[str], kind: str) -> None:
    """Note and say what was counted: how many frames of which classes, in how many utterances."""
    counts = dict(zip(names, tally.counts.tolist(), strict=True))
    context.note("frames", counts)
    context.note("utterances", int(tally.utterances))
    context.note("shorter_than_a_window", int(tally.short))
    context.note("windows", int(tally.windows))
    never = [name for name, count in counts.items() if not count]
    context.say(
        f"{tally.counts.sum():,} frames of {kind} among {tally.windows:,} windows in "
        f"{tally.utterances:,} utterances ({tally.short:,} shorter than a window); "
        f"{kind} that never occur: {', '.join(never) or 'none'}"
    )


def _unit(search: Search, utterances: Iterator, parts: Mapping[str, Part]) -> Tally:
    frames = LetterFrames(utterances, search.recogniser.model, search.classes, search.batch)
    for batch in frames:
        maps = search.maps(batch)
        steps = {name: a.steps(maps, batch.windows) for name, a in search.alignments.items()}
        for part in parts.values():
            part.add(batch, maps, steps)
    return frames.tally


def _read(
    context: Context, search: Search, rows: Sequence[int]
) -> Iterator[tuple[str, torch.Tensor]]:
    """Ids and inputs ``[F, T]`` of utterances, one at a time."""
    ids = search.dataset.table.id
    shown = progress(rows, "letter frames", len(rows)) if context.ranks.leader else rows
    with search.dataset.features() as file:
        for row in shown:
            features = torch.from_numpy(file.read(row).T.copy())
            yield ids[row], features * search.recogniser.scale


def _resume(saves: Saves, gathered: Mapping[str, Gathered]) -> list[int]:
    """Take up what this process has put down; the units that are in it."""
    saved = saves.mine()
    if saved is None:
        return []
    units_done, arrays = saved
    for name, part in gathered.items():
        part.restore(_of(arrays, name))
    return units_done


def _save(saves: Saves, mine: list[int], gathered: Mapping[str, Gathered]) -> float:
    """Put down what there is; the time to do so again."""
    start = time.monotonic()
    saves.put(mine, _states(gathered))
    end = time.monotonic()
    return end + max(SAVE_S, SAVE_SHARE * (end - start))


def _states(gathered: Mapping[str, Gathered]) -> dict[str, np.ndarray]:
    return {f"{n}/{key}": value for n, p in gathered.items() for key, value in p.state().items()}


def _of(arrays: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    head = f"{name}/"
    return {key.removeprefix(head): v for key, v in arrays.items() if key.startswith(head)}
