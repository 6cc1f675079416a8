"""What navai's settings choose: alignments, the explainers that they search, and classes."""

from __future__ import annotations

from speechlrp.errors import unknown
from speechlrp.explainers.lrp import LRP
from speechlrp.explainers.sensitivity import Sensitivity
from speechlrp.letters.vocabulary import LETTERS, SYMBOLS
from speechlrp.navai import ALIGNMENTS
from speechlrp.navai.alignment import Alignment, named
from speechlrp.navai.classes import Letters
from speechlrp.stages.letters.navai_loop import Search
from speechlrp.stages.letters.spoken import Recogniser
from speechlrp.stages.stage import Context

EXPLAINERS = {"sensitivity": Sensitivity, "lrp": lambda: LRP(preset="navai")}
"""K's maps, of the logit of the predicted symbol."""


def search_of(context: Context, recogniser: Recogniser) -> Search:
    """The configured search for frames and key steps."""
    settings = context.config.navai
    alignments = chosen(settings.align, settings.over)
    sources = sorted({a.source for a in alignments.values() if a.source})
    explainers = {name: EXPLAINERS[name]() for name in sources}
    letters = Letters({SYMBOLS.index(letter): letter for letter in LETTERS})
    return Search(recogniser, letters, alignments, explainers, settings.batch)


def chosen(align: str, over: str) -> dict[str, Alignment]:
    """The alignments of a setting such as ``"none,min-sens"`` or ``"all"``.

    Raises:
        SpeechLRPError: an alignment that there is not.
    """
    names = list(ALIGNMENTS) if align == "all" else [name.strip() for name in align.split(",")]
    for name in names:
        if name not in ALIGNMENTS:
            raise unknown("value of navai.align", name, ("all", *ALIGNMENTS))
    return {name: named(name, over) for name in names}
