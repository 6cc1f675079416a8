"""Is the alignment right? Key steps against the known time of the phoneme they stand for.

K could not check an alignment, for want of truth; synthesised speech knows its phonemes'
times. As eSpeak NG places them, a stop begins at its release (its closure belongs to the
phoneme before) and an l after a vowel may have no length. An error is the time of the key step
minus the middle of the phoneme, negative where the step is too early; the step is inside where
it lies between the phoneme's ends.
"""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import pandas as pd

from speechlrp.letters.vocabulary import LETTERS
from speechlrp.navai.batches import step_of
from speechlrp.navai.frames import Clock
from speechlrp.timing.spelling import letters_of, link

LINKED, NO_MATCH, SILENT = LINKS = ("linked", "no match", "silent")
"""A frame's letter has a phoneme; is not in the text; is, but spells no phoneme."""
SPAN = ["start_s", "end_s"]
_FAR_MS = 2000
_MATCH = 1_000 * _FAR_MS
_EDIT = 1_000_000 * _MATCH
"""Cost of an edit; a match earns `_MATCH` less the ms it is away: each only breaks ties of the
one before, so that one minimum over int64 decides all three without rounding."""


def spelled(words: pd.DataFrame, phonemes: pd.DataFrame) -> pd.DataFrame:
    """When each letter of an utterance is spoken.

    Args:
        words: of one utterance, in order: word, start_s, end_s.
        phonemes: of the same, in order: phoneme, start_s, end_s. A phoneme belongs to the
            first word that does not end before it (corpora synthesised by early versions
            lack the first of two words such as "most of").

    Returns:
        One row a letter a to z, in order: letter, word (its number), start_s and end_s of the
        phonemes that it spells (NaN: silent), word_start_s, word_end_s.
    """
    place = np.searchsorted(words.end_s.to_numpy() + 1e-6, phonemes.end_s.to_numpy())
    names, starts_s, ends_s = (phonemes[c].to_numpy() for c in ("phoneme", *SPAN))
    rows = []
    for number, word in enumerate(words.itertuples()):
        inside = place == number
        starts, ends = starts_s[inside], ends_s[inside]
        span = min([word.start_s, *starts]), word.end_s
        links = link(word.word, list(names[inside]))
        for letter, phones in zip(letters_of(word.word), links, strict=True):
            when = (starts[phones[0]], ends[phones[1] - 1]) if phones else (np.nan, np.nan)
            rows.append((letter, number, *when, *span))
    columns = ["letter", "word", "start_s", "end_s", "word_start_s", "word_end_s"]
    return pd.DataFrame(rows, columns=columns)


