"""Is relevance where the label is? Scores of maps whose true region is known.

N recordings, F frequency bins, T time frames. The region of a recording is a box in time
and frequency, from the table's columns `TRUTH`; what lies outside it tells nothing of the
label. It holds the bins and frames whose centres lie in it, and is widened beforehand by
what the analysis smears.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from speechlrp.errors import SpeechLRPError
from speechlrp.measures.scores import Maps, check_maps, share

TRUTH = ("true_start_s", "true_end_s", "true_low_hz", "true_high_hz")
"""Columns of the features' table: s of the window, as onset_s; Hz."""
ALSO = ("also_start_s", "also_end_s", "also_low_hz", "also_high_hz")
"""The same of a second box, where the label is in both and either is enough."""
SCORES = ("positive_inside", "times_chance", "pointing", "auc", "region")
"""Of each recording; all but `times_chance` are 0 to 1."""
NEAR = 15
"""Bins to each side that still count as near the region, as in the pointing game."""


def widened(sound: Mapping[str, np.ndarray], half_window: float) -> dict[str, np.ndarray]:
    """The region of the bins that a sound reaches, from where the sound itself is.

    A frame holds some of it when any of its samples do, a bin when the main lobe of a tone
    reaches that far: Hann's is as wide as 2 over the frame's length to each side.

    Args:
        sound: the columns of a box, as `TRUTH`, in its order, each ``[N]``.
        half_window: half the length of a frame, s; 0 of samples, which have none.
    """
    if not half_window:
        return dict(sound)
    reach = (-half_window, half_window, -1 / half_window, 1 / half_window)
    pairs = zip(sound.items(), reach, strict=True)
    return {name: np.asarray(limit) + further for (name, limit), further in pairs}


def regions(
    table: pd.DataFrame, frequency: np.ndarray, time: np.ndarray, box: Sequence[str] = TRUTH
) -> np.ndarray:
    """The true region of each recording, ``[N, F, T]`` of bool.

    Args:
        table: N rows with the columns of the box.
        frequency: of the bins, Hz ``[F]``.
        time: centres of the frames, s ``[T]``.
        box: start, end, lower and upper limit.
    """
    start, end, low, high = (table[name].to_numpy(float)[:, None] for name in box)
    frames = (time > start) & (time < end)
    bins = (frequency > low) & (frequency < high)
    return bins[:, :, None] & frames[:, None, :]


def true_regions(table: pd.DataFrame, frequency: np.ndarray, time: np.ndarray) -> np.ndarray:
    """All that carries the label, ``[N, F, T]`` of bool: both boxes, where there are two."""
    boxes = [box for box in (TRUTH, ALSO) if all(name in table for name in box)]
    return np.logical_or.reduce([regions(table, frequency, time, box) for box in boxes])


def near(inside: np.ndarray, bins: int = NEAR) -> np.ndarray:
    """Regions and what lies at most some bins away, in frequency and in time, ``[N, F, T]``."""
    around = inside.copy()
    for grown in (around, around.swapaxes(1, 2)):
        for _ in range(bins):
            before = grown.copy("K")
            grown[:, 1:] |= before[:, :-1]
            grown[:, :-1] |= before[:, 1:]
    return around


def cue(maps: Maps) -> dict[str, np.ndarray]:
    """How much relevance lies in the true region (of a planted cue), and in a wrong one.

    Returns:
        `SCORES`; ``positive_near``, ``pointing_near`` and their chance ``near_region``: the
        same where `NEAR` bins around the region count too, as convolutions blur; and as a
        control ``positive_in_wrong_region`` and ``auc_of_wrong_region``:
        the same for the region of another of these recordings, of another class where there
        is one.

    Raises:
        SpeechLRPError: the table knows no true region.
    """
    missing = [name for name in TRUTH if name not in maps.table]
    if missing:
        raise SpeechLRPError(
            f"the score cue needs recordings whose true region is known (no {missing[0]} in the "
            "features' table); make some with `speechlrp synth planted_tone`, or leave cue out "
            "of compare.scores"
        )
    axes, weaker = (maps.frequency, maps.time), {}
    inside = true_regions(maps.table, *axes)
    if all(name in maps.table for name in ALSO):
        boxes = [regions(maps.table, *axes, box) for box in (TRUTH, ALSO)]
        shares = [one["positive_inside"] for one in localisations(maps.relevance, boxes)]
        weaker = {"positive_in_weaker": np.minimum(*shares)}
    other = another(len(inside), maps.table.label.to_numpy(int), seed=0)
    wrong = inside[other] & (other != np.arange(len(other)))[:, None, None]  # alone: none
    scores, control, around = localisations(maps.relevance, [inside, wrong, near(inside)])
    return (
        scores
        | weaker
        | {
            "positive_near": around["positive_inside"],
            "pointing_near": around["pointing"],
            "near_region": around["region"],
            "positive_in_wrong_region": control["positive_inside"],
            "auc_of_wrong_region": control["auc"],
        }
    )


