"""The table of frames with their letters' phonemes, and the errors of their key steps.

An error is the time of the key step minus the middle of the phoneme, negative where the step
is too early; the step is inside where it lies between the phoneme's ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from speechlrp.letters.vocabulary import LETTERS
from speechlrp.navai.batches import step_of
from speechlrp.timing.linking import LINKED, LINKS, Truth

ROUNDING_MS = 1e-6
"""Times are sums of decimal fractions: what is on a phoneme's end is inside."""


def linked_frames(frames: pd.DataFrame, ids: Sequence[str], truth: Truth) -> pd.DataFrame:
    """Link the letter frames of utterances to their phonemes; those without times fall out.

    Args:
        frames: as `navai.parts.FrameTable` gives them; their classes are the letters.
        ids: of the utterances, in the order that the table numbers them by.
        truth: the known times.

    Returns:
        The columns of `frames`, and letter; linked (one of `LINKS`); centre_ms, the middle of
        the phoneme from the window's first step, and half_ms, half its length, both NaN
        unless linked.
    """
    letter = pd.Categorical.from_codes(frames["class"], LETTERS)
    frames = frames.assign(letter=letter)
    known = frames[frames.utterance.map(lambda code: ids[code] in truth).astype(bool)]
    places = [truth.places(ids[code], rows) for code, rows in known.groupby("utterance")]
    columns = ["linked", "centre_ms", "half_ms"]
    linked = known.join(pd.concat(places)) if places else known.reindex(columns=[*known, *columns])
    return linked.assign(linked=pd.Categorical(linked.linked, LINKS))


def key_step_errors(frames: pd.DataFrame, alignment: str, hop_ms: float) -> pd.DataFrame:
    """The errors of one alignment's key steps.

    Args:
        frames: as `linked_frames` gives them.
        alignment: its name.
        hop_ms: from one step to the next.

    Returns:
        A row a frame that is linked and has a key step, with more columns: step, error_ms and
        inside (bool).
    """
    frames = frames.assign(step=frames[step_of(alignment)])
    frames = frames[(frames.linked == LINKED) & (frames.step >= 0)]
    error = hop_ms * frames.step - frames.centre_ms
    return frames.assign(error_ms=error, inside=error.abs() <= frames.half_ms + ROUNDING_MS)


def errors_by_chance(
    frames: pd.DataFrame, steps: np.ndarray, width: int, hop_ms: float
) -> pd.DataFrame:
    """The errors of all pairs of a frame and a step: what steps dealt at random have on average.

    Args:
        frames: of one letter, as `key_step_errors` gives them.
        steps: to deal.
        width: steps of a window.
        hop_ms: from one step to the next.

    Returns:
        A row an error in whole ms, rising: error_ms, weight (which add up to the number of
        frames) and inside, the share of all pairs that is inside.
    """
    step, times = np.unique(steps, return_counts=True)
    centre, count = np.unique(np.rint(frames.centre_ms), return_counts=True)
    # whole ms: so the pairs fall into some thousand bins, whatever the number of frames
    error = (np.rint(hop_ms * step)[:, None] - centre).astype(int)
    weight = np.bincount((error - error.min()).ravel(), np.outer(times, count).ravel())
    ends = frames.centre_ms - frames.half_ms, frames.centre_ms + frames.half_ms
    first = np.ceil((ends[0] - ROUNDING_MS) / hop_ms).clip(0, width).astype(int)
    after = np.floor((ends[1] + ROUNDING_MS) / hop_ms + 1).clip(0, width).astype(int)
    begun, over = (np.bincount(at, minlength=width + 1) for at in (first, after.clip(first)))
    inside = times @ np.cumsum(begun - over)[step] / (len(steps) * len(frames))
    rising = error.min() + np.arange(len(weight))
    return pd.DataFrame({"error_ms": rising, "weight": weight / len(steps), "inside": inside})
