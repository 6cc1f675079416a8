"""Errors of key steps, added up letter by letter, and what chance would give.

Shapes: ``L`` letters, ``A`` alignments, ``W`` steps of a window, ``E`` bins of 1 ms from
``-reach`` to ``reach``, ``R`` repeats of the bootstrap, ``K`` coarse bins of `COARSE_MS`.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from speechlrp.errors import SpeechLRPError
from speechlrp.timing.truth import LINKS

WITHIN_MS = (20, 50, 100)
BEYOND_MS = 2000
"""Farther outside a window than this, a phoneme's middle counts as this far."""
COARSE_MS, COARSE_REACH = 10, 50
"""Bins of the repeats' distributions: their width, and how many there are on either side."""
SUMS = ("frames", "error", "square", "inside", *(f"within_{ms}" for ms in WITHIN_MS))


class Timing:
    """Counts of errors; the memory does not depend on how many there are.

    An error is the time of the key step minus the middle of the phoneme, negative where
    the step is too early; the step is inside where it lies between the phoneme's ends.
    For intervals, each utterance enters each of ``R`` repeats as often as a Poisson
    variable of mean 1 says, drawn from its name: the bootstrap over utterances, in one pass
    (Chamandy et al. 2012).

    Args:
        letters: their names; those of all frames to come.
        alignments: their names.
        width: ``W``.
        hop_ms: from one step to the next.
        repeats: ``R``.
        seed: of the repeats.

    Attributes:
        arrays: by name. ``sums`` of `SUMS`, of all frames and of each repeat
            ``[R + 1, L, A, 7]`` float64, and ``draws`` ``[L, A, K, R]`` int32: the errors of
            each repeat; what lies beyond 500 ms counts there. ``errors`` and ``centres`` (of
            the phoneme's middle from the window's first step) ``[L, A, E]``, ``steps``
            ``[L, A, W]``, ``first`` and ``after`` (first step inside the phoneme, first one
            after it) ``[L, A, W + 1]``: frames, int64. ``frames`` and ``runs`` by `LINKS`
            ``[L, 3]`` int64. ``utterances``: with times, without ``[2]``.
    """

    def __init__(
        self,
        letters: Sequence[str],
        alignments: Sequence[str],
        width: int,
        hop_ms: float,
        repeats: int = 500,
        seed: int = 0,
    ) -> None:
        self.letters, self.alignments = tuple(letters), tuple(alignments)
        self.width, self.hop_ms = width, hop_ms
        self.repeats, self.seed = repeats, seed
        self.reach = round(width * hop_ms) + BEYOND_MS
        many, bins = (len(self.letters), len(self.alignments)), 2 * self.reach + 1
        last = {"errors": bins, "centres": bins, "steps": width}
        last |= {"first": width + 1, "after": width + 1}
        self.arrays = {name: np.zeros((*many, size), np.int64) for name, size in last.items()}
        self.arrays["sums"] = np.zeros((repeats + 1, *many, len(SUMS)))
        coarse = 2 * COARSE_REACH + 1
        self.arrays["draws"] = np.zeros((*many, coarse, repeats), np.int32)
        for name in ("frames", "runs"):
            self.arrays[name] = np.zeros((many[0], len(LINKS)), np.int64)
        self.arrays["utterances"] = np.zeros(2, np.int64)

    def add(self, key: str, places: pd.DataFrame, steps: Mapping[str, np.ndarray]) -> None:
        """Add the frames of an utterance.

        Args:
            key: its id.
            places: as `Truth.places` gives them.
            steps: alignment -> key steps ``[frames]``, -1 where there is none.
        """
        letter = pd.Categorical(places.letter, self.letters).codes
        linked = pd.Categorical(places.linked, LINKS).codes
        once = ~places.run.duplicated().to_numpy()
        np.add.at(self.arrays["frames"], (letter, linked), 1)
        np.add.at(self.arrays["runs"], (letter[once], linked[once]), 1)
        self.arrays["utterances"][0] += 1
        known = (linked == 0) & (letter >= 0)
        where = places.centre_ms.to_numpy(), places.half_ms.to_numpy()
        sums = np.zeros(self.arrays["sums"].shape[1:])
        weights = self._weights(key)
        for column, name in enumerate(self.alignments):
            step = np.asarray(steps[name])
            of = known & (step >= 0)
            at = letter[of], step[of], *(values[of] for values in where)
            error = self._add(column, *at, sums)
            self._draw(column, letter[of], error, weights[1:])
        self.arrays["sums"] += weights[:, None, None, None] * sums

    def skip(self) -> None:
        """Count an utterance whose times are not known."""
        self.arrays["utterances"][1] += 1

    def _add(
        self,
        column: int,
        letter: np.ndarray,
        step: np.ndarray,
        centre: np.ndarray,
        half: np.ndarray,
        sums: np.ndarray,
    ) -> np.ndarray:
        error = self.hop_ms * step - centre
        first = np.ceil((centre - half) / self.hop_ms - 1e-9)
        after = np.floor((centre + half) / self.hop_ms + 1e-9) + 1
        values = {"errors": self._bin(error), "centres": self._bin(centre), "steps": step}
        values["first"] = np.clip(first, 0, self.width).astype(int)
        values["after"] = np.clip(np.maximum(after, first), 0, self.width).astype(int)
        for name, found in values.items():
            np.add.at(self.arrays[name], (letter, column, found), 1)
        inside = (step >= first) & (step < after)
        within = [np.abs(error) <= ms for ms in WITHIN_MS]
        terms = np.stack([np.ones(len(error)), error, error**2, inside, *within], 1)
        np.add.at(sums, (letter, column), terms)
        return error

    def _draw(
        self, column: int, letter: np.ndarray, error: np.ndarray, weights: np.ndarray
    ) -> None:
        place = np.rint(error / COARSE_MS).clip(-COARSE_REACH, COARSE_REACH).astype(int)
        pairs, counts = np.unique([letter, place + COARSE_REACH], axis=1, return_counts=True)
        self.arrays["draws"][pairs[0], column, pairs[1]] += np.outer(counts, weights)

    def _bin(self, values_ms: np.ndarray) -> np.ndarray:
        return np.clip(np.rint(values_ms).astype(int), -self.reach, self.reach) + self.reach

    def _weights(self, key: str) -> np.ndarray:
        drawn = np.random.default_rng([self.seed, zlib.crc32(key.encode())])
        return np.concatenate([[1], drawn.poisson(1, self.repeats)]).astype(np.int32)

    def state(self) -> dict[str, np.ndarray]:
        """The arrays, for a file; `restore` takes them back."""
        return {name: array.copy() for name, array in self.arrays.items()}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take arrays that `state` gave, in place of what is here.

        Raises:
            SpeechLRPError: arrays of other names or shapes.
        """
        self._check(state)
        self.arrays = {name: np.array(state[name]) for name in self.arrays}

    def absorb(self, state: Mapping[str, np.ndarray]) -> None:
        """Add arrays that the `state` of others gave.

        Raises:
            SpeechLRPError: arrays of other names or shapes.
        """
        self._check(state)
        for name, array in self.arrays.items():
            array += state[name]

    def _check(self, state: Mapping[str, np.ndarray]) -> None:
        shapes = {name: array.shape for name, array in self.arrays.items()}
        found = {name: np.shape(array) for name, array in state.items()}
        if shapes != found:
            raise SpeechLRPError(f"stored errors do not fit: {found} in place of {shapes}")