def localisations(relevance: np.ndarray, boxes: Sequence[np.ndarray]) -> list[dict]:
    """Score maps against some regions of each, every score ``[N]``; NaN where it is not defined.

    ``positive_inside``: the positive relevance inside the region over all of it (relevance
    mass accuracy). ``times_chance``: that over the region's share of the bins, 1 for a map
    that knows nothing. ``pointing``: whether the largest relevance lies inside (the pointing
    game); of several that are equally large, the share that does. ``auc``: how often a bin
    inside has more relevance than one outside, 0.5 for a map that knows nothing.
    ``region``: the region's share of the bins, which is what chance gives ``positive_inside``
    and ``pointing``.

    Args:
        relevance: ``[N, F, T]``.
        boxes: the regions, ``[N, F, T]`` each; bins are sorted once for all of them.

    Raises:
        SpeechLRPError: the shapes differ, or are others.

    Source: Zhang et al. 2016 (pointing game); Arras et al. 2022 (relevance mass).
    """
    relevance = check_maps(relevance)
    shape = len(relevance), int(np.prod(relevance.shape[1:]))
    flat = np.asarray(relevance, np.float64).reshape(shape)
    rising = np.sort(flat, axis=1)
    scores = []
    for inside in (check_maps(one, what="regions") for one in boxes):
        if relevance.shape != inside.shape:
            raise SpeechLRPError(
                f"regions of shape {list(inside.shape)} do not fit maps of {list(relevance.shape)}"
            )
        scores.append(_scored(flat, np.asarray(inside, bool).reshape(shape), rising))
    return scores


def _scored(flat: np.ndarray, true: np.ndarray, rising: np.ndarray) -> dict:
    area = true.mean(axis=1)
    known = (area > 0) & (area < 1)
    positive = np.clip(flat, 0, None)
    total = positive.sum(axis=1)
    mass = share((positive * true).sum(axis=1), np.where(known, total, 0))
    top = flat == flat.max(axis=1, keepdims=True)
    point = share((top & true).sum(axis=1), np.where(known & flat.any(axis=1), top.sum(axis=1), 0))
    scores = {
        "positive_inside": mass,
        "times_chance": share(mass, area),
        "pointing": point,
        "auc": np.array([auc(a, b[c]) for a, b, c in zip(rising, flat, true, strict=True)]),
        "region": np.where(known, area, np.nan),
    }
    return {name: scores[name] for name in SCORES}


def auc(rising: np.ndarray, true: np.ndarray) -> float:
    """How often a value that is true exceeds one that is not, ties counting a half.

    Of all values, sorted ``[P]``, and those of them that are true; NaN where all or none are.
    """
    inside = len(true)
    outside = len(rising) - inside
    if not inside or not outside:
        return float("nan")
    # twice the ranks from 1, equal ones sharing their mean
    ranks = sum(np.searchsorted(rising, np.sort(true), side).sum() for side in ("left", "right"))
    return float((ranks - inside * inside) / (2 * inside * outside))


def another(count: int, labels: np.ndarray, seed: int) -> np.ndarray:
    """For each of N recordings another one, so that its region is a wrong one, ``[N]``.

    Of another label ``[N]`` wherever there are enough; drawn by the seed.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(count)
    order = order[np.argsort(labels[order], kind="stable")]
    others = np.empty(count, dtype=np.int64)
    most = int(np.bincount(labels).max()) if count else 0
    others[order] = np.roll(order, -min(most, max(count - 1, 0)))
    return others
