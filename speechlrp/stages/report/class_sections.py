"""The sections of the report, in the pipeline's order; each is empty where its stage is."""

from collections.abc import Sequence

import pandas as pd

from speechlrp.artifacts.layout import attribute
from speechlrp.artifacts.relevance import RELEVANCE, Maps
from speechlrp.measures.absorption import absorbed
from speechlrp.measures.segments import by_label
from speechlrp.measures.shares import concentration
from speechlrp.pipeline.contents import RunFiles
from speechlrp.pipeline.places import FOUND
from speechlrp.report import paper
from speechlrp.report.blocks import Banner, Figure, Folded, Heading, Table
from speechlrp.report.listen import listening
from speechlrp.report.page import Block, Section
from speechlrp.stages.preprocess.classes import MOST_CLASSES

ROWS = 64
"""Of a file that are read at once."""


def tags(files: RunFiles, *more: str) -> tuple[str, ...]:
    """What a figure or table was made under."""
    return (*([f"reference {files.reference}"] if files.reference else []), *more)


def recordings(files: RunFiles) -> Section:
    """How many recordings there were, and what was left out."""
    notes = files.records["preprocess"].notes
    examples = pd.DataFrame(notes["examples"]).T.fillna(0).astype(int)
    apart = notes.get("apart", "recording" if files.task == "speaker" else "speaker")
    caption = f"Examples of each class in each split (no {apart} is in two splits)."
    if examples.shape[1] > MOST_CLASSES:
        examples = examples.T.describe().T.round(1)
        caption = f"Examples of a class in each split (no {apart} is in two splits)."
    copies = [name for name in examples.index if "_" in name]
    note = f"{', '.join(copies)}: copies of test, something mixed into each." if copies else ""
    blocks = [Table(examples, caption, note)]
    if notes["rejected"]:
        reasons = pd.Series(notes["reasons"], name="recordings").to_frame()
        blocks.append(Table(reasons, "Recordings left out, by reason."))
    intro = f"{notes['recordings']} recordings, {notes['rejected']} of them left out."
    return Section("Recordings", intro, blocks)


def training(files: RunFiles, work: str | None) -> Section:
    """Loss and accuracy per epoch, and the evaluations; `work`: whose numbers stand beside."""
    blocks: list[Block] = []
    for where in [*files.of("train"), *files.of("retrain")]:
        caption = f"Loss and accuracy per epoch: {where}."
        blocks.append(Figure(files.image(where, "curves.png"), caption, caption, tags(files)))
    rows, evaluations = {}, files.of("evaluate")
    for where in evaluations:
        evaluation, name = files.summary(where), files.name(where)
        rows[name] = _evaluation(evaluation)
        if "per_recording" in evaluation:
            rows[f"{name}, by recording"] = _evaluation(evaluation["per_recording"])
    if rows:
        caption = "Accuracy in %, with 95 % intervals: over recordings (Wilson), and over speakers."
        note = "By recording: the mean of its segments' log-probabilities; the others: by segment."
        note *= any(name.endswith("by recording") for name in rows)
        blocks.append(Table(pd.DataFrame(rows).T, caption, note))
    for where in evaluations:
        if files.made(where, "per_condition.csv"):
            caption = f"Accuracy (0..1) under each condition: {files.name(where)}."
            note = "Intervals of 95 %, over recordings (Wilson)."
            table = files.table(where, "per_condition.csv").round(4)
            blocks.append(Table(table, caption, note, index=False))
    trials = [where for where in evaluations if "verification" in files.records[where].notes]
    if trials:
        caption = "Verification on lists of trials: equal error rate and minimum detection cost."
        named = {files.name(w): files.records[w].notes["verification"] for w in trials}
        blocks.append(Table(pd.DataFrame.from_dict(named, orient="index").round(4), caption))
    for where in trials:
        caption = f"Detection error trade-off: {files.name(where)}."
        if files.made(where, "det.png"):
            blocks.append(Figure(files.image(where, "det.png"), caption, caption, tags(files)))
    for where in evaluations:
        facts, name = files.facts(where), files.name(where)
        if facts["weights"] == "train" and facts["subset"] in ("test", "validate"):
            speakers = files.table(where, "per_speaker.csv")
            blocks.append(Table(speakers, f"Per speaker: {name}.", index=False))
    intro = f"T reaches {paper.ACCURACY} % on validation and test."
    intro *= work == "thesis" and files.task == "gender"
    return Section("Training", intro, blocks)


def _evaluation(evaluation: dict) -> dict[str, str]:
    def interval(low: str, high: str) -> str:
        if pd.isna(evaluation[low]):
            return "not known: one speaker"
        return f"{evaluation[low]:.2%} to {evaluation[high]:.2%}"

    return {
        "n": str(evaluation["n"]),
        "accuracy": f"{evaluation['accuracy']:.2%}",
        "over recordings": interval("wilson_low", "wilson_high"),
        "over speakers": interval("speaker_low", "speaker_high"),
    }


EXPLAINED = (
    ("heatmaps.png", "Relevance over the spectrogram; red speaks for the class "
     "explained, blue against it."),
    ("top_1_percent.png", "The 1 % most relevant bins."),
    ("least_95_percent.png", "The 95 % least positive bins set to the value 0."),
    ("bands.png", "Share of positive and negative relevance per frequency band."),
    ("regions.png", "Share of relevance on speech, padding, and the range of the fundamental."),
)  # fmt: skip


