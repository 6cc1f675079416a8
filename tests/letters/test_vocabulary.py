"""Encoding and decoding, as properties of all texts."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speechlrp.errors import SpeechLRPError
from speechlrp.letters.vocabulary import (
    BLANK_INDEX,
    CHARACTERS,
    LETTERS,
    SIZE,
    SYMBOLS,
    decode,
    encode,
    normalise,
)

SPOKEN = st.text(CHARACTERS, max_size=40)
RUNS = st.lists(st.tuples(st.sampled_from(CHARACTERS), st.integers(1, 9)), max_size=10).map(
    lambda runs: "".join(character * length for character, length in runs)
)
ANYTHING = st.one_of(SPOKEN, RUNS)


def names(text):
    return [SYMBOLS[symbol] for symbol in encode(text)]


def test_the_symbols():
    assert (SIZE, SYMBOLS[BLANK_INDEX]) == (31, "blank")
    assert SYMBOLS[:26] == LETTERS == tuple("abcdefghijklmnopqrstuvwxyz")
    assert SYMBOLS[26:] == (" ", "'", "twice", "thrice", "blank")


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("", []),
        ("CAT", ["c", "a", "t"]),
        ("hello", ["h", "e", "l", "twice", "o"]),
        ("aaa", ["a", "thrice"]),
        ("aaaa", ["a", "thrice", "a"]),
        ("aaaaa", ["a", "thrice", "a", "twice"]),
        ("aaaaaa", ["a", "thrice", "a", "thrice"]),
        ("egg gas", ["e", "g", "twice", " ", "g", "a", "s"]),
        ("  Don’t\tgo\n", ["d", "o", "n", "'", "t", " ", "g", "o"]),
    ],
)
def test_examples(text, symbols):
    assert names(text) == symbols


@given(ANYTHING)
def test_decoding_undoes_encoding(text):
    assert decode(encode(text)) == normalise(text)


@given(ANYTHING)
def test_no_two_equal_symbols_in_a_row_and_no_blank(text):
    symbols = encode(text)
    assert all(a != b for a, b in pairwise(symbols))
    assert BLANK_INDEX not in symbols


@given(ANYTHING)
def test_an_encoding_is_never_longer_than_its_text(text):
    assert len(encode(text)) <= len(normalise(text))


@given(st.lists(st.integers(0, SIZE - 1), max_size=40))
def test_every_sequence_decodes_and_blanks_say_nothing(symbols):
    text = decode(symbols)
    assert set(text) <= set(CHARACTERS)
    assert decode([s for s in symbols if s != BLANK_INDEX]) == text


@pytest.mark.parametrize(
    ("symbols", "text"),
    [
        (["twice", "a"], "a"),
        (["thrice", "twice"], ""),
        (["a", "blank", "twice"], "aa"),
        (["a", "twice", "twice"], "aaa"),
        (["b", "thrice", "a"], "bbba"),
    ],
)
def test_repetitions_where_a_network_may_put_them(symbols, text):
    assert decode([SYMBOLS.index(symbol) for symbol in symbols]) == text


@pytest.mark.parametrize("symbol", [-1, SIZE])
def test_what_is_no_symbol_is_a_bug(symbol):
    with pytest.raises(IndexError):
        decode([symbol])


@given(st.text("aB \t’`'", max_size=40))
def test_normalising_twice_changes_nothing(text):
    plain = normalise(text)
    assert normalise(plain) == plain
    assert set(plain) <= set(CHARACTERS)


def test_foreign_characters_are_an_error():
    with pytest.raises(SpeechLRPError, match=r"no letters \('3' 'é'\)"):
        encode("Café 33")


def test_genuine_transcripts(shared_data):
    for file in sorted(shared_data.glob("*/*/*/*/*.trans.txt")):
        for line in file.read_text(encoding="utf-8").splitlines():
            text = line.partition(" ")[2]
            assert decode(encode(text)) == text.lower()
