"""report: one self-contained page about a run, and its figures and tables as files."""

from __future__ import annotations

import h5py

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.config.schema import Config
from speechlrp.data.conditions import described
from speechlrp.data.dataset import Windows, dataset
from speechlrp.data.seen import section_of, seen
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.places import FEATURES, explanation_facts, place
from speechlrp.pipeline.run import RunFiles, other_run, run_files
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.blocks import Audio, Example, Figure, encode_audio
from speechlrp.report.heatmap import heatmap
from speechlrp.report.page import Section
from speechlrp.report.style import figure_png
from speechlrp.stages.explain.classes import panels, pick
from speechlrp.stages.report import class_sections as sections
from speechlrp.stages.report import flips
from speechlrp.stages.report.class_sections import cautions
from speechlrp.stages.report.comparisons import comparisons
from speechlrp.stages.report.exploring import explorer_of, sound_of
from speechlrp.stages.report.summary import what_was_found
from speechlrp.stages.report.writing import beside, everything, write_page

EXPLORER = (
    "Choose a recording and an explainer, point at the picture for the numbers, drag a region to "
    "hear it alone. Red speaks for the class explained, blue against it."
)


def work(context: Context) -> None:
    """Write `index.html`, `figures/*.png` and `tables/*.csv`."""
    config = context.config
    files = run_files(config)
    work = beside(config, files)
    examples = dataset(context)
    chance = 1 / len(examples.classes)
    parts = [what_was_found(files, examples.classes)]
    explorer = explorer_of(config, files, examples)
    if explorer:
        parts.append(Section("Explorer", EXPLORER, [*cautions(files), explorer]))
    parts.append(sections.recordings(files))
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
        table, probability = read_table(file), file["probability"][:]
        units, predicted = file["relevance"].attrs["units"], probability.argmax(1)
        examples = seen(examples, section_of(file))
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
            "probability": f"{probability[row].max():.1%}",
        }
        if predicted[row] != table.label[row]:
            facts["of the true class"] = f"{probability[row][table.label[row]]:.1%}"
        if table.loc[row].get("condition", ""):
            facts["mixed in"] = f"{described(table.loc[row])}, not in the sound below"
        text = f"Relevance over the spectrogram of {table.source[row]}."
        samples, rate = sound_of(table.loc[row], examples)
        audio = Audio(encode_audio(samples, rate, format="FLAC"))
        shown.append(Example(table.source[row], Figure(figure, text, text), audio, facts))
    return shown


STAGE = Stage(
    name="report",
    keys=("beside", "paper", "explored", "explainer.name", "explainer.view"),
    inputs=lambda config: {"features": FEATURES},
    work=work,
    sources=everything,
)
