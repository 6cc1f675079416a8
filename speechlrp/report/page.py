"""One self-contained HTML page: sections of blocks, a table of contents, the run's details.

Nothing is loaded from elsewhere: figures, audio and script are embedded, and the
page's own style follows the reader's light or dark setting.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import jinja2
from markupsafe import Markup

from speechlrp.report.blocks import Heading, Text
from speechlrp.report.explorer import SCRIPTS, Explorer

TERMS = {
    r"\bLRP\b": "layer-wise relevance propagation: the output is handed back through the network, "
    "layer by layer, until every bin has its share",
    r"\b[Rr]elevance\b": "what a bin adds to the output explained: positive speaks for the class, "
    "negative against it",
    r"\breference\b": "what the input 0 stands for, or what an explanation measures the input from",
    r"\bbaseline\b": "what a bin is set to that is taken away",
    r"\bbins?\b": "entries of the input: of a spectrogram, a frequency at a time",
    r"\b[Ee]xplainer\b": "a method that says how much each bin counts",
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
        """A text as HTML: what stands in `backticks` as code, and other terms explained once."""
        parts = text.split("`")
        if len(parts) % 2 == 0:  # one that quotes nothing
            return self._explained(text)
        code = Markup("<code>{}</code>")
        return Markup("").join(
            code.format(part) if number % 2 else self._explained(part)
            for number, part in enumerate(parts)
        )

    def _explained(self, text: str) -> Markup:
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


class Block(Protocol):
    """A part of a section, which the template of its kind shows."""

    kind: ClassVar[str]


@dataclass(frozen=True)
class Section:
    """A part of the page, named as its stage is; ``intro`` says what to look for."""

    title: str
    intro: str = ""
    blocks: Sequence[Block] = ()

    @property
    def lead(self) -> Text:
        """The introduction as paragraphs."""
        return Text(self.intro)


@dataclass(frozen=True)
class Page:
    """The whole page."""

    title: str  # its heading
    subtitle: str = ""  # one sentence below it
    facts: Mapping[str, object] = field(default_factory=dict)
    """Name -> value, the few numbers to see first, such as the accuracy."""
    sections: Sequence[Section] = ()  # in the pipeline's order
    details: Mapping[str, str] = field(default_factory=dict)
    """Title -> text shown folded up at the end: resolved configs, versions."""


def render(page: Page) -> str:
    """Render a page as HTML, complete in itself."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("speechlrp.report", "web"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"explained": Glossary().explained, "id": id}
    explored = any(isinstance(block, Explorer) for part in page.sections for block in part.blocks)
    return environment.get_template("page.html.jinja2").render(
        page=page, anchors=_anchors(page.sections), scripts=SCRIPTS if explored else ()
    )


def _anchors(sections: Sequence[Section]) -> dict[int, str]:
    """Of every section and heading (by its identity), an anchor that no other has."""
    anchors: dict[int, str] = {}
    for section in sections:
        headings = [block for block in section.blocks if isinstance(block, Heading)]
        parts: list[Section | Heading] = [section, *headings]
        for part in parts:
            base = re.sub(r"[^a-z0-9]+", "-", part.title.lower()).strip("-") or "section"
            same = sum(
                re.fullmatch(rf"{re.escape(base)}(-\d+)?", a) is not None for a in anchors.values()
            )
            anchors[id(part)] = f"{base}-{same + 1}" if same else base
    return anchors
