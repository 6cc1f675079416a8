"""One self-contained HTML page: sections of blocks, a table of contents, the run's details.

Nothing is loaded from elsewhere: figures, audio and script are embedded, and the
page's own style follows the reader's light or dark setting.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import jinja2

from speechlrp.report.blocks import Heading, Text
from speechlrp.report.explorer import SCRIPTS, Explorer
from speechlrp.report.terms import Glossary


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
    """The whole page.

    Attributes:
        title: its heading.
        subtitle: one sentence below it.
        facts: name -> value, the few numbers to see first, such as the accuracy.
        sections: in the pipeline's order.
        details: title -> text shown folded up at the end: resolved configs, versions.
    """

    title: str
    subtitle: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)
    sections: Sequence[Section] = ()
    details: Mapping[str, str] = field(default_factory=dict)


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
