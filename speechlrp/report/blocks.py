"""What a page is made of: text, figures, tables, recordings, warnings.

Figures and audio are embedded; all text is escaped, so a file name cannot become markup.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import ClassVar

import numpy as np
import pandas as pd
import soundfile
from markupsafe import Markup
from PIL import Image

from speechlrp.errors import SpeechLRPError
from speechlrp.report.style import DPI, WIDTH
from speechlrp.report.tables import to_html

MIMES = {
    b"\x89PNG": "image/png", b"<?xm": "image/svg+xml", b"<svg": "image/svg+xml",
    b"RIFF": "audio/wav", b"fLaC": "audio/flac", b"OggS": "audio/ogg",
}  # fmt: skip
MOST_ROWS = 60
"""Of a table on the page; what is more is said."""

FOLDED_ROWS = 12
"""A longer table is folded up until it is asked for."""

COLOURS = 256
"""Of a figure on the page: a quarter of the bytes, and no difference that can be seen."""


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
class Heading:
    """A heading below the section's, such as one explanation's; it stands in the contents."""

    title: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Banner:
    """What must be known before what follows it: ``warning``, or merely a ``note``."""

    text: str
    weight: str = "warning"
    kind: ClassVar[str] = "banner"


@dataclass(frozen=True)
class Figure:
    """A figure.

    Attributes:
        image: PNG or SVG, from ``style.figure_png`` or ``style.figure_svg``.
        caption: what it shows.
        alt: the same for those who cannot see it: what is drawn and what follows.
        tags: under which conditions, such as ``("reference max", "baseline zero")``.
        file: where it lies at full quality, from the page; "" where it does not.
    """

    image: bytes
    caption: str
    alt: str
    tags: Sequence[str] = ()
    file: str = ""
    kind: ClassVar[str] = "figure"

    @property
    def inches(self) -> float:
        """Width as drawn; on a narrow screen the page scrolls rather than shrink it much."""
        png = self.image[:4] == b"\x89PNG"
        return round(int.from_bytes(self.image[16:20], "big") / DPI, 1) if png else WIDTH

    @property
    def source(self) -> str:
        """The image as a ``data:`` URI, in fewer colours."""
        return data_uri(fewer_colours(self.image))


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
    def folded(self) -> bool:
        """Whether it is too long to stand open."""
        return len(self.frame) > FOLDED_ROWS

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


@lru_cache(maxsize=128)  # a page is rendered twice, and its template asks more than once
def fewer_colours(image: bytes) -> bytes:
    """A PNG with a palette of `COLOURS`; anything else as it is."""
    if image[:4] != b"\x89PNG":
        return image
    buffer = BytesIO()
    with Image.open(BytesIO(image)) as full:
        palette = full.convert("RGB").quantize(
            COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
        )
    palette.save(buffer, "PNG", optimize=True)
    return min(buffer.getvalue(), image, key=len)


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
