"""One self-contained HTML page: sections of text, figures, tables and recordings.

Nothing is loaded from elsewhere: figures, audio and script are embedded, and the
page's own style follows the reader's light or dark setting. All text is escaped,
so a file name cannot become markup.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import ClassVar

import jinja2
import numpy as np
import pandas as pd
import soundfile
from markupsafe import Markup

from speechlrp.errors import SpeechLRPError
from speechlrp.report.explorer import SCRIPTS, Explorer
from speechlrp.report.style import DPI, WIDTH
from speechlrp.report.tables import to_html

MIMES = {
    b"\x89PNG": "image/png", b"<?xm": "image/svg+xml", b"<svg": "image/svg+xml",
    b"RIFF": "audio/wav", b"fLaC": "audio/flac", b"OggS": "audio/ogg",
}  # fmt: skip
MOST_ROWS = 60
"""Of a table on the page; what is more is said."""


@dataclass(frozen=True)
class Text:
    """Paragraphs, parted by empty lines."""

    text: str
    kind: ClassVar[str] = "text"

    @property
    def paragraphs(self) -> list[str]:
        """The paragraphs."""
        return [part.strip() for part in re.split(r"\n\s*\n", self.text) if part.strip()]


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        image: PNG or SVG, from ``style.figure_png`` or ``style.figure_svg``.
        caption: what it shows.
        alt: the same for those who cannot see it: what is drawn and what follows.
        tags: under which conditions, such as ``("reference max", "baseline zero")``.
    """

    image: bytes
    caption: str
    alt: str
    tags: Sequence[str] = ()
    kind: ClassVar[str] = "figure"

    @property
    def inches(self) -> float:
        """Width as drawn; on a narrow screen the page scrolls rather than shrink it much."""
        png = self.image[:4] == b"\x89PNG"
        return round(int.from_bytes(self.image[16:20], "big") / DPI, 1) if png else WIDTH

    @property
    def source(self) -> str:
        """The image as a ``data:`` URI."""
        return data_uri(self.image)


@dataclass(frozen=True)
class Table:
    """A table: ``frame`` as in ``tables.to_html``, its caption, tags, and a note below."""

    frame: pd.DataFrame
    caption: str
    note: str = ""
    tags: Sequence[str] = ()
    index: bool = True
    kind: ClassVar[str] = "table"

    @property
    def html(self) -> Markup:
        """The table as HTML; of a long one the first `MOST_ROWS` rows, and how many there are."""
        rows = len(self.frame)
        table = to_html(self.frame.head(MOST_ROWS), index=self.index)
        more = Markup('<p class="note">The first {} of {:,} rows.</p>').format(MOST_ROWS, rows)
        return table + more if rows > MOST_ROWS else table


@dataclass(frozen=True)
class Audio:
    """A recording to listen to: WAV, FLAC or Ogg, from ``encode_audio`` or a file."""

    data: bytes
    caption: str = ""
    kind: ClassVar[str] = "audio"

    @property
    def source(self) -> str:
        """The recording as a ``data:`` URI."""
        return data_uri(self.data)


@dataclass(frozen=True)
class Example:
    """A recording beside its figure, with facts such as speaker, truth and answer."""

    title: str
    figure: Figure
    audio: Audio | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    kind: ClassVar[str] = "example"


Block = Text | Figure | Table | Audio | Example | Explorer


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
    anchors = _anchors([section.title for section in page.sections])
    explored = any(isinstance(block, Explorer) for part in page.sections for block in part.blocks)
    return environment.get_template("page.html.jinja2").render(
        page=page, anchors=anchors, scripts=SCRIPTS if explored else ()
    )


def _anchors(titles: Sequence[str]) -> list[str]:
    anchors: list[str] = []
    for title in titles:
        base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
        same = sum(re.fullmatch(rf"{re.escape(base)}(-\d+)?", a) is not None for a in anchors)
        anchors.append(f"{base}-{same + 1}" if same else base)
    return anchors


def data_uri(data: bytes) -> str:
    """Embed an image or a recording; its kind is read from its first bytes.

    Raises:
        SpeechLRPError: neither PNG, SVG, WAV, FLAC nor Ogg.
    """
    mime = MIMES.get(bytes(data[:4]))
    if mime is None:
        raise SpeechLRPError(
            f"cannot embed data that begin with {bytes(data[:4])!r}: expected PNG, SVG, WAV, FLAC "
            "or Ogg"
        )
    return f"data:{mime};base64,{base64.b64encode(data).decode('ascii')}"


def encode_audio(samples: np.ndarray, rate: int, *, format: str = "WAV") -> bytes:
    """Encode samples as 16-bit ``WAV`` (plays everywhere) or ``FLAC`` (about half the size).

    Args:
        samples: [N] or [C, N], -1 to 1; what is beyond is clipped.
        rate: samples a second.
        format: ``"WAV"`` or ``"FLAC"``.
    """
    buffer = BytesIO()
    frames = np.clip(np.nan_to_num(np.atleast_2d(samples)), -1, 1).T
    soundfile.write(buffer, frames, rate, format=format, subtype="PCM_16")
    return buffer.getvalue()
