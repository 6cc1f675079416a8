"""What the invented speakers say."""

import re
from collections.abc import Sequence
from importlib.resources import files

import numpy as np

from speechlrp.errors import SpeechLRPError

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_SAYABLE = re.compile(r"[A-Za-z' ,.;:!?\"()-]+")


def builtin_sentences() -> list[str]:
    """Return the sentences that come with the project."""
    text = files("speechlrp.corpora.synthetic").joinpath("sentences.txt").read_text("utf-8")
    return [line for line in text.splitlines() if line]


def transcript(sentence: str) -> str:
    """Write a sentence as LibriSpeech does: upper-case letters, apostrophes, spaces.

    Raises:
        SpeechLRPError: it holds other characters than letters and punctuation.
    """
    if not _SAYABLE.fullmatch(sentence) or not re.search(r"[A-Za-z]", sentence):
        raise SpeechLRPError(
            f"cannot transcribe {sentence!r}: write it in the letters a to z, "
            "numbers and abbreviations as words"
        )
    return " ".join(re.sub(r"[^A-Z' ]", " ", sentence.upper()).split())


class Script:
    """Deals sentences to speakers: each in an order of their own, all before any again.

    By default the project's own sentences; the orders are drawn by `seed`.

    Raises:
        SpeechLRPError: there is nothing to say, or a sentence cannot be transcribed.
    """

    def __init__(self, sentences: Sequence[str] | None, seed: int) -> None:
        self.sentences = builtin_sentences() if sentences is None else list(sentences)
        if not self.sentences:
            raise SpeechLRPError("there are no sentences to say: give at least one")
        for sentence in self.sentences:
            transcript(sentence)
        self._seed = seed

    def for_speaker(self, number: int, count: int) -> list[str]:
        """The next `count` sentences of a speaker, who begins again once all were said."""
        order = np.random.default_rng([self._seed, 4, number]).permutation(len(self.sentences))
        return [self.sentences[order[k % len(order)]] for k in range(count)]
