"""Terms of art, explained where each first stands on a page."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from markupsafe import Markup

TERMS = {
    r"\bLRP\b": "layer-wise relevance propagation: the output is handed back through the network, "
    "layer by layer, until every bin has its share",
    r"\b[Rr]elevance\b": "what a bin adds to the output explained: positive speaks for the class, "
    "negative against it",
    r"\breference\b": "what the input 0 stands for, or what an explanation measures the input from",
    r"\bbaseline\b": "what a bin is set to that is taken away",
    r"\b[Ff]lipp(?:ed|ing)\b": "bins are set to a baseline in some order, to see what the network "
    "still recognises",
    r"\blrp_rev\b": "the order with the most negative bins first",
    r"\baug_zero\b": "trained on with the most relevant bins of every recording set to 0",
    r"\baug_mean\b": "trained on with the most relevant bins of every recording set to the mean of "
    "their neighbours",
    r"\b[Cc]onservation\b": "whether the parts still add up to the whole",
    r"\bWilson\b": "an interval for a share of independent cases",
    r"\bbootstrap\b": "drawn again and again with replacement, to see how much the result varies",
    r"\bchance\b": "what guessing reaches, 1 / classes",
    r"\bT(?= (?:Table|Figure|reaches|\d))": "the thesis whose experiments this run repeats",
    r"\bK(?= (?:Figure|A\.|\d))": "Krug and Stober 2018, whose experiments this run repeats",
}
"""Pattern -> what it means."""


@dataclass
class Glossary:
    """Which terms a page has explained already."""

    told: set[str] = field(default_factory=set)

    def explained(self, text: str) -> Markup:
        """A text as HTML, with the terms explained that have not been so far."""
        matches = {p: re.search(p, text) for p in TERMS if p not in self.told}
        first = sorted((m.start(), m.end(), p) for p, m in matches.items() if m)
        html, done = Markup(""), 0
        for start, end, pattern in first:
            if start < done:
                continue
            self.told.add(pattern)
            html += Markup('{}<dfn>{}</dfn> <small class="term">({})</small>').format(
                text[done:start], text[start:end], TERMS[pattern]
            )
            done = end
        return html + text[done:]