def match(emitted: pd.DataFrame, letters: pd.DataFrame) -> np.ndarray:
    """Which letter of the text each emitted letter is, by the least edit distance.

    Of equal distances that with the most matches counts, and of these that whose windows'
    middles are the least outside of the letters' words. Only equal letters are matched, and
    only where the window sees some of the word; neither the key step nor the phoneme's
    time is used. What of the text is before the first emitted letter and after
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
    middle = (emitted.start_s + emitted.end_s).to_numpy()[:, None] / 2
    early = letters.word_start_s.to_numpy()[None] - middle
    late = middle - letters.word_end_s.to_numpy()[None]
    away_ms = (1000 * np.maximum(np.maximum(early, late), 0)).clip(max=_FAR_MS).astype(np.int64)
    costs = np.where(equal & seen, away_ms - _MATCH, _EDIT)
    return _trace(costs, _distances(costs))


def _distances(costs: np.ndarray) -> np.ndarray:
    """Costs of all beginnings ``[n + 1, m + 1]``, free to begin anywhere in m."""
    n, m = costs.shape
    table = np.zeros((n + 1, m + 1), np.int64)
    skipped = _EDIT * np.arange(m + 1)
    for i in range(n):
        row = table[i] + _EDIT
        row[1:] = np.minimum(row[1:], table[i, :-1] + costs[i])
        # the least over all earlier letters of the text, plus an edit for each in between: with
        # the edits up to each place taken off, that is a running minimum
        table[i + 1] = np.minimum.accumulate(row - skipped) + skipped
    return table


def _trace(costs: np.ndarray, table: np.ndarray) -> np.ndarray:
    matches = np.full(len(costs), -1)
    i, j = len(costs), int(table[-1].argmin())
    while i > 0:
        if j > 0 and table[i, j] == table[i - 1, j - 1] + costs[i - 1, j - 1]:
            i, j = i - 1, j - 1
            matches[i] = j if costs[i, j] < _EDIT else -1
        elif table[i, j] == table[i - 1, j] + _EDIT:
            i -= 1
        else:
            j -= 1
    return matches


def words_of(transcript: str, phonemes: pd.DataFrame) -> pd.DataFrame:
    """When each word of a transcript is spoken, found by its spelling alone.

    For times that come without words. The whole transcript, words with spaces between them, is
    linked to the phonemes of the utterance, in order: phoneme, start_s, end_s. A row a word that
    spells any phoneme: word, start_s, end_s.
    """
    links = iter(link(transcript, list(phonemes.phoneme)))
    starts, ends = phonemes.start_s.to_numpy(), phonemes.end_s.to_numpy()
    rows = []
    for word in transcript.split():
        phones = [linked for linked in islice(links, len(letters_of(word))) if linked]
        if phones:
            rows.append((word, starts[phones[0][0]], ends[phones[-1][1] - 1]))
    return pd.DataFrame(rows, columns=["word", *SPAN])


class Truth:
    """Says where in a window the phoneme of its letter is, one utterance after the other.

    Args:
        words: of all utterances: id, word, start_s, end_s, as `speechlrp synth` writes it.
        phonemes: of all: id, phoneme, start_s, end_s.
        width: ``W`` frames of a window.
        clock: when frames are.
    """

    def __init__(
        self, words: pd.DataFrame, phonemes: pd.DataFrame, width: int, clock: Clock
    ) -> None:
        self.words, self.phonemes = (dict(iter(t.groupby("id"))) for t in (words, phonemes))
        self.width, self.clock = width, clock

    def __contains__(self, key: str) -> bool:
        """Whether the times of an utterance are known."""
        return key in self.words and key in self.phonemes

    def letters(self, key: str) -> pd.DataFrame:
        """The letters of an utterance, as `spelled` gives them."""
        return spelled(self.words[key], self.phonemes[key])

    def places(self, key: str, frames: pd.DataFrame) -> pd.DataFrame:
        """Find the phonemes of the frames of an utterance.

        Args:
            key: its id.
            frames: all its letter frames in order of time: run, letter (a to z), start (first
                frame).

        Returns:
            A row a frame, with its index: linked (one of `LINKS`), and from the time of the
            window's first frame centre_ms and half_ms, the phoneme's middle and half its
            length; NaN unless linked. A key step ``k`` is ``1000 hop_s k - centre_ms`` late.
        """
        letters = self.letters(key)
        place = self._matched(frames, letters)
        times = 1000 * np.vstack([letters[SPAN].to_numpy(float), [np.nan, np.nan]])[place]
        linked = np.select([place < 0, np.isnan(times[:, 0])], [NO_MATCH, SILENT], LINKED)
        centre = times.mean(1) - 1000 * self.clock.seconds(frames.start.to_numpy())
        columns = {"linked": linked, "centre_ms": centre, "half_ms": np.ptp(times, axis=1) / 2}
        return pd.DataFrame(columns, index=frames.index)

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


ROUNDING_MS = 1e-6
"""Times are sums of decimal fractions: what is on a phoneme's end is inside."""


def linked_frames(frames: pd.DataFrame, ids: Sequence[str], truth: Truth) -> pd.DataFrame:
    """Link the letter frames of utterances to their phonemes; those without times fall out.

    Args:
        frames: as `navai.batches.FrameTable` gives them; their classes are the letters.
        ids: of the utterances, in the order that the table numbers them by.
        truth: the known times.

    Returns:
        The columns of `frames`, letter, and those of `Truth.places`.
    """
    letter = pd.Categorical.from_codes(frames["class"], LETTERS)
    frames = frames.assign(letter=letter)
    known = frames[frames.utterance.map(lambda code: ids[code] in truth).astype(bool)]
    places = [truth.places(ids[code], rows) for code, rows in known.groupby("utterance")]
    columns = ["linked", "centre_ms", "half_ms"]
    linked = known.join(pd.concat(places)) if places else known.reindex(columns=[*known, *columns])
    return linked.assign(linked=pd.Categorical(linked.linked, LINKS))


def key_step_errors(frames: pd.DataFrame, alignment: str, hop_ms: float) -> pd.DataFrame:
    """The errors of one alignment's key steps, for frames as `linked_frames` gives them.

    A row a frame that is linked and has a key step, with more columns: step, error_ms (``hop_ms``
    from one step to the next) and inside (bool).
    """
    frames = frames.assign(step=frames[step_of(alignment)])
    frames = frames[(frames.linked == LINKED) & (frames.step >= 0)]
    error = hop_ms * frames.step - frames.centre_ms
    return frames.assign(error_ms=error, inside=error.abs() <= frames.half_ms + ROUNDING_MS)


def errors_by_chance(
    frames: pd.DataFrame, steps: np.ndarray, width: int, hop_ms: float
) -> pd.DataFrame:
    """The errors of all pairs of a frame and a step: what steps dealt at random have on average.

    Of frames of one letter, as `key_step_errors` gives them, in windows of ``width`` steps.

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
