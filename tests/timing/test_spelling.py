"""Links between letters and phonemes whose answers are known."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechlrp.timing.spelling import _CONSONANTS, _VOWELS, ARPABET, link

KNOWN = {
    "cat": "k+æ+t c a t",
    "ship": "ʃ+ˈɪ+p sh i p",
    "fox": "f+ˈɑː+k+s f o x:2",
    "make": "m+ˈeɪ+k m a k e-",
    "queen": "k+w+ˈiː+n qu:2 ee n",
    "button": "b+ˈʌ+ʔ+n̩ b u tt on",
    "knee": "n+ˈiː kn ee",
    "two": "t+ˈuː t w- o",
    "one": "w+ˈʌ+n o:2 n e-",
    "thought": "θ+ˈɔː+t th ough t",
    "laughed": "l+ˈæ+f+t l au gh e- d",
    "new": "n+ˈuː n ew",
    "music": "m+j+ˈuː+z+ɪ+k m u:2 s i c",
    "street": "s+t+ɹ+ˈiː+t s t r ee t",
    "orchard": "ˈɔːɹ+tʃ+ɚ+d or ch ar d",
    "little": "l+ˈɪ+ɾ+əl l i tt le",
    "shepherd": "ʃ+ˈɛ+p+ɚ+d sh e p h- er d",
    "wheat": "w+ˈiː+t wh ea t",
    "hinges": "h+ˈɪ+n+dʒ+ᵻ+z h i n g e s",
    "was a": "w+ʌ+z+ɐ w a s a",
    "Joe's": "dʒ+ˈoʊ+z j oe s",
    "stopped": "s+t+ˈɑː+p+t s t o pp e- d",
    "bring": "b+ɹ+ˈɪ+ŋ b r i ng",
    "quiet": "k+w+ˈaɪə+t qu:2 ie t",
}
"""Word -> its phonemes, then groups of letters in order: each spells the next phoneme, or
as many as stand after a colon, or none (-)."""


@pytest.mark.parametrize("word", KNOWN)
def test_known_words(word):
    phonemes, *groups = KNOWN[word].split()
    expected, at = [], 0
    for group in groups:
        silent, (letters, _, count) = group.endswith("-"), group.partition(":")
        count = 0 if silent else int(count or 1)
        expected += [(at, at + count) if count else None] * len(letters.rstrip("-"))
        at += count
    assert at == len(phonemes.split("+"))
    assert link(word, phonemes.split("+")) == expected


def test_arpabet_is_linked_as_ipa():
    assert link("thoughts", ["TH", "AO1", "T", "S"]) == link("thoughts", ["θ", "ˈɔː", "t", "s"])
    assert link("music", ["M", "Y", "UW1", "Z", "IH0", "K"]) == link(
        "music", ["m", "j", "ˈuː", "z", "ɪ", "k"]
    )
    known = {spelling for spelling in (*_CONSONANTS, *_VOWELS) if " " not in spelling}
    assert set(ARPABET.values()) <= known


def test_nothing_to_spell():
    assert link("", []) == []
    assert link("abc", []) == [None] * 3
    assert link("'-", ["t"]) == []


@given(
    st.text("abcdefghijklmnopqrstuvwxyz", max_size=10),
    st.lists(st.sampled_from(["t", "ʃ", "ˈiː", "ɔːɹ", "əl", "ŋ", "?", "ʲ", "w"]), max_size=8),
)
def test_any_word_is_linked_in_order(word, phonemes):
    links = link(word, phonemes)
    assert len(links) == len(word)
    spans = [span for span in links if span]
    assert all(0 <= first < last <= len(phonemes) for first, last in spans)
    for one, following in pairwise(spans):
        assert one == following or one[1] <= following[0]
