"""Which letters of a word spell which of its phonemes: dynamic programming over both.

Phonemes are eSpeak NG's in IPA, or a forced aligner's in ARPABET. Letters that spell no
phoneme are silent; a group of letters may spell one phoneme ("sh"), one letter two ("x").
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import itemgetter

_CONSONANTS = {
    "p": "p pp",
    "b": "b bb",
    "t": "t tt d dd bt ght",
    "ɾ": "t tt d dd r rr",
    "ʔ": "t tt",
    "d": "d dd t tt ld",
    "k": "k c ck ch q cc cq que lk",
    "ɡ": "g gg gh gu",
    "f": "f ff ph gh lf",
    "v": "v f lv",
    "θ": "th",
    "ð": "th",
    "s": "s ss c sc st ps z",
    "z": "z zz s ss x",
    "ʃ": "sh s ss c ch t sc ti ci si ssi",
    "ʒ": "s z g si",
    "tʃ": "ch tch t ti",
    "dʒ": "j g dg d gg",
    "h": "h wh",
    "m": "m mm mb mn lm",
    "n": "n nn kn gn",
    "ŋ": "n ng",
    "l": "l ll",
    "ɹ": "r rr wr rh",
    "r": "r rr wr rh",
    "w": "w wh u o",
    "ʍ": "wh w",
    "j": "y i u e",
    "n̩": "n on en in an ain",
    "əl": "le el al il ol ul all ull l",
    "m̩": "m om em",
    "ʲ": "y i e",
    "k s": "x xc cc",
    "ɡ z": "x",
    "k w": "qu cqu",
    "w ʌ": "o",
    "k ʃ": "x xi",
}
_VOWELS = {
    "æ": "a ai au",
    "a": "a ai au",
    "ɐ": "a",
    "ɑ": "a o ea au",
    "ɒ": "o a au ou",
    "ɔ": "o a aw au ou oo oa ough augh",
    "ʌ": "u o ou oo oe",
    "ə": "a e i o u y io ou ai ia ie eo ea",
    "ɪ": "i y e ui ie a u ee ea",
    "ᵻ": "e i y a ai",
    "i": "e ee ea ie ei y i ey eo ay",
    "ɛ": "e ea a ai ie ei ay ue",
    "e": "a ai ay ei ey ea eigh aigh e",
    "ʊ": "u oo ou o",
    "u": "u oo o ou ue ew ui oe ough eu",
    "ʉ": "u oo o ou ue ew ui oe ough eu",
    "eɪ": "a ai ay ei ey ea eigh aigh",
    "aɪ": "i y ie igh eigh uy ye eye ai ei",
    "aɪə": "i ie ia io y ye igh",
    "ʌɪ": "i y ie igh eigh uy",
    "ɔɪ": "oi oy uoy",
    "aʊ": "ou ow ough",
    "ʌʉ": "ou ow ough",
    "oʊ": "o oa ow oe ough ou ew oo",
    "əʊ": "o oa ow oe ough ou ew oo",
    "o": "o oa ow oe ough ou ew oo",
    "ɜ": "e i u o a ea ou y re",
    "ɚ": "e o a u i y ou re",
    "iə": "ia ea io eo ie",
    "e ʲ": "y i e",
    "j u": "u ue ew ui eu",
    "j ʉ": "u ue ew ui eu",
    "j ʊ": "u",
    "j ə": "u",
}
"""Phonemes, stress and length left out -> usual spellings. An r is added by `_usual`."""

ARPABET = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AX": "ə", "AY": "aɪ", "B": "b",
    "CH": "tʃ", "D": "d", "DH": "ð", "DX": "ɾ", "EH": "ɛ", "ER": "ɚ", "EY": "eɪ", "F": "f",
    "G": "ɡ", "HH": "h", "IH": "ɪ", "IY": "i", "JH": "dʒ", "K": "k", "L": "l", "M": "m",
    "N": "n", "NG": "ŋ", "OW": "oʊ", "OY": "ɔɪ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ",
    "T": "t", "TH": "θ", "UH": "ʊ", "UW": "u", "V": "v", "W": "w", "Y": "j", "Z": "z",
    "ZH": "ʒ",
}  # fmt: skip
"""Phonemes of English pronouncing dictionaries, stress left out -> IPA."""

USUAL = 0.0
FALLBACK = 0.5
"""A vowel spelt by other vowel letters; twice as dear for consonants, and see `MIXED`."""
MIXED = 3.0
SILENT = {"e": 0.3, "h": 0.5, "g": 0.6, "w": 0.5, "r": 0.4}
"""Cost of a silent letter; 1 for those not named."""
UNSPELT = 1.0
"""Cost of a phoneme that no letter spells."""
_MARKS = str.maketrans("", "", "ˈˌː:")
_VOWEL_LETTERS = frozenset("aeiouy")
_LONGEST = 5
Link = tuple[int, int] | None


def link(word: str, phonemes: Sequence[str]) -> list[Link]:
    """Link each letter of a word to the phonemes it spells, at the lowest total cost.

    Both keep their order. Costs: 0 for a usual spelling, more for others, for silent
    letters and for phonemes without a letter (the constants of this module); of
    equal costs the longest group of letters counts.

    Args:
        word: as written; what is no letter a to z is passed over.
        phonemes: of the word, in IPA or in capitals as ARPABET.

    Returns:
        For each letter a to z the first of its phonemes and the one after its last, or
        None where the letter is silent.
    """
    return list(_link(letters_of(word), tuple(_ipa(phoneme) for phoneme in phonemes)))


def letters_of(word: str) -> str:
    """Its letters a to z, in small letters."""
    return "".join(c for c in word.lower() if "a" <= c <= "z")


def is_known(phoneme: str) -> bool:
    """Whether the spellings of a phoneme are known here, in IPA or in capitals as ARPABET."""
    sound = _ipa(phoneme)
    return bool(_usual(sound)) or _is_vowel(sound)


def _ipa(phoneme: str) -> str:
    """Without marks of stress and length."""
    return ARPABET.get(phoneme.rstrip("012"), phoneme.translate(_MARKS))


@lru_cache(maxsize=65_536)
def _link(letters: str, phonemes: tuple[str, ...]) -> tuple[Link, ...]:
    best: dict[tuple[int, int], tuple[float, tuple[int, int]]] = {}
    size = len(letters), len(phonemes)
    best[size] = 0.0, size
    for i in range(size[0], -1, -1):
        for j in range(size[1], -1, -1):
            if (i, j) != size:
                moves = ((c + best[to][0], to) for c, to in _moves(letters, phonemes, i, j))
                best[i, j] = min(moves, key=itemgetter(0))  # of equal costs the first move
    links: list[Link] = []
    at = 0, 0
    while at != size:
        to = best[at][1]
        links += [(at[1], to[1]) if to[1] > at[1] else None] * (to[0] - at[0])
        at = to
    return tuple(links)


def _moves(
    letters: str, phonemes: tuple[str, ...], i: int, j: int
) -> Iterator[tuple[float, tuple[int, int]]]:
    """Costs and where they lead, long groups of letters first."""
    for count in range(min(_LONGEST, len(letters) - i), 0, -1):
        for sounds in range(1, min(2, len(phonemes) - j) + 1):
            cost = _cost(letters[i : i + count], " ".join(phonemes[j : j + sounds]))
            if cost is not None:
                yield cost, (i + count, j + sounds)
    if i < len(letters):
        yield SILENT.get(letters[i], 1.0), (i + 1, j)
    if j < len(phonemes):
        yield UNSPELT, (i, j + 1)


@lru_cache(maxsize=65_536)
def _cost(group: str, sound: str) -> float | None:
    """Cost of a spelling, or None where it is out of the question."""
    usual = _usual(sound)
    if group in usual:
        return USUAL
    if " " in sound:
        return None
    vowels = sum(c in _VOWEL_LETTERS for c in group) / len(group)
    if _is_vowel(sound):
        if vowels == 1 and len(group) <= 3:
            return FALLBACK
        return MIXED if len(group) == 1 else None
    if len(group) > 1:
        return None
    return 2 * FALLBACK if not vowels else MIXED


@lru_cache(maxsize=4096)
def _usual(sound: str) -> frozenset[str]:
    """Spellings of a sound; of a vowel with an r in it, those of the vowel with an r."""
    if sound in _CONSONANTS:
        return frozenset(_CONSONANTS[sound].split())
    base, coloured = sound.rstrip("ɹr"), sound.endswith(("ɹ", "r"))
    bases = (sound, base, base.replace("ɚ", "ə"))
    spellings = {spelling for key in bases for spelling in _VOWELS.get(key, "").split()}
    if coloured:
        spellings |= {"e", "i", "ea"}
    with_r = {f"{spelling}{r}" for spelling in spellings for r in ("r", "rr")}
    if coloured:
        return frozenset(with_r)
    return frozenset(spellings | (with_r if base[-1:] in tuple("ɜɚəɔɑɒaɛe") else set()))


def _is_vowel(sound: str) -> bool:
    return sound.rstrip("ɹr") in _VOWELS or sound[:1] in tuple("aæɐɑɒɔʌəɪᵻiɛeʊuʉoɜɚ")
