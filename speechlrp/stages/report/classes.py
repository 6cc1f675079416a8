"""report: one self-contained page about a run, and its figures and tables as files."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.audio import read
from speechlrp.config.schema import Config
from speechlrp.data.conditions import described
from speechlrp.data.dataset import Windows, dataset
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.places import FEATURES, explanation_facts, place
from speechlrp.pipeline.run import RunFiles, other_run, run_files
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.blocks import Audio, Example, Figure, encode_audio
from speechlrp.report.heatmap import heatmap
from speechlrp.report.style import figure_png
from speechlrp.stages.explain.classes import panels, pick
from speechlrp.stages.report import class_sections as sections
from speechlrp.stages.report import flips
from speechlrp.stages.report.comparisons import comparisons
from speechlrp.stages.report.writing import beside, everything, write_page


def work(context: Context) -> None:
    """Write `index.html`, `figures/*.png` and `tables/*.csv`."""
    config = context.config
    files = run_files(config)
    work = beside(config, files)
    examples = dataset(context)
    chance = 1 / len(examples.classes)
    parts = [sections.recordings(files)]
    if files.of("train"):
        parts.append(sections.training(files, work))
    if files.of("explain"):
        parts.append(sections.explanations(files, _examples(config, files, examples), work))
    if len(files.curves):
        parts += [flips.flipping(files, work, chance), flips.measured_from(files, chance)]
        parts.append(flips.augmentation(files, work, chance))
    if files.of("compare"):
        parts.append(comparisons(files, work))
    others = [_other(config, name) for name in config.beside]
    if others:
        parts.append(flips.references(files, others, chance))
    write_page(context, files, parts, _facts(config, files))


def _other(config: Config, name: str) -> RunFiles:
    other = other_run(config, name)
    if not len(other.curves):
        raise SpeechLRPError(f"{other.run} has no flipping curves to compare with; run it first")
    return other


def _facts(config: Config, files: RunFiles) -> dict[str, object]:
    name = files.records["preprocess"].config["features.name"]
    how = f"{name}, {files.reference} reference" if files.reference else name
    facts = {"features": how, "seed": config.seed}
    for where in files.of("evaluate"):
        summary = files.records[where].notes["summary"]
        facts[f"accuracy, {files.name(where)}"] = f"{summary['accuracy']:.2%}"
    return facts


def _examples(config: Config, files: RunFiles, examples: Windows) -> list[Example]:
    """The explained recordings to listen to, beside their heat maps."""
    where = place("explain", explanation_facts(config))
    if where not in files.records:
        return []
    relevance = files.path(where, "relevance.h5")
    with h5py.File(relevance) as file:
        table, predicted = read_table(file), file["output"][:].argmax(1)
        units = file["relevance"].attrs["units"]
    shown = []
    rows = pick(table, predicted, config.explainer["examples"])
    for row, panel in zip(rows, panels(relevance, examples, rows), strict=True):
        axes = examples.frequency, examples.time
        labels = {"relevance_units": units, "units": examples.units}
        figure = figure_png(heatmap(panel, *axes, **labels))
        facts = {
            "speaker": table.speaker[row],
            "true": examples.classes[table.label[row]],
            "classified": examples.classes[predicted[row]],
        }
        if table.loc[row].get("condition", ""):
            facts["mixed in"] = f"{described(table.loc[row])}, not in the sound below"
        text = f"Relevance over the spectrogram of {table.source[row]}."
        audio = Audio(_sound(Path(table.path[row]), table.start_s[row], table.duration_s[row]))
        shown.append(Example(table.source[row], Figure(figure, text, text), audio, facts))
    return shown


def _sound(path: Path, start: float, duration: float) -> bytes:
    wave, rate = read(path)
    first = round(start * rate)
    samples = wave[:, first : first + round(duration * rate)].numpy()
    return encode_audio(samples.astype(np.float32), rate, format="FLAC")


STAGE = Stage(
    name="report",
    keys=("beside", "paper"),
    inputs=lambda config: {"features": FEATURES},
    work=work,
    sources=everything,
)
