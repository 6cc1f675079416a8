"""The card of an exported network: what it is, what was measured, how it is asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from speechlrp.pipeline.contents import RunFiles
from speechlrp.pipeline.places import weights_name
from speechlrp.pipeline.record import Record, read_record

if TYPE_CHECKING:
    from speechlrp.answers.run import Run

NUMBERS = {
    "accuracy": ("accuracy", "wilson_low", "wilson_high", "n", "examples"),
    "letter errors": ("letter_error_rate", "letter_low", "letter_high", "utterances", "utterances"),
    "word errors": ("word_error_rate", "word_low", "word_high", "utterances", "utterances"),
}
"""What an evaluation may hold: the keys of the number, its interval and its count; of what."""

_USE = """## Use

With `pip install speechlrp`, where FOLDER is this one:

```python
import speechlrp

run = speechlrp.load("FOLDER")
answer = run.explain("my.wav")
print(answer.label, answer.probability)
answer.save("my.html")
```

On the command line: `speechlrp explain my.wav --run FOLDER`."""


def card(run: Run) -> str:
    """The text of `README.md`, as a hub shows it: YAML in front, then Markdown."""
    files = run.files
    weights = weights_name(run.config)
    parts = [_front(run), f"# {run.name}", _what(run), *_measured(files, weights), _USE]
    parts += _made(files)
    return "\n\n".join(part for part in parts if part) + "\n"


def _front(run: Run) -> str:
    kind = "automatic-speech-recognition" if run.recogniser else "audio-classification"
    tags = ["speech", "explainability", "layer-wise-relevance-propagation"]
    lines = ["---", "library_name: speechlrp", f"pipeline_tag: {kind}", "tags:"]
    return "\n".join([*lines, *(f"- {tag}" for tag in tags), "---"])


def _what(run: Run) -> str:
    config = run.config
    classes = f"{len(run.classes)} symbols" if run.recogniser else ", ".join(run.classes)
    settings = {k: v for k, v in config.features.items() if k != "name" and v is not None}
    features = ", ".join(f"{key} {value}" for key, value in settings.items())
    return (
        f"`{config.model['name']}`, trained by speechlrp "
        f"for task={config.task.name} on {config.dataset['name']}. It tells apart: {classes}.\n\n"
        f"Its input is `{config.features['name']}`: {features}."
    )


def _measured(files: RunFiles, weights: str) -> Iterator[str]:
    """What the records of the run's evaluations say, and the first paragraph of its report."""
    rows = []
    for where in (w for w in files.of("evaluate") if files.facts(w)["weights"] == weights):
        summary = files.records[where].notes["summary"]
        for name, (value, low, high, count, of) in NUMBERS.items():
            if value in summary:
                rows.append(
                    f"| {files.facts(where)['subset']} | {name} | {summary[value]:.2%} | "
                    f"{summary[low]:.2%} to {summary[high]:.2%} | {summary[count]:,} {of} |"
                )
    yield "## Measured"
    if rows:
        head = ["| split | | | 95 % | of |", "|---|---|---|---|---|"]
        yield "\n".join([*head, *rows])
    else:
        yield "How well it works is not known: `speechlrp evaluate` was not run before the export."
    report = read_record(files.run / "report")
    yield report.notes.get("found", "") if report else ""


def _made(files: RunFiles) -> Iterator[str]:
    """How it was trained: the examples, the settings, the command and the versions."""
    records = files.records
    if "preprocess" in records and "train" in records:
        yield "## Training"
        examples = records["preprocess"].notes["examples"]
        yield "\n".join(f"- {subset}: {_count(of)}" for subset, of in examples.items())
        yield _record(records["train"])


def _count(of: dict) -> str:
    return ", ".join(f"{number:,} {name}" for name, number in of.items())


def _record(record: Record) -> str:
    settings = "\n".join(f"{key}: {json.dumps(value)}" for key, value in record.config.items())
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return (
        f"Seed {record.seed}, {record.seconds:.0f} s; {versions}; commit "
        f"{record.commit or 'unknown'}.\n\n<details><summary>Settings</summary>\n\n"
        f"```\n{settings}\n```\n\n</details>"
    )
