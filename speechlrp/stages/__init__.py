"""The verbs of the pipeline: read config, check inputs, call the rooms, write, record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from speechlrp.errors import SpeechLRPError
from speechlrp.registry import Registry

if TYPE_CHECKING:
    from speechlrp.pipeline.stage import Stage

SUMMARIES = {
    "preprocess": "Turn recordings into spectrograms, and split them.",
    "train": "Train a network.",
    "evaluate": "Measure a network's accuracy or errors on a split, in parts and per speaker.",
    "explain": "Compute relevance maps, and where relevance falls.",
    "navai": "Average what a letter's frames share, task=letters.",
    "maximize": "Find the inputs that neurons want most, task=letters.",
    "listen": "Hear only what speaks for a decision, or against it; of letters patterns too.",
    "flip": "Set bins to a baseline in the order of their relevance, and measure accuracy.",
    "compare": "Put explainers beside each other, or check them on random networks.",
    "bench": "Hold explainers and measures to known truth, over corpora and seeds.",
    "augment": "Replace the most relevant bins of the training set.",
    "retrain": "Train on, on the augmented training set.",
    "report": "Make the page of figures and tables of a run.",
}
"""A line a verb, in the order of the pipeline."""

CLASSES = Registry(
    "stage",
    {
        "preprocess": "speechlrp.stages.preprocess.classes:STAGE",
        "train": "speechlrp.stages.train.classes:STAGE",
        "evaluate": "speechlrp.stages.evaluate.classes:STAGE",
        "explain": "speechlrp.stages.explain.classes:STAGE",
        "listen": "speechlrp.stages.listen.classes:STAGE",
        "flip": "speechlrp.stages.flip:STAGE",
        "compare": "speechlrp.stages.compare.verb:STAGE",
        "bench": "speechlrp.stages.bench.verb:STAGE",
        "augment": "speechlrp.stages.train.augment:STAGE",
        "retrain": "speechlrp.stages.train.retrain:STAGE",
        "report": "speechlrp.stages.report.verb:CLASSES",
    },
)
"""Of every task whose examples are windows with a class."""

LETTERS = Registry(
    "stage for task=letters",
    {
        "preprocess": "speechlrp.stages.preprocess.letters:STAGE",
        "train": "speechlrp.stages.train.letters:STAGE",
        "evaluate": "speechlrp.stages.evaluate.letters:STAGE",
        "explain": "speechlrp.stages.explain.letters:STAGE",
        "navai": "speechlrp.stages.navai.verb:STAGE",
        "maximize": "speechlrp.stages.maximize.verb:STAGE",
        "listen": "speechlrp.stages.listen.letters:STAGE",
        "report": "speechlrp.stages.report.verb:LETTERS",
    },
)
"""Of a recogniser, whose examples are utterances and what was said in them."""

TASKS = {"letters": LETTERS}
"""Task -> its stages; every other task has those of `CLASSES`."""


def stage_of(verb: str, task: str) -> Stage:
    """The stage of a verb for a task.

    Raises:
        SpeechLRPError: the verb is for other tasks.
    """
    stages = TASKS.get(task, CLASSES)
    if verb in SUMMARIES and verb not in stages:
        where = "task=letters, such as experiment=demo_letters has"
        where = where if stages is CLASSES else "classes, such as task=gender has"
        raise SpeechLRPError(f"{verb} is for {where}; this run's task is {task}")
    return stages[verb]
