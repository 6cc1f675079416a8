"""`speechlrp download`, `synth` and `demo`: recordings to work on."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click

from speechlrp.cli.bridge import launch
from speechlrp.config.names import key_of, value_of
from speechlrp.pipeline.lock import taken


def download_corpus(
    corpus: str, subsets: tuple[str, ...], data: str | None, base_url: str | None
) -> None:
    """Fetch a corpus below `data` (default: SPEECHLRP_DATA, or data/) and say what came."""
    from speechlrp.corpora.fetch import fetch

    root = Path(data or os.environ.get("SPEECHLRP_DATA", "data"))
    click.echo(str(fetch(corpus, root, subsets=subsets, base_url=base_url)))


def synthesise_corpus(layout: str, out: str, *, manifest: str | None = None, **settings) -> None:
    """Synthesise a corpus into `out`, or plant a cue into recordings, and say what it holds."""
    from speechlrp.corpora.synthetic import synthesise
    from speechlrp.corpora.synthetic.hiding import KINDS, TONES
    from speechlrp.corpora.synthetic.planted import plant

    workers = settings.pop("workers") or len(os.sched_getaffinity(0))
    if manifest and layout not in KINDS:
        raise click.UsageError(f"--from is for {', '.join(TONES)}, not for {layout}")
    if layout in KINDS and settings.pop("swap_f0", False):
        raise click.UsageError(f"--swap-f0 is for voices; {layout} has a cue of its own")
    make = plant if layout in KINDS else synthesise
    settings |= {"manifest": Path(manifest)} if manifest else {}
    with taken(Path(out)), _bar() as show:
        made = make(Path(out), layout, workers=workers, progress=show, **settings)
    click.echo(f"{made.root}: {made.utterances} recordings of {made.speakers} speakers")


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("synthesise", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


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

    Recordings lie where ``paths.data`` says, or else in ``demo/`` below ``SPEECHLRP_DATA``
    (default: ``data``).

    `words` are one of `DEMOS`, if any, and settings ``KEY=VALUE``; `values` are those of
    ``speechlrp run``.

    Raises:
        click.UsageError: there is no such demonstration.
    """
    kinds = [word for word in words if "=" not in word and not word.startswith("~")] or ["gender"]
    for kind in kinds:
        if kind not in DEMOS:
            there = ", ".join(DEMOS)
            raise click.UsageError(f"there is no demonstration {kind!r}; there are: {there}")
    if len(kinds) > 1:
        raise click.UsageError(f"one demonstration at a time, not {' and '.join(kinds)}")
    demo, settings = DEMOS[kinds[0]], [word for word in words if word != kinds[0]]
    asked = [value_of(o) for o in settings if key_of(o) == "paths.data"]
    data = Path(asked[-1] if asked else Path(os.environ.get("SPEECHLRP_DATA", "data"), "demo"))
    corpus = partial(
        synthesise_corpus,
        demo.layout,
        str(data / demo.folder),
        speakers=demo.speakers,
        per_speaker=demo.per_speaker,
        seed=1,
        workers=None,
        force=False,
    )
    overrides = (f"experiment={demo.experiment}", f"paths.data={data}", *settings)
    launch("run", overrides, values, corpus)
