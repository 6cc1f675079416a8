"""report: one self-contained page about a run, and its figures and tables as files."""

from speechlrp.config.schema import Config
from speechlrp.data.dataset import dataset
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.contents import RunFiles, other_run, run_files
from speechlrp.pipeline.places import FEATURES, UTTERANCES, Artifact, explanation
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.page import Block, Section
from speechlrp.stages.report import class_sections, flips, letter_sections
from speechlrp.stages.report.comparisons import comparisons
from speechlrp.stages.report.exploring import explained, explorer_of
from speechlrp.stages.report.letter_exploring import letters_explorer
from speechlrp.stages.report.page_files import beside, everything, write_page
from speechlrp.stages.report.summary import what_was_found

CLASSES_EXPLORED = (
    "Choose a recording and an explainer, point at the picture for the numbers, drag a region to "
    "hear it alone. Red speaks for the class explained, blue against it."
)
LETTERS_EXPLORED = (
    "Windows that the network takes for a letter, which stands at time 0. Point at the picture for "
    "the numbers, drag a region to hear it alone. Red speaks for the letter, blue against it."
)


CHOICES = ("weights", "checkpoint", "subset", "paper", "explored")
"""What every page depends on."""


def of_classes(context: Context) -> None:
    """Write `index.html`, `figures/*.png` and `tables/*.csv`."""
    config = context.config
    files = run_files(config)
    work = beside(config, files)
    examples = dataset(context)
    chance = 1 / len(examples.classes)
    parts = [what_was_found(files, examples.classes)]
    explorer = explorer_of(config, files, examples)
    if not explorer:
        _say_unexplored(context, files)
    else:
        blocks: list[Block] = [*class_sections.cautions(files, explained(config, files)), explorer]
        parts.append(Section("Explorer", CLASSES_EXPLORED, blocks))
    parts.append(class_sections.recordings(files))
    if files.of("train"):
        parts.append(class_sections.training(files, work))
    if files.of("explain"):
        parts += [class_sections.explanations(files, work), *class_sections.sounds(files)]
    if len(files.curves):
        parts += [flips.flipping(files, work, chance), flips.measured_from(files, chance)]
        parts.append(flips.augmentation(files, work, chance))
    if files.of("compare"):
        parts.append(comparisons(config, files, examples, work))
    others = [_other(config, name) for name in config.beside]
    if others:
        parts.append(flips.references(files, others, chance))
    name = files.records["preprocess"].config["features.name"]
    how = f"{name}, {files.reference} reference" if files.reference else name
    write_page(context, files, parts, _facts(config, files, how, "accuracy", "accuracy"))


def of_letters(context: Context) -> None:
    """Write `index.html`, `figures/*.png` and `tables/*.csv` of a recogniser."""
    config = context.config
    files = run_files(config)
    krug = beside(config, files) == "krug"
    explorer = letters_explorer(config, files, dataset(context))
    if not explorer:
        _say_unexplored(context, files)
    parts = [
        letter_sections.found(files),
        Section("Explorer", LETTERS_EXPLORED, [explorer] if explorer else []),
        letter_sections.utterances(files),
        letter_sections.training(files),
        letter_sections.explanations(files, krug),
        letter_sections.patterns(files, krug),
        letter_sections.truth(files),
        letter_sections.maximised(files, krug),
        *class_sections.sounds(files),
    ]
    facts = _facts(config, files, "log_mel", "letter errors", "letter_error_rate")
    write_page(context, files, parts, facts)


def _say_unexplored(context: Context, files: RunFiles) -> None:
    """Say why there is no explorer where something is explained."""
    if files.of("explain"):
        asked = f"weights={context.config.weights} on subset={context.config.subset}"
        context.say(f"nothing is explained of {asked}: the page has no explorer")


def _other(config: Config, name: str) -> RunFiles:
    other = other_run(config, name)
    if not len(other.curves):
        raise SpeechLRPError(f"{other.run} has no flipping curves to compare with; run it first")
    return other


def _facts(config: Config, files: RunFiles, features: str, words: str, key: str) -> dict:
    """What stands at the head of the page: `key` of each evaluation's summary, in words."""
    facts = {"features": features, "seed": config.seed}
    for where in files.of("evaluate"):
        told = {name: text for name, text in files.facts(where).items() if text}
        named = f"{words} on {told.pop('subset')}"
        others = [text for text in told.values() if text != "train"]
        facts[", ".join([named, *others])] = f"{files.summary(where)[key]:.2%}"
    return facts


def explained_first(config: Config) -> dict[str, Artifact]:
    """The configured explanation, which the page begins with."""
    return {"relevance": explanation(config, "relevance.h5")}


CLASSES = Stage(
    name="report",
    keys=(*CHOICES, "beside", "explainer.name", "explainer.view"),
    inputs=lambda config: {"features": FEATURES},
    work=of_classes,
    shows=explained_first,
    sources=everything,
)
LETTERS = Stage(
    name="report",
    keys=CHOICES,
    inputs=lambda config: {"features": UTTERANCES},
    work=of_letters,
    shows=explained_first,
    sources=everything,
)
