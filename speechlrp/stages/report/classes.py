"""report: one self-contained page about a run, and its figures and tables as files."""

from __future__ import annotations

from speechlrp.config.schema import Config
from speechlrp.data.dataset import dataset
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.contents import RunFiles, other_run, run_files
from speechlrp.pipeline.places import FEATURES
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.page import Section
from speechlrp.stages.report import class_sections as sections
from speechlrp.stages.report import flips
from speechlrp.stages.report.class_sections import cautions
from speechlrp.stages.report.comparisons import comparisons
from speechlrp.stages.report.exploring import explained, explorer_of
from speechlrp.stages.report.page_files import beside, everything, write_page
from speechlrp.stages.report.summary import what_was_found

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
        parts.append(
            Section("Explorer", EXPLORER, [*cautions(files, explained(config, files)), explorer])
        )
    parts.append(sections.recordings(files))
    if files.of("train"):
        parts.append(sections.training(files, work))
    if files.of("explain"):
        parts += [sections.explanations(files, work), *sections.sounds(files)]
    if len(files.curves):
        parts += [flips.flipping(files, work, chance), flips.measured_from(files, chance)]
        parts.append(flips.augmentation(files, work, chance))
    if files.of("compare"):
        parts.append(comparisons(config, files, examples, work))
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


STAGE = Stage(
    name="report",
    keys=("beside", "paper", "explored", "explainer.name", "explainer.view"),
    inputs=lambda config: {"features": FEATURES},
    work=work,
    sources=everything,
)
