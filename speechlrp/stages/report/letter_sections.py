"""The sections of a recogniser's report, in the pipeline's order; empty where their stage is."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from speechlrp.pipeline.contents import RunFiles
from speechlrp.report.blocks import Banner, Figure, Table, Text
from speechlrp.report.page import Section
from speechlrp.stages.report.class_sections import spoken
from speechlrp.stages.report.letter_exploring import patterns_explorer
from speechlrp.stages.report.summary import UNKNOWN

SENTENCES = 9
"""Utterances shown with what was recognised: from the best to the worst."""


def found(files: RunFiles) -> Section:
    """How often the recogniser errs, and how near the alignments come to the phonemes."""
    parts = []
    for where in files.of("evaluate"):
        known, facts = files.summary(where), files.facts(where)
        asked = f"the {facts['subset']} split"
        asked += "" if facts["weights"] == "train" else f", with the weights {facts['weights']}"
        asked += f", with decoding={facts['decoding']}" if facts.get("decoding") else ""
        parts.append(
            f"On {asked}, {known['letter_error_rate']:.1%} of the letters are wrong (95 % "
            f"over utterances: {known['letter_low']:.1%} to {known['letter_high']:.1%}), "
            f"{known['word_error_rate']:.1%} of the words, in {known['utterances']:,} utterances."
        )
    unknown = [] if parts else [Banner(UNKNOWN)]
    words = "\n\n".join([" ".join(parts), *_nearest(files)])
    return Section("What was found", blocks=[*unknown, Text(words)])


def _nearest(files: RunFiles) -> Iterator[str]:
    for where in files.of("navai"):
        if files.path(where, "truth.csv").exists():
            table = files.table(where, "truth.csv")
            table = table[table.letter.eq("all")].sort_values("within_50", ascending=False)
            shares = [
                f"{row.within_50:.0%} by {row.alignment} ({row.within_50_low:.0%} to "
                f"{row.within_50_high:.0%})"
                for row in table.itertuples()
            ]
            yield (
                f"The step of a window that an alignment takes for the letter's lies within 50 ms "
                f"of the phoneme that spells it (of its middle; {files.name(where)}) in "
                f"{', '.join(shares)} of {table.n.max():,} frames; steps drawn "
                f"evenly in {table.uniform_within_50.max():.0%}. By none it is the window's middle."
            )


def utterances(files: RunFiles) -> Section:
    """How many utterances there were, and what was left out."""
    notes = files.records["preprocess"].notes
    examples = pd.DataFrame(notes["examples"]).T.convert_dtypes()
    blocks = [Table(examples, "Utterances of each split.")]
    if notes["rejected"]:
        reasons = pd.Series(notes["reasons"], name="utterances").to_frame()
        blocks.append(Table(reasons, "Utterances left out, by reason."))
    intro = f"{notes['recordings']} utterances, {notes['rejected']} of them left out."
    return Section("Utterances", intro, blocks)


def training(files: RunFiles) -> Section:
    """Loss and errors per epoch, and the evaluations."""
    blocks: list = [*_figures(files, "train", {"curves": "Loss and errors per epoch."})]
    rows = {files.name(where): _evaluation(files, where) for where in files.of("evaluate")}
    if rows:
        caption = "Letter and word errors in %, with 95 % intervals over utterances (bootstrap)."
        blocks.append(Table(pd.DataFrame(rows).T, caption))
    for where in files.of("evaluate"):
        facts, name = files.facts(where), files.name(where)
        if facts == {"weights": "train", "subset": "test", "decoding": ""}:
            speakers = files.table(where, "per_speaker.csv").round(4)
            blocks.append(Table(speakers, f"Per speaker: {name}.", index=False))
            blocks.append(_sentences(files.table(where, "utterances.csv"), name))
    return Section("Training", "", blocks)


def _evaluation(files: RunFiles, where: str) -> dict[str, str]:
    evaluation = files.summary(where)
    row = {"utterances": f"{evaluation['utterances']:,}"}
    for kind in ("letter", "word"):
        interval = f"{evaluation[f'{kind}_low']:.2%} to {evaluation[f'{kind}_high']:.2%}"
        row |= {
            f"{kind} errors": f"{evaluation[f'{kind}_error_rate']:.2%}",
            f"{kind}s, 95 %": interval,
        }
    return row


def _sentences(table: pd.DataFrame, name: str) -> Table:
    table = table.sort_values("letter_error_rate", kind="stable").reset_index(drop=True)
    places = np.unique(np.linspace(0, len(table) - 1, min(SENTENCES, len(table))).round())
    shown = table.iloc[places.astype(int)][["said", "recognised", "letter_error_rate"]]
    shown = shown.assign(letter_error_rate=shown.letter_error_rate.map("{:.1%}".format))
    return Table(shown.fillna(""), f"What was recognised, from best to worst: {name}.", index=False)


def most_beside(files: RunFiles) -> list[str]:
    """The explanation whose figures show the most explainers beside each other, if any."""
    known = {where: len(files.records[where].notes["beside"]) for where in files.of("explain")}
    return sorted(known, key=known.__getitem__)[-1:]


def explanations(files: RunFiles, krug: bool) -> Section:
    """Letter frames and their relevance; `krug`: whether captions number K's figures."""
    blocks: list = []
    for where in files.of("explain"):
        images = {
            "letters": "Mean relevance of each letter's frames, over the window.",
            "where": "Where relevance lies in time and frequency.",
        }
        blocks += _figures(files, where, images)
        table = files.table(where, "letters.csv").round(4)
        blocks.append(Table(table, f"Numbers of each letter: {_name(files, where)}.", index=False))
        blocks += spoken(files, where)
    for where in most_beside(files):
        names = sorted(path.stem for path in files.path(where, "frames").glob("*.png"))
        shown = [name for name in ("a", "t") if name in names] or names[:2]
        words = "K Figure 2: frames taken for" if krug else "Frames taken for"
        blocks += _figures(files, where, {f"frames/{n}": f"{words} '{n}'." for n in shown})
        paths = sorted(files.path(where, "utterances").glob("*.png"))
        text = "Relevance of all letter frames along an utterance."
        blocks += _figures(files, where, {f"utterances/{path.stem}": text for path in paths})
    intro = "What makes the network write a letter: windows that it takes for one, explained."
    return Section("Explanations", intro, blocks)


