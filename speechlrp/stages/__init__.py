"""One verb a file: read config, check inputs, call the rooms, write, record."""

from speechlrp.registry import Registry

STAGES = Registry(
    "stage",
    {
        "preprocess": "speechlrp.stages.preprocess:STAGE",
        "train": "speechlrp.stages.train:STAGE",
        "evaluate": "speechlrp.stages.evaluate:STAGE",
        "explain": "speechlrp.stages.explain:STAGE",
        "navai": "speechlrp.stages.letters.navai:STAGE",
        "maximize": "speechlrp.stages.letters.maximize:STAGE",
        "listen": "speechlrp.stages.letters.listen:STAGE",
        "flip": "speechlrp.stages.flip:STAGE",
        "compare": "speechlrp.stages.compare:STAGE",
        "augment": "speechlrp.stages.augment:STAGE",
        "retrain": "speechlrp.stages.retrain:STAGE",
        "report": "speechlrp.stages.report:STAGE",
    },
)
"""In the order of the pipeline; as they are for classes of recordings."""

TASKS = {
    "letters": Registry(
        "stage for task=letters",
        {
            "preprocess": "speechlrp.stages.letters.preprocess:STAGE",
            "train": "speechlrp.stages.letters.train:STAGE",
            "evaluate": "speechlrp.stages.letters.evaluate:STAGE",
            "explain": "speechlrp.stages.letters.explain:STAGE",
            "navai": "speechlrp.stages.letters.navai:STAGE",
            "maximize": "speechlrp.stages.letters.maximize:STAGE",
            "listen": "speechlrp.stages.letters.listen:STAGE",
            "report": "speechlrp.stages.letters.report:STAGE",
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
