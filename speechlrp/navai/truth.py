"""Is the alignment right? Key steps against the known time of the phoneme they stand for.

K could not check an alignment, for want of truth; synthesised speech knows its phonemes'
times. As eSpeak NG places them, a stop begins at its release (its closure belongs to the
phoneme before) and an l after a vowel may have no length.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.navai.frames import Clock
from speechlrp.navai.spelling import link

REFERENCES = ("interval", "centre")
CHANCE = "chance"
_EDIT = 1_000_000  # cost of an edit; a match earns 1, to be the tie-break


def spelled(words: pd.DataFrame, phonemes: pd.DataFrame) -> pd.DataFrame:
    """When each letter of an utterance is spoken.

    Args:
        words: of one utterance, in order: word, start_s, end_s.
        phonemes: of the same, in order: phoneme, start_s, end_s. A phoneme belongs to the
            first word that does not end before it.

    Returns:
        One row a letter a to z, in order: letter, word (its number), start_s and end_s of the
        phonemes that it spells (NaN: silent), word_start_s, word_end_s.
    """
    place = np.searchsorted(words.end_s.to_numpy() + 1e-6, phonemes.end_s.to_numpy())
    rows = []
    for number, word in enumerate(words.itertuples()):
        own = phonemes[place == number]
        starts, ends = own.start_s.to_numpy(), own.end_s.to_numpy()
        span = min([word.start_s, *starts]), word.end_s
        letters = [c for c in str(word.word).lower() if "a" <= c <= "z"]
        for letter, linked in zip(letters, link(str(word.word), list(own.phoneme)), strict=True):
            first, last = (np.nan, np.nan) if linked is None else linked
            when = (np.nan, np.nan) if linked is None else (starts[first], ends[last - 1])
            rows.append((letter, number, *when, *span))
    columns = ["letter", "word", "start_s", "end_s", "word_start_s", "word_end_s"]
    return pd.DataFrame(rows, columns=columns)


def match(emitted: pd.DataFrame, letters: pd.DataFrame) -> np.ndarray:
    """Which letter of the text each emitted letter is, by the least edit distance.

    Of equal distances that with the most matches counts. Only equal letters are matched,
    and only where the window sees some of the letter's word; neither the key step nor the
    phoneme's time is used. What of the text is before the first emitted letter and after
    the last costs nothing.

    Args:
        emitted: letters that the model predicts, in order: letter, and start_s and end_s of
            their windows.
        letters: as `spelled` gives them.

    Returns:
        Rows of `letters` ``[len(emitted)]``, int64; -1 where a letter matches none.
    """
    equal = emitted.letter.to_numpy()[:, None] == letters.letter.to_numpy()[None]
    seen = emitted.start_s.to_numpy()[:, None] <= letters.word_end_s.to_numpy()[None]
    seen &= emitted.end_s.to_numpy()[:, None] >= letters.word_start_s.to_numpy()[None]
    fits = equal & seen
    return _trace(fits, _distances(fits))


def _distances(fits: np.ndarray) -> np.ndarray:
    """Costs of all beginnings ``[n + 1, m + 1]``, free to begin anywhere in m."""
    n, m = fits.shape
    table = np.zeros((n + 1, m + 1), np.int64)
    skipped = _EDIT * np.arange(m + 1)
    for i in range(n):
        row = table[i] + _EDIT
        row[1:] = np.minimum(row[1:], table[i, :-1] + _pairing(fits[i]))
        table[i + 1] = np.minimum.accumulate(row - skipped) + skipped
    return table


def _trace(fits: np.ndarray, table: np.ndarray) -> np.ndarray:
    found = np.full(len(fits), -1)
    i, j = len(fits), int(table[-1].argmin())
    while i > 0:
        if j > 0 and table[i, j] == table[i - 1, j - 1] + _pairing(fits[i - 1, j - 1]):
            i, j = i - 1, j - 1
            found[i] = j if fits[i, j] else -1
        elif table[i, j] == table[i - 1, j] + _EDIT:
            i -= 1
        else:
            j -= 1
    return found


def _pairing(fits: np.ndarray) -> np.ndarray:
    return np.where(fits, -1, _EDIT)


class Truth:
    """Measures key steps on one utterance after the other.

    Args:
        words: of all utterances: id, word, start_s, end_s, as `speechlrp synth` writes it.
        phonemes: of all: id, phoneme, start_s, end_s.
        width: ``W`` frames of a window.
        clock: when frames are.
        reference: ``"interval"``: the error is 0 inside the phoneme, else the signed distance
            to its nearer end; ``"centre"``: the signed distance to its middle.
        seed: of the chance steps.

    Raises:
        SpeechLRPError: there is no such reference.
    """

    def __init__(
        self,
        words: pd.DataFrame,
        phonemes: pd.DataFrame,
        width: int,
        clock: Clock,
        reference: str = "interval",
        seed: int = 0,
    ) -> None:
        if reference not in REFERENCES:
            raise unknown("reference of an alignment's error", reference, REFERENCES)
        self.words, self.phonemes = (dict(iter(t.groupby("id"))) for t in (words, phonemes))
        self.width, self.clock = width, clock
        self.reference, self.seed = reference, seed

    def errors(self, frames: pd.DataFrame, alignments: Sequence[str]) -> pd.DataFrame:
        """Measure the frames of one utterance.

        Args:
            frames: all its letter frames in order of time: id, run, letter (a to z), start
                (first frame), and a column of key steps for each alignment (-1: none).
            alignments: their names.

        Returns:
            A row for each frame and alignment, ``chance`` (a step anywhere in the window)
            being one more: id, letter, alignment, linked (``"yes"``; ``"no match"``: not in the
            text; ``"silent"``: spells no phoneme; ``"no step"``), error_ms, negative where the
            step is too early, NaN unless linked.

        Raises:
            SpeechLRPError: frames of several utterances, or of one without times.
        """
        keys = frames.id.unique()
        if len(keys) != 1 or keys[0] not in self.words or keys[0] not in self.phonemes:
            raise SpeechLRPError(
                f"key steps are measured one utterance at a time, with known words and phonemes; "
                f"found {', '.join(map(repr, keys[:3])) or 'no frame'}"
            )
        letters = spelled(self.words[keys[0]], self.phonemes[keys[0]])
        place = self._matched(frames, letters)
        times = letters[["start_s", "end_s"]].to_numpy(float)
        times = np.vstack([times, [np.nan, np.nan]])[place]
        steps = {name: frames[name].to_numpy() for name in alignments}
        steps[CHANCE] = self._chance(keys[0], len(frames))
        tables = [self._one(frames, place, times, *item) for item in steps.items()]
        return pd.concat(tables, ignore_index=True)

    def _matched(self, frames: pd.DataFrame, letters: pd.DataFrame) -> np.ndarray:
        runs = frames.groupby("run", sort=False)
        emitted = pd.DataFrame(
            {
                "letter": runs.letter.first(),
                "start_s": self.clock.seconds(runs.start.min()),
                "end_s": self.clock.seconds(runs.start.max() + self.width - 1),
            }
        )
        return match(emitted, letters)[runs.ngroup().to_numpy()]

    def _chance(self, key: str, count: int) -> np.ndarray:
        entropy = [self.seed, *key.encode()]
        return np.random.default_rng(entropy).integers(0, self.width, count)

    def _one(
        self,
        frames: pd.DataFrame,
        place: np.ndarray,
        times: np.ndarray,
        name: str,
        steps: np.ndarray,
    ) -> pd.DataFrame:
        at = self.clock.seconds(frames.start.to_numpy() + steps)
        if self.reference == "centre":
            error = at - times.mean(1)
        else:
            error = np.maximum(at - times[:, 1], 0) - np.maximum(times[:, 0] - at, 0)
        silent = np.isnan(times[:, 0])
        conditions = [steps < 0, place < 0, silent]
        linked = np.select(conditions, ["no step", "no match", "silent"], "yes")
        error = np.where(linked == "yes", 1000 * error, np.nan)
        columns = {"id": frames.id.to_numpy(), "letter": frames.letter.to_numpy()}
        return pd.DataFrame(columns | {"alignment": name, "linked": linked, "error_ms": error})


def summary(errors: pd.DataFrame) -> pd.DataFrame:
    """Bias and spread of each alignment, for each letter and for all.

    Args:
        errors: rows as `Truth.errors` gives them, of all utterances.

    Returns:
        One row a letter (``"all"`` last) and alignment: frames; linked (share of them with an
        error); bias_ms (mean), spread_ms (standard deviation: what a constant shift cannot
        mend), quartiles_ms (distance of the quartiles: the same, hardly moved by letters
        that were matched wrongly), median_abs_ms, inside (share with an error of 0).
    """
    every = errors.assign(letter="all")
    parts = [_summed(errors.sort_values("letter", kind="stable")), _summed(every)]
    return pd.concat(parts, ignore_index=True)


def _summed(errors: pd.DataFrame) -> pd.DataFrame:
    known = errors.error_ms.notna()
    errors = errors.assign(
        known=known, size=errors.error_ms.abs(), inside=(errors.error_ms == 0).where(known)
    )
    groups = errors.groupby(["letter", "alignment"], sort=False)
    table = groups.agg(
        frames=("known", "size"),
        linked=("known", "mean"),
        bias_ms=("error_ms", "mean"),
        spread_ms=("error_ms", "std"),
        median_abs_ms=("size", "median"),
        inside=("inside", "mean"),
    )
    quarters = groups.error_ms.quantile([0.25, 0.75]).unstack()
    table.insert(4, "quartiles_ms", quarters[0.75] - quarters[0.25])
    return table.reset_index()


def coverage(errors: pd.DataFrame) -> pd.Series:
    """How many frames could be linked to a phoneme, and why the others not.

    Args:
        errors: rows as `Truth.errors` gives them.

    Returns:
        Number of frames by the values of the column linked; of ``chance``, which has a step
        in every frame.
    """
    return errors.loc[errors.alignment == CHANCE, "linked"].value_counts()