def patterns(files: RunFiles, krug: bool) -> Section:
    """Patterns of letters, and the numbers beside them; `krug`: whether they are K's figures."""
    blocks: list = []
    captions = {
        "examples": f"{'K Figure 3: p' if krug else 'P'}atterns of some letters, by alignment "
        "(rows: letters).",
        "patterns": f"{'K A.1 to A.3: p' if krug else 'P'}atterns of all letters, by alignment.",
    }
    tables = {
        "alignments": "How specific the patterns of each alignment are.",
        "counts": "Frames that were averaged.",
        "peaks": "Peaks of each pattern near its key step.",
        "bursts": "Share of the bands that rise at once near the key step, and for how long.",
    }
    for where in files.of("navai"):
        blocks += [patterns_explorer(files, where), *_figures(files, where, captions)]
        blocks += _tables(files, where, tables)
    intro = (
        "What do all frames of a letter share? They are moved so that their key step falls on "
        "one place, averaged, and the mean over all letters is taken away (K 3.5 and 3.6)."
    )
    return Section("Patterns", intro, blocks)


def truth(files: RunFiles) -> Section:
    """Key steps against known times of phonemes: of all letters; `truth.csv` has each."""
    blocks: list = []
    for where in files.of("navai"):
        image = {"truth": "Key steps of each alignment against the phoneme that spells the letter."}
        blocks += _figures(files, where, image)
        if files.path(where, "truth.csv").exists():
            table = files.table(where, "truth.csv")
            table = table[table.letter.str.startswith("all")].set_index(["letter", "alignment"])
            text = f"Errors of key steps in ms, of all letters. {_name(files, where)}."
            blocks.append(Table(table.T.round(3), text))
        blocks += _tables(files, where, {"coverage": "Letters that have a phoneme."})
    intro = "Is the alignment right? Phoneme times are known here, and key steps should meet them."
    return Section("Truth", intro, blocks)


def maximised(files: RunFiles, krug: bool) -> Section:
    """Inputs that drive neurons; `krug`: whether they are K's figure."""
    images = {
        "maximized": f"{'K Figure 1: i' if krug else 'I'}nputs that drive a neuron most, over the "
        "frames that it sees.",
        "history": "The neurons' activation while the input is changed.",
    }
    blocks: list = []
    for where in files.of("maximize"):
        blocks += _figures(files, where, images)
        blocks += _tables(files, where, {"neurons": "The neurons and their inputs."})
    return Section("Maximised", "What a neuron wants to see.", blocks)


def _figures(files: RunFiles, where: str, captions: dict[str, str]) -> Iterator[Figure]:
    """The figures of a stage that are there; their captions say whose they are."""
    for name, caption in captions.items():
        if files.path(where, f"{name}.png").exists():
            text = f"{caption} {_name(files, where)}." if "/" in where else caption
            yield Figure(files.image(where, f"{name}.png"), text, text)


def _tables(files: RunFiles, where: str, captions: dict[str, str]) -> Iterator[Table]:
    for name, caption in captions.items():
        if files.path(where, f"{name}.csv").exists():
            table = files.table(where, f"{name}.csv").round(4)
            yield Table(table, f"{caption} {_name(files, where)}.", index=False)


def _name(files: RunFiles, where: str) -> str:
    """Such as ``"Of train, lrp, test"``."""
    return f"Of {files.name(where)}"
