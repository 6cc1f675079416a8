"""A trained network as a folder that stands alone, with what `speechlrp.load` needs of its run.

`model.safetensors` and `model.json` are the weights and what they are; `features.h5` (of a
recogniser `utterances.h5`) holds the classes, axes and settings of the features, and no
recording; `run.json` the settings, beside the user's own in `conf/`; `README.md` is the card.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
from pandas.api.types import is_numeric_dtype

from speechlrp.artifacts.atomic import write_json, write_text
from speechlrp.artifacts.hdf5 import created, label_axes, read_table, write_table
from speechlrp.config.composing import CONFIG_DIR
from speechlrp.config.names import key_of, value_of
from speechlrp.errors import SpeechLRPError
from speechlrp.models import model_title
from speechlrp.pipeline.contents import RunFiles
from speechlrp.pipeline.identity import FILE, read_run
from speechlrp.pipeline.identity import Run as Remembered
from speechlrp.pipeline.inputs import Watch
from speechlrp.pipeline.lock import taken
from speechlrp.pipeline.places import weights_name
from speechlrp.pipeline.record import Record, read_record

if TYPE_CHECKING:
    from speechlrp.answers.run import Run

WEIGHTS, META = "model.safetensors", "model.json"
CONF = "conf"
KEPT = ("frequency", "time", "train_mean", "features")
"""Of a file of features; of the last no more than its shape."""


def export(run: Run, folder: str | Path) -> Path:
    """Write a run's network, settings and model card into a folder of their own.

    Args:
        run: as `load` gives it.
        folder: that is not there, or empty.

    Raises:
        SpeechLRPError: the folder has something in it.
    """
    target = Path(folder).expanduser()
    with taken(target):
        _export(run, target)
    return target


def _export(run: Run, target: Path) -> None:
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise SpeechLRPError(f"{target} has something in it; name a folder that is not there yet")
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    watch = Watch(run.inputs)
    try:
        _fill(run, partial)
        watch.check("export")
        if target.exists():
            target.rmdir()
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fill(run: Run, folder: Path) -> None:
    inputs = run.inputs
    shutil.copyfile(inputs["weights"], folder / WEIGHTS)
    shutil.copyfile(inputs["meta"], folder / META)
    without_recordings(inputs["features"], folder / inputs["features"].name)
    remembered = read_run(run.folder) or Remembered(run.name)
    folders = [o.removeprefix(CONFIG_DIR) for o in remembered.overrides if o.startswith(CONFIG_DIR)]
    for path in (p for name in folders[-1:] for p in Path(name).rglob("*.yaml")):
        copy = folder / CONF / path.relative_to(folders[-1])
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    kept = (o for o in remembered.overrides if not o.startswith((CONFIG_DIR, "paths.")))
    overrides = [_without_places(o) for o in kept]
    alone = replace(remembered, name=run.name, data_run=run.name, overrides=overrides)
    write_json(folder / FILE, vars(alone))
    write_text(folder / "README.md", card(run))


def _without_places(override: str) -> str:
    """An override that tells nothing of the folders where it was given."""
    value = value_of(override)
    return f"{key_of(override)}={Path(value).name}" if Path(value).is_absolute() else override


def without_recordings(source: Path, target: Path) -> None:
    """Copy what a file of features says of them; a row of zeros stands for its recordings."""
    with h5py.File(source) as old, created(target) as new:
        new.attrs.update(old.attrs)
        for name in (n for n in KEPT if n in old):
            new[name] = np.zeros_like(old[name][:1]) if name == "features" else old[name][:]
            axes, units = json.loads(old[name].attrs["axes"]), old[name].attrs.get("units", "")
            label_axes(new[name], tuple(axes), str(units))
        if "offsets" in old:
            new["offsets"] = np.array([0, 1])
        row = read_table(old).iloc[:1]
        blank = {name: 0 if is_numeric_dtype(column) else "" for name, column in row.items()}
        write_table(new, row.assign(**blank))


NUMBERS = {
    "accuracy": ("accuracy", "wilson_low", "wilson_high", "n", "examples"),
    "letter errors": ("letter_error_rate", "letter_low", "letter_high", "utterances", "utterances"),
    "word errors": ("word_error_rate", "word_low", "word_high", "utterances", "utterances"),
}
"""What an evaluation may hold: the keys of the number, its interval and its count; of what."""

_FRONT = """---
library_name: speechlrp
pipeline_tag: {}
tags:
- speech
- explainability
- layer-wise-relevance-propagation
---"""
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
    kind = "automatic-speech-recognition" if run.recogniser else "audio-classification"
    parts = [_FRONT.format(kind), f"# {run.name}", _what(run), *_measured(files, weights), _USE]
    parts += _made(files)
    return "\n\n".join(part for part in parts if part) + "\n"


def _what(run: Run) -> str:
    config = run.config
    classes = f"{len(run.classes)} symbols" if run.recogniser else ", ".join(run.classes)
    settings = {k: v for k, v in config.features.items() if k != "name" and v is not None}
    features = ", ".join(f"{key} {value}" for key, value in settings.items())
    return (
        f"`{model_title(config.model)}`, trained by speechlrp "
        f"for task={config.task.name} on recordings in the layout of "
        f"dataset={config.dataset['name']}. It tells apart: {classes}.\n\n"
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
        examples = records["preprocess"].notes["examples"].items()
        counts = {s: ", ".join(f"{n:,} {name}" for name, n in of.items()) for s, of in examples}
        yield "\n".join(f"- {subset}: {count}" for subset, count in counts.items())
        yield _record(records["train"])


def _record(record: Record) -> str:
    settings = "\n".join(f"{key}: {json.dumps(value)}" for key, value in record.config.items())
    versions = ", ".join(f"{name} {version}" for name, version in record.versions.items())
    return (
        f"Seed {record.seed}, {record.seconds:.0f} s; {versions}; commit "
        f"{record.commit or 'unknown'}.\n\n<details><summary>Settings</summary>\n\n"
        f"```\n{settings}\n```\n\n</details>"
    )
