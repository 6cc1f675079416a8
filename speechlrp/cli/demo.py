"""`speechlrp demo`: a small synthetic corpus through the whole pipeline."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import click

from speechlrp.cli.bridge import launch
from speechlrp.cli.download import synthesise_corpus


class Demo(NamedTuple):
    """What a demonstration synthesises (layout, folder, how much), and its experiment."""

    layout: str
    folder: str
    speakers: int
    per_speaker: int
    experiment: str


DEMOS = {
    "gender": Demo("audiomnist", "audiomnist", 16, 40, "demo"),
    "letters": Demo("librispeech", "LibriSpeech", 2, 300, "demo_letters"),
    "speaker": Demo("voxceleb", "voxceleb", 12, 40, "demo_speaker"),
}


def show(words: tuple[str, ...], values: Mapping[str, Any]) -> None:
    """Synthesise the corpus of a demonstration, and take it through its stages.

    Recordings lie in ``demo/`` below ``SPEECHLRP_DATA`` (default: ``data``).

    Args:
        words: one of `DEMOS`, if any, and settings ``KEY=VALUE``.
        values: click's parameters of ``speechlrp run``.

    Raises:
        click.UsageError: there is no such demonstration.
    """
    kind = words[0] if words and "=" not in words[0] else "gender"
    if kind not in DEMOS:
        raise click.UsageError(f"there is no demonstration {kind!r}; there are: {', '.join(DEMOS)}")
    demo, settings = DEMOS[kind], [word for word in words if word != kind]
    data = Path(os.environ.get("SPEECHLRP_DATA", "data")) / "demo"
    if not values.get("cfg") and not values.get("info"):
        synthesise_corpus(
            demo.layout,
            str(data / demo.folder),
            speakers=demo.speakers,
            per_speaker=demo.per_speaker,
            seed=1,
            workers=None,
            force=False,
        )
    launch("run", (f"experiment={demo.experiment}", f"paths.data={data}", *settings), values)
