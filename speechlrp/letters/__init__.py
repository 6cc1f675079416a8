"""Letters: the recogniser's symbols, from its scores to text, and how wrong the text is.

`DECODERS` holds the ways from scores to text, ``fn(scores, **options) -> list[Decoded]``.
"""

from speechlrp.registry import Interface, Registry

DECODERS = Registry(
    "decoding",
    {"greedy": "speechlrp.letters.decoding:greedy", "beam": "speechlrp.letters.decoding:beam"},
    Interface("a function of scores and steps that gives a list of Decoded", positional=2),
)
