"""Trials of a corpus that comes without a list: pairs of its recordings, drawn by seed.

Shapes: R recordings, N pairs.
"""

from collections.abc import Sequence

import numpy as np

from speechlrp.corpora.recording import Recording
from speechlrp.corpora.voxceleb_lists import Trials
from speechlrp.errors import SpeechLRPError

DENSE = 4
"""Up to so many times the pairs that are wanted, all are numbered and shuffled."""


def trial_pairs(recordings: Sequence[Recording], *, most: int, seed: int) -> Trials:
    """Pair every recording with every other, or draw from these pairs.

    Where there are more than `most`, half of those drawn are of one speaker and half of
    two, as in VoxCeleb1's own list, and where there are too few of one kind all of them
    and more of the other: both error rates are shares of their own kind, so the
    proportion changes how exact they are and not what they are. Time and memory grow with
    the recordings and with `most`, not with the number of pairs.

    Returns:
        The pairs, sorted; no recording is paired with itself, no pair is there twice.

    Raises:
        SpeechLRPError: there is no pair of one speaker, or none of two.
    """
    ordered = sorted(recordings, key=lambda r: (r.speaker, r.id))
    counts = _counts([r.speaker for r in ordered])
    totals = [int(each.sum()) for each in counts]
    if min(totals) < 1:
        raise SpeechLRPError(
            f"{len(ordered)} recordings of {len({r.speaker for r in ordered})} speakers make "
            f"{totals[0]} pairs of one speaker and {totals[1]} of two; both kinds are needed"
        )
    generator, wanted = np.random.default_rng(seed), _wanted(totals, most)
    starts: tuple[np.ndarray | int, ...] = (
        1,
        counts[0] + 1,
    )  # the first partner, counted from the recording itself
    pairs = [
        _pairs(_drawn(total, count, generator), each, start)
        for total, count, each, start in zip(totals, wanted, counts, starts, strict=True)
    ]
    first, second = np.concatenate(pairs, axis=1)
    same = np.repeat([True, False], wanted)
    order = np.lexsort((second, first))
    return Trials([_name(r) for r in ordered], first[order], second[order], same[order])


def _counts(speakers: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """How many later recordings are of each one's speaker, and how many of others, ``[R]``."""
    _, group, sizes = np.unique(speakers, return_inverse=True, return_counts=True)
    place = np.arange(len(speakers))
    end = np.cumsum(sizes)[group]
    return end - place - 1, len(speakers) - end


def _wanted(totals: Sequence[int], most: int) -> list[int]:
    """How many pairs of each kind to take: half of `most`, or all where there are fewer."""
    if sum(totals) <= most:
        return list(totals)
    less = min(*totals, most // 2)
    return [less, most - less] if totals[0] < totals[1] else [most - less, less]


def _drawn(total: int, count: int, generator: np.random.Generator) -> np.ndarray:
    """Draw `count` different numbers below `total`, sorted."""
    if total <= DENSE * count:
        return np.sort(generator.permutation(total)[:count])
    numbers = np.empty(0, np.int64)
    while len(numbers) < count:
        numbers = np.unique(np.append(numbers, generator.integers(total, size=count)))
    return np.sort(generator.permutation(numbers)[:count])


def _pairs(numbers: np.ndarray, counts: np.ndarray, start: np.ndarray | int) -> np.ndarray:
    """The pairs ``[2, N]`` of these numbers, where recording i begins the next ``counts[i]``."""
    ends = np.cumsum(counts)
    first = np.searchsorted(ends, numbers, side="right")
    offset = numbers - (ends - counts)[first]
    return np.stack([first, first + np.broadcast_to(start, counts.shape)[first] + offset])


def _name(recording: Recording) -> str:
    """How a list writes a recording: with the suffix of its file."""
    suffix = recording.path.suffix
    return recording.id if recording.id.endswith(suffix) else recording.id + suffix
