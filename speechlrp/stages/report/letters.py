"""report, task=letters: one self-contained page about a recogniser and what it listens to."""

from __future__ import annotations

from speechlrp.config.schema import Config
from speechlrp.data.dataset import dataset
from speechlrp.pipeline.contents import RunFiles, run_files
from speechlrp.pipeline.places import UTTERANCES
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.page import Section
from speechlrp.stages.report import letter_sections as sections
from speechlrp.stages.report.class_sections import sounds
from speechlrp.stages.report.letter_exploring import letters_explorer
from speechlrp.stages.report.page_files import beside, everything, write_page

EXPLORER = (
    "Windows that the network takes for a letter, which stands at time 0. Point at the picture for "
    "the numbers, drag a region to hear it alone. Red speaks for the letter, blue against it."
)


def work(context: Context) -> None:
    """Write `index.html`, `figures/*.png` and `tables/*.csv`."""
    files = run_files(context.config)
    krug = beside(context.config, files) == "krug"
    explorer = letters_explorer(context.config, files, dataset(context))
    parts = [
        sections.found(files),
        Section("Explorer", EXPLORER, [explorer] if explorer else []),
        sections.utterances(files),
        sections.training(files),
        sections.explanations(files, krug),
        sections.patterns(files, krug),
        sections.truth(files),
        sections.maximised(files, krug),
        *sounds(files),
    ]
    write_page(context, files, parts, _facts(context.config, files))


def _facts(config: Config, files: RunFiles) -> dict[str, object]:
    facts: dict[str, object] = {"features": "log_mel", "seed": config.seed}
    for where in files.of("evaluate"):
        rate = files.records[where].notes["summary"]["letter_error_rate"]
        facts[f"letter errors, {files.name(where)}"] = f"{rate:.2%}"
    return facts


STAGE = Stage(
    name="report",
    keys=("paper", "explored"),
    inputs=lambda config: {"features": UTTERANCES},
    work=work,
    sources=everything,
)
