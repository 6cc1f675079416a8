"""One verb a file: read config, check inputs, call the rooms, write, record."""

from speechlrp.registry import Registry

STAGES = Registry(
    "stage",
    {
        "preprocess": "speechlrp.stages.preprocess.windows:STAGE",
        "train": "speechlrp.stages.train.classes:STAGE",
        "evaluate": "speechlrp.stages.evaluate.classes:STAGE",
        "explain": "speechlrp.stages.explain.classes:STAGE",
        "navai": "speechlrp.stages.navai.stage:STAGE",
        "maximize": "speechlrp.stages.maximize.stage:STAGE",
        "listen": "speechlrp.stages.listen.stage:STAGE",
        "flip": "speechlrp.stages.flip:STAGE",
        "compare": "speechlrp.stages.compare.stage:STAGE",
        "augment": "speechlrp.stages.train.augment:STAGE",
        "retrain": "speechlrp.stages.train.retrain:STAGE",
        "report": "speechlrp.stages.report.classes:STAGE",
    },
)
"""In the order of the pipeline; as they are for classes of recordings."""

TASKS = {
    "letters": Registry(
        "stage for task=letters",
        {
            "preprocess": "speechlrp.stages.preprocess.letters:STAGE",
            "train": "speechlrp.stages.train.letters:STAGE",
            "evaluate": "speechlrp.stages.evaluate.letters:STAGE",
            "explain": "speechlrp.stages.explain.letters:STAGE",
            "navai": "speechlrp.stages.navai.stage:STAGE",
            "maximize": "speechlrp.stages.maximize.stage:STAGE",
            "listen": "speechlrp.stages.listen.stage:STAGE",
            "report": "speechlrp.stages.report.letters:STAGE",
        },
    ),
}
"""Task -> its own stages; every other task has those of `STAGES`."""


def stages_for(task: str) -> Registry:
    """The stages of a task."""
    return TASKS.get(task, STAGES)


SUMMARIES = {
    "preprocess": "Turn recordings into spectrograms, and split them.",
    "train": "Train a network.",
    "evaluate": "Measure a network's accuracy or errors on a split, in parts and per speaker.",
    "explain": "Compute relevance maps, and where relevance falls.",
    "navai": "Average what a letter's frames share, task=letters.",
    "maximize": "Find the inputs that neurons want most, task=letters.",
    "listen": "Turn patterns, maximised inputs and explanations to sound, task=letters.",
    "flip": "Set bins to a baseline in the order of their relevance, and measure accuracy.",
    "compare": "Put explainers beside each other, or check them on random networks.",
    "augment": "Replace the most relevant bins of the training set.",
    "retrain": "Train on, on the augmented training set.",
    "report": "Make the page of figures and tables of a run.",
}
"""A line a stage, for the command line's help."""
