"""Letter and word error rates of a corpus, by jiwer.

Counts are added over batches and ranks, and divided once at the end: the rate is the sum
of all edits over the sum of all lengths, not a mean of rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from typing import Self

import jiwer


@dataclass(frozen=True)
class Edits:
    """The least edits that turn what was said into what was recognised."""

    hits: int = 0  # letters or words that are the same
    substitutions: int = 0  # others in their place
    deletions: int = 0  # said and not recognised
    insertions: int = 0  # recognised and not said

    @property
    def length(self) -> int:
        """Letters or words that were said."""
        return self.hits + self.substitutions + self.deletions

    @property
    def rate(self) -> float:
        """Edits over length, which may exceed 1; NaN where nothing was said."""
        edits = self.substitutions + self.deletions + self.insertions
        return edits / self.length if self.length else float("nan")


@dataclass(frozen=True)
class ErrorCounts:
    """What was wrong in some utterances; ``a + b`` counts both."""

    letters: Edits = field(default_factory=Edits)  # edits of letters, spaces and apostrophes
    words: Edits = field(default_factory=Edits)  # edits of words
    utterances: int = 0  # how many

    def __add__(self, other: ErrorCounts) -> ErrorCounts:
        pairs = zip(self.numbers(), other.numbers(), strict=True)
        return ErrorCounts.of([one + another for one, another in pairs])

    @property
    def letter_error_rate(self) -> float:
        """Edits of letters over letters said."""
        return self.letters.rate

    @property
    def word_error_rate(self) -> float:
        """Edits of words over words said."""
        return self.words.rate

    def numbers(self) -> list[int]:
        """Give all counts, to be summed over ranks."""
        return [*astuple(self.letters), *astuple(self.words), self.utterances]

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Self:
        """Make them from `numbers` again."""
        counts = [int(number) for number in numbers]
        return cls(Edits(*counts[:4]), Edits(*counts[4:8]), counts[8])


def count_errors(said: Sequence[str], recognised: Sequence[str]) -> ErrorCounts:
    """Compare transcripts with what was recognised, utterance by utterance, in the same order.

    Spaces at the ends, and more than one between words, do not count. Transcripts are normalised as
    the recogniser spells (`vocabulary.normalise`).

    Raises:
        ValueError: not as many texts as transcripts.
    """
    if len(said) != len(recognised):
        raise ValueError(f"{len(said)} transcripts, {len(recognised)} texts")
    first, second = ([" ".join(text.split()) for text in texts] for texts in (said, recognised))
    outputs = jiwer.process_characters(first, second), jiwer.process_words(first, second)
    letters, words = (
        Edits(out.hits, out.substitutions, out.deletions, out.insertions) for out in outputs
    )
    return ErrorCounts(letters, words, len(said))
