"""The section of the report about explainers beside each other."""

import pandas as pd

from speechlrp.config.names import names_in
from speechlrp.config.schema import Config
from speechlrp.data.conditions import subset_of
from speechlrp.data.dataset import Windows
from speechlrp.pipeline.contents import RunFiles
from speechlrp.report.blocks import Banner, Figure, Heading, Table
from speechlrp.report.page import Section
from speechlrp.report.paper import ASSIGNMENTS
from speechlrp.stages.compare.compare_tables import ALL
from speechlrp.stages.report.class_sections import cautions, conservation_table, losses, tags
from speechlrp.stages.report.exploring import compared

INTRO = (
    "The same recordings through every explainer: its maps, what is still classified correctly "
    "while bins are flipped in its order, whether explainers agree, what one costs, and what is "
    "left of a map when the network's weights are made random."
)
CAPTIONS = {
    "heatmaps": "The input, and relevance by every explainer (red for the class, blue against).",
    "curves": "Accuracy while bins are flipped, most relevant and most negative first.",
    "localisation": "How much of each explainer's relevance lies in the known region of the cue.",
    "agreement": "Agreement of the explainers' maps, mean over recordings.",
    "sanity": "Agreement with the trained network's maps when layers are made random.",
}
COSTS = "Costs, completeness and areas of the flipping curves."
COST_NOTE = (
    "seconds, passes: of a recording, medians; completeness_error: of the sum of relevance, "
    "where one is promised, median of its size (and as a share of what is promised); auc: mean "
    "accuracy over the bins flipped (lrp: most relevant first, lrp_rev: most negative, random)."
)


def comparisons(config: Config, files: RunFiles, examples: Windows, work: str | None) -> Section:
    """Maps to explore, figures and tables of every `compare`; `work`: whose figures they number."""
    blocks: list = [*cautions(files, files.of("compare"))]
    for where in files.of("compare"):
        name = files.name(where)
        explorer = compared(config, files, where, examples)
        blocks += [Heading(f"Side by side: {name}"), explorer] if explorer else []
        for path in sorted(files.path(where, "").glob("*.png")):
            kind, _, more = path.stem.partition("_")
            caption = CAPTIONS.get(kind, f"{path.stem.replace('_', ' ')}.")
            if kind == "heatmaps":
                caption = _heat_maps(files, where, work) or caption
            marks = tags(files, name, *([f"baseline {more}"] if more else []))
            blocks.append(Figure(path.read_bytes(), caption, caption, marks))
        blocks += _tables(files, where, name)
    return Section("Explainers", INTRO, blocks)


def _heat_maps(files: RunFiles, where: str, work: str | None) -> str:
    """The caption where the same recordings are shown under several conditions."""
    subsets = sorted(files.facts(where)["subset"].split("+"))
    if len(subsets) < 2:
        return ""
    compared = names_in(files.records[where].config["compare.explainers"])
    rules = [" ".join(words) for name, words in ASSIGNMENTS.items() if name in compared]
    if subsets != [subset_of("music"), subset_of("noise")] or len(rules) < len(ASSIGNMENTS):
        return f"The same recordings of {' and '.join(subsets)}, and relevance by every explainer."
    number = "T Figures 6.10, 6.12 and 6.14 in one: " if work == "thesis" else ""
    return (
        f"{number}recordings with music (above) and noise (below) "
        f"mixed in, and relevance by {', '.join(rules)} (red for the speaker, blue against)."
    )


def _tables(files: RunFiles, where: str, name: str) -> list[Table | Banner]:
    made = files.records[where].outputs
    blocks: list[Table | Banner] = []
    if "explainers.csv" in made:
        costs = files.table(where, "explainers.csv")
        blocks.append(Table(costs.round(4), COSTS, COST_NOTE, tags(files, name), index=False))
    if "scores.csv" in made:
        caption = "Numbers of the maps: mean ± standard error over recordings."
        blocks.append(
            Table(_scores(files.table(where, "scores.csv")), caption, "", tags(files, name))
        )
    for file in sorted(made):
        if file.startswith("conservation_"):
            explainer = file.removeprefix("conservation_").removesuffix(".csv")
            marks = tags(files, name)
            table = files.table(where, file)
            blocks += [*losses(table), conservation_table(table, explainer, marks)]
    return blocks


def _scores(table: pd.DataFrame) -> pd.DataFrame:
    """A row a score and a column an explainer, each number with its error."""
    words = [f"{m:.3g} ± {e:.1g}" for m, e in zip(table["mean"], table.standard_error, strict=True)]
    table = table.assign(words=words)
    if "condition" in table:
        under = ", " + table.condition
        table["score"] += under.where(table.condition != ALL, "")
    wide = table.pivot(index="score", columns="explainer", values="words")
    return wide.loc[table.score.unique(), table.explainer.unique()]
