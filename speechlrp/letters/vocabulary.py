"""Krug and Stober's symbols: letters, space, apostrophe, repetitions, and CTC's blank.

A doubled or tripled character is written as the character and a repetition symbol
(Krug and Stober 2018, section 3.1; Collobert et al. 2016). So two equal symbols never
stand side by side, and CTC needs no blank to keep them apart.
"""

import string
from collections.abc import Iterable
from itertools import groupby

from speechlrp.errors import SpeechLRPError

LETTERS = tuple(string.ascii_lowercase)
CHARACTERS = (*LETTERS, " ", "'")
TWICE, THRICE, BLANK = "twice", "thrice", "blank"
SYMBOLS = (*CHARACTERS, TWICE, THRICE, BLANK)
"""All V = 31 symbols; a symbol's place is its index, so a to z are 0 to 25."""

SIZE = len(SYMBOLS)
BLANK_INDEX = SYMBOLS.index(BLANK)

_INDEX = {symbol: index for index, symbol in enumerate(SYMBOLS)}
_MARK = {2: [_INDEX[TWICE]], 3: [_INDEX[THRICE]]}
_MORE = {_INDEX[TWICE]: 1, _INDEX[THRICE]: 2}
_APOSTROPHES = str.maketrans(dict.fromkeys("’‘ʼ`´", "'"))


def normalise(text: str) -> str:
    """Bring a transcript to the characters that the vocabulary has.

    Lower case, straight apostrophes, words one space apart.

    Raises:
        SpeechLRPError: it has other characters.
    """
    plain = " ".join(text.lower().translate(_APOSTROPHES).split())
    foreign = set(plain).difference(CHARACTERS)
    if foreign:
        shown = " ".join(f"{c!r}" for c in sorted(foreign))
        raise SpeechLRPError(
            f"the transcript {text[:60]!r} has characters that are no letters ({shown}): spell "
            "them out"
        )
    return plain


def encode(text: str) -> list[int]:
    """Turn a transcript into symbols.

    A run of equal characters is cut from its start into threes: of five, three and two.
    Errors as in ``normalise``.
    """
    symbols = []
    for character, run in groupby(normalise(text)):
        length = len(list(run))
        for start in range(0, length, 3):
            symbols += [_INDEX[character], *_MARK.get(min(length - start, 3), [])]
    return symbols


def decode(symbols: Iterable[int]) -> str:
    """Turn symbols into text: the inverse of ``encode``, and defined for all sequences.

    Blanks give nothing. A repetition repeats the character before it, and gives nothing
    where there is none.

    Raises:
        IndexError: an index that is no symbol's.
    """
    text: list[str] = []
    for symbol in symbols:
        if symbol in _MORE:
            text += text[-1:] * _MORE[symbol]
        elif not 0 <= symbol < SIZE:
            raise IndexError(f"symbol {symbol} of {SIZE}")
        elif symbol != BLANK_INDEX:
            text.append(SYMBOLS[symbol])
    return "".join(text)