def explanations(files: RunFiles, work: str | None) -> Section:
    """Heat maps, and where relevance falls; `work`: whose figures the captions number."""
    shown: list = []
    for where in files.of("explain"):
        facts, name = files.facts(where), files.name(where)
        if facts["subset"] == "train":
            continue
        blocks: list = []
        for file, caption in EXPLAINED:
            if not files.made(where, file):
                continue
            number = paper.FIGURES.get((file, facts["explainer"]), "")
            thesis = number if work == "thesis" else ""
            text = f"{thesis + ': ' if thesis else ''}{caption} Weights and split: {name}."
            blocks.append(Figure(files.image(where, file), text, text, tags(files)))
        with files.open(where, "relevance.h5", RELEVANCE) as file:
            maps = Maps(file)
            chunks = [slice(i, i + ROWS) for i in range(0, len(maps), ROWS)]
            parts = ((maps[chunk], file["table/label"][chunk]) for chunk in chunks)
            few = concentration(parts, attribute(file, "classes", list))
        text = f"How few bins hold as much relevance as the whole decision (medians): {name}."
        blocks.append(Table(few, text, index=False))
        shares = files.table(where, "regions.csv")
        blocks.append(Table(shares, f"Mean share of relevance by region: {name}.", index=False))
        blocks += [*excesses(files, where), *spoken(files, where)]
        if files.made(where, "conservation.csv"):
            marks = tags(files, "the recordings shown")
            blocks.append(conservation_table(files.table(where, "conservation.csv"), name, marks))
        shown += [Heading(f"{facts['explainer']}, {facts['weights']}"), *_doubts(files, where)]
        shown += [blocks[0], Folded("Single bins, bands, regions, conservation", blocks[1:])]
    return Section("Explanations", "Where the network finds its reasons.", shown)


def excesses(files: RunFiles, where: str) -> list[Table]:
    """The regions that hold more of a class's relevance than their share, if any."""
    if not files.made(where, FOUND):
        return []
    table, name = files.table(where, FOUND).round(4), files.name(where)
    caption = f"Regions that hold more of a class's relevance than their share: {name}."
    note = (
        "Bands, stretches of time of the recording, and both; empty limits: none. Shares are of a "
        "recording's positive relevance and of all bins; `more` is what a class has above both its "
        "share of the bins and the other classes' relevance there. A band or a "
        "time that has nothing to do with the question asked is a shortcut: `speechlrp augment "
        "--region found` takes the first row."
    )
    return [Table(table, caption, note, index=False)]


def spoken(files: RunFiles, where: str) -> list[Table]:
    """What words and phonemes hold of an explanation's relevance, where their times are known."""
    if not files.made(where, "segments.csv"):
        return []
    means = by_label(files.table(where, "segments.csv")).round(3)
    caption = f"Relevance of words and phonemes, means of all occurrences: {files.name(where)}."
    note = (
        "Shares of a recording's absolute relevance and of its length; their ratio is 1 where "
        "relevance is spread evenly over time. `segments.csv` of the stage has every occurrence."
    )
    return [Table(means, caption, note, index=False)]


def sounds(files: RunFiles) -> list[Section]:
    """What can be listened to; the files stay where `listen` put them."""
    blocks = []
    for where in files.of("listen"):
        config, prefix = files.records[where].config, "listen."
        settings = {k.removeprefix(prefix): v for k, v in config.items() if k.startswith(prefix)}
        blocks += listening(files.table(where, "sounds.csv"), settings, f"../{where}/")
    return blocks


def cautions(files: RunFiles, wheres: Sequence[str]) -> list[Banner]:
    """Which networks of some stages are at chance, said once each."""
    told: dict[str, None] = {}
    for where in wheres:
        words, facts = files.records[where].notes.get("guessing", ""), files.facts(where)
        if words:
            told.setdefault(f"{facts['weights']}, {facts['subset']}: {words}.", None)
    return [Banner(words) for words in told]


def _doubts(files: RunFiles, where: str) -> list[Banner]:
    """What must be known before an explanation is looked at."""
    words = files.records[where].notes.get("guessing", "")
    doubts = [Banner(f"{words[0].upper()}{words[1:]}.")] if words else []
    if files.made(where, "conservation.csv"):
        doubts += losses(files.table(where, "conservation.csv"))
    return doubts


def losses(conservation: pd.DataFrame) -> list[Banner]:
    """A note where little of the relevance arrives."""
    words = absorbed(conservation)
    return [Banner(f"{words[0].upper()}{words[1:]}.", "note")] if words else []


def conservation_table(table: pd.DataFrame, name: str, marks: tuple[str, ...]) -> Table:
    """The operations that have a rule or absorb more than a millionth, and the sum of all."""
    table = table.fillna({"module": "", "rule": ""})
    lost = (table.received - table.passed).abs() > 1e-6 * table.received.abs()
    table = table[(table["rule"] != "") | lost | (table.operation == "all")]
    caption = f"Conservation of relevance from the output to the input: {name}."
    note = (
        "Means over recordings, in units of the output explained; shares are of what it began with."
    )
    return Table(table.round(4), caption, note, marks, index=False)
