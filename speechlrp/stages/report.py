"""report: one self-contained page about a run, and its figures and tables as files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import h5py
import numpy as np

from speechlrp.artifacts.atomic import write_bytes, write_csv, write_text
from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.record import FILE, fingerprint
from speechlrp.audio import read
from speechlrp.config.schema import Config
from speechlrp.errors import SpeechLRPError
from speechlrp.report.heatmap import heatmap
from speechlrp.report.page import Audio, Example, Figure, Page, Section, Table, encode_audio, render
from speechlrp.report.style import figure_png
from speechlrp.stages import report_sections as sections
from speechlrp.stages.explain import panels, pick
from speechlrp.stages.features import FEATURES, read_examples
from speechlrp.stages.run_files import RunFiles, other_run, run_files
from speechlrp.stages.stage import Context, Stage
from speechlrp.stages.weights import explanation


def work(context: Context) -> None:
    """Write `index.html`, `figures/*.png` and `tables/*.csv`."""
    config = context.config
    files = run_files(config)
    parts = [sections.recordings(files)]
    if files.of("train"):
        parts.append(sections.training(files))
    if files.of("explain"):
        parts.append(sections.explanations(files, _examples(context, files)))
    if len(files.curves):
        parts += [sections.flipping(files), sections.measured_from(files)]
        parts.append(sections.augmentation(files))
    others = [_other(config, name) for name in config.compare]
    if others:
        parts.append(sections.references(files, others))
    parts = [part for part in parts if part.blocks]
    _write_parts(context.folder, parts)
    write_text(context.folder / "index.html", render(_page(config, files, parts)))
    context.note("sections", [part.title for part in parts])


def _other(config: Config, name: str) -> RunFiles:
    other = other_run(config, name)
    if not len(other.curves):
        raise SpeechLRPError(f"{other.run} has no flipping curves to compare with; run it first")
    return other


def _page(config: Config, files: RunFiles, parts: list[Section]) -> Page:
    records = files.records
    facts = {"features": f"{files.reference} reference", "seed": config.seed}
    for where in files.of("evaluate"):
        summary = records[where].notes["summary"]
        facts[f"accuracy, {where.split('/')[1]}"] = f"{summary['accuracy']:.2%}"
    details = {
        where: json.dumps(
            {"command": r.command, "commit": r.commit, "seconds": r.seconds, "config": r.config},
            indent=2,
        )
        for where, r in records.items()
    }
    details["versions"] = json.dumps(next(iter(records.values())).versions, indent=2)
    subtitle = f"{config.task.name} from {config.dataset['name']}, {config.model['name']}"
    return Page(config.run, subtitle, facts, parts, details)


def _examples(context: Context, files: RunFiles) -> list[Example]:
    """The explained recordings to listen to, beside their heat maps."""
    config = context.config
    where = explanation(config)
    if where not in files.records:
        return []
    examples = read_examples(run_files(config).data / FEATURES, context.command("preprocess"))
    relevance = files.path(where, "relevance.h5")
    with h5py.File(relevance) as file:
        table, predicted = read_table(file), file["output"][:].argmax(1)
    shown = []
    rows = pick(table, predicted, config.explainer["examples"])
    for row, panel in zip(rows, panels(relevance, examples, rows), strict=True):
        axes = examples.axes["frequency"], examples.axes["time"]
        labels = {"relevance_units": "logit", "units": examples.units}
        figure = figure_png(heatmap(panel, *axes, **labels))
        facts = {
            "speaker": table.speaker[row],
            "true": examples.classes[table.label[row]],
            "classified": examples.classes[predicted[row]],
        }
        text = f"Relevance over the spectrogram of {table.source[row]}."
        audio = Audio(_sound(Path(table.path[row]), table.start_s[row], table.duration_s[row]))
        shown.append(Example(table.source[row], Figure(figure, text, text), audio, facts))
    return shown


def _sound(path: Path, start: float, duration: float) -> bytes:
    wave, rate = read(path)
    first = round(start * rate)
    samples = wave[:, first : first + round(duration * rate)].numpy()
    return encode_audio(samples.astype(np.float32), rate, format="FLAC")


def _write_parts(folder: Path, parts: list[Section]) -> None:
    for part in parts:
        for i, block in enumerate(part.blocks, 1):
            if isinstance(block, Figure):
                name = _file_name(part.title, i, block)
                write_bytes(folder / "figures" / f"{name}.png", block.image)
            elif isinstance(block, Table):
                frame = block.frame.reset_index() if block.index else block.frame
                write_csv(folder / "tables" / f"{_file_name(part.title, i, block)}.csv", frame)


def _file_name(section: str, number: int, block: Figure | Table) -> str:
    """Such as ``flipping-02-table-6.1-baseline-zero``."""
    head = re.split(r": |\. |,|;", block.caption)[0]
    words = " ".join([section, f"{number:02d}", head, *block.tags[1:]])
    return re.sub(r"[^a-z0-9.]+", "-", words.lower()).strip("-.")[:100]


def _everything(config: Config) -> dict[str, dict]:
    files = run_files(config)
    found = {where: fingerprint(files.path(where, FILE)) for where in files.records}
    for name in config.compare:
        other = other_run(config, name)
        found |= {f"{name}/{w}": fingerprint(other.path(w, FILE)) for w in other.of("flip")}
    return found


STAGE = Stage(
    name="report",
    folder=lambda config: "report",
    keys=("compare",),
    inputs=lambda config: {"features": FEATURES},
    work=work,
    sources=_everything,
)
