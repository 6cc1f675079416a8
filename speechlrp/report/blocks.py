"""What a page is made of: text, figures, tables, warnings.

Figures are embedded; all text is escaped, so a file name cannot become markup.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import Any, ClassVar

import pandas as pd
from markupsafe import Markup
from PIL import Image

from speechlrp.report.accuracy_tables import to_html
from speechlrp.report.style import DPI

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
    """A figure."""

    image: bytes  # PNG, from ``style.figure_png``
    caption: str  # what it shows
    alt: str  # the same for those who cannot see it: what is drawn and what follows
    tags: Sequence[str] = ()
    """Under which conditions, such as ``("reference max", "baseline zero")``."""
    file: str = ""  # where it lies at full quality, from the page; "" where it does not
    kind: ClassVar[str] = "figure"

    @property
    def inches(self) -> float:
        """Width as drawn; on a narrow screen the page scrolls rather than shrink it much."""
        return round(int.from_bytes(self.image[16:20], "big") / DPI, 1)

    @property
    def source(self) -> str:
        """The image as a ``data:`` URI, in fewer colours."""
        data = base64.b64encode(fewer_colours(self.image)).decode("ascii")
        return f"data:image/png;base64,{data}"


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
class Folded:
    """Blocks that are folded up until they are asked for."""

    title: str
    blocks: Sequence[Any]
    kind: ClassVar[str] = "folded"


@lru_cache(maxsize=128)  # a page is rendered twice, and its template asks more than once
def fewer_colours(image: bytes) -> bytes:
    """A PNG with a palette of `COLOURS`."""
    buffer = BytesIO()
    with Image.open(BytesIO(image)) as full:
        palette = full.convert("RGB").quantize(
            COLOURS, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE
        )
    palette.save(buffer, "PNG", optimize=True)
    return min(buffer.getvalue(), image, key=len)
