"""Labels by name, as lists and tables have them."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from speechlrp.corpora.recording import Recording, gender

log = logging.getLogger(__name__)


def labelled(recording: Recording, labels: Mapping[str, str], where: str) -> Recording:
    """Put labels where they belong: a gender, a digit, a speaker, or something else.

    Args:
        recording: without them.
        labels: name -> text; an empty text is no label.
        where: they are from, for the error.

    Raises:
        SpeechLRPError: a gender that is none.
    """
    known = {name: text for name, text in labels.items() if text}
    fields: dict[str, Any] = {
        name: known.pop(name) for name in ("digit", "speaker") if name in known
    }
    sex = gender(known.pop("gender", ""), where) or recording.gender
    return replace(recording, gender=sex, extra={**recording.extra, **known}, **fields)


def say_unknown(count: int, where: Path) -> None:
    """Say of how many recordings nobody knows who speaks."""
    if count:
        log.warning(
            "%s: who speaks is not known of %d recordings, so each counts as a speaker of its own, "
            "and a speaker may be learnt and tested; name them with dataset.speaker",
            where,
            count,
        )
