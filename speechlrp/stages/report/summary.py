"""The first paragraph of the report: what was found, with its intervals and verdicts."""

from collections.abc import Iterator

from speechlrp.measures.verdicts import judge
from speechlrp.pipeline.contents import RunFiles
from speechlrp.report.blocks import Banner, Text
from speechlrp.report.page import Section

UNKNOWN = (
    "How well the network works is not known: no evaluation of it is on this page. "
    "`speechlrp evaluate` makes one."
)

ASKED = (
    "With the bins flipped that an explainer finds most relevant, lrp, accuracy should fall below "
    "that of random bins, and with the most negative ones, lrp_rev, it should not: then the order "
    "holds (below: the mean accuracy over the axis as drawn, in %, and the difference in points)."
)

TRUST = (
    "How far curves of flipping can be believed was measured where the truth is known: flipped to "
    "the loudest value they rank explainers the wrong way around, flipped to silence or to the "
    "mean they tell what relevance is measured from, and hardly which explainer is right; ROAD's "
    "fill-in (`--baseline neighbours`) comes nearest to the truth. `speechlrp bench` asks it of "
    "other networks and recordings (docs/which-explanation-to-trust.md)."
)


def what_was_found(files: RunFiles, classes: list[str]) -> Section:
    """Accuracy, what flipping decides, and what training on changed, in sentences."""
    works = " ".join([*_accuracy(files, classes), *_conditions(files), *_trained_on(files)])
    verdicts = list(_verdicts(files))
    if verdicts:
        verdicts = [ASKED, *verdicts, TRUST]
    blocks: list = [Text("\n\n".join(filter(None, [works, *verdicts])))]
    if not _evaluations(files):
        blocks.insert(0, Banner(UNKNOWN))
    return Section("What was found", blocks=blocks)


def _evaluations(files: RunFiles) -> dict[str, dict]:
    """Weights -> their evaluation on test."""
    wheres = [where for where in files.of("evaluate") if files.facts(where)["subset"] == "test"]
    return {files.facts(where)["weights"]: files.summary(where) for where in wheres}


def _accuracy(files: RunFiles, classes: list[str]) -> Iterator[str]:
    known = _evaluations(files).get("train")
    if known:
        over = "all of one speaker"
        if known["speakers"] > 1:
            low, high = known["speaker_low"], known["speaker_high"]
            over = f"{low:.1%} to {high:.1%} over {known['speakers']} speakers"
        yield (
            f"The network tells {len(classes)} classes apart in {known['accuracy']:.1%} of "
            f"{known['n']:,} examples kept for the test (95 %: "
            f"{known['wilson_low']:.1%} to {known['wilson_high']:.1%} over recordings, "
            f"{over}; chance {1 / len(classes):.1%})."
        )


def _conditions(files: RunFiles) -> Iterator[str]:
    """What is right of the test's copies with something mixed in."""
    for where in files.of("evaluate"):
        mixed = files.path(where, "per_condition.csv").exists()
        if mixed and files.facts(where)["weights"] == "train":
            table = files.table(where, "per_condition.csv").query("condition != 'clean'")
            parts = [
                f"{row.accuracy:.1%} with {row.condition} ({row.low:.1%} to {row.high:.1%})"
                for row in table.itertuples()
            ]
            yield f"Of copies of them with something mixed in, it is right in {', '.join(parts)}."


def _verdicts(files: RunFiles) -> Iterator[str]:
    areas = files.areas
    areas = areas[areas.weights.eq("train") & areas.grid.eq("table")]
    for explainer, parts in areas.groupby("explainer", sort=False):
        verdicts = {name: judge(part) for name, part in parts.groupby("baseline", sort=False)}
        told = [
            f"to {baseline}, {verdict.word} ({verdict.text}; {verdict.evidence})"
            for baseline, verdict in verdicts.items()
            if ("lrp", "lrp_rev") in verdict.differences
        ]
        if told:
            yield f"By {explainer}: {'; '.join(told)}."


def _trained_on(files: RunFiles) -> Iterator[str]:
    for weights, known in _evaluations(files).items():
        if weights != "train":
            yield (
                f"After training on, as {weights}, it is right in {known['accuracy']:.1%} "
                f"({known['wilson_low']:.1%} to {known['wilson_high']:.1%})."
            )
