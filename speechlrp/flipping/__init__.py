"""Pixel flipping: is the order that an explanation gives to the bins the true one?"""

from speechlrp.registry import Interface, Registry

STRATEGIES = Registry(
    "strategy",
    {
        "lrp": "speechlrp.flipping.strategies:MostRelevant",
        "random": "speechlrp.flipping.strategies:Random",
        "lrp_rev": "speechlrp.flipping.strategies:MostNegative",
        "lrp_abs": "speechlrp.flipping.strategies:Largest",
        "lrp_abs_rev": "speechlrp.flipping.strategies:Smallest",
    },
    Interface(
        "a class derived from speechlrp.flipping.strategies:Strategy",
        bases=("speechlrp.flipping.strategies:Strategy",),
    ),
)
"""The order in which bins are flipped."""

THESIS = ("lrp", "random", "lrp_rev")
"""Most relevant first, at random, most negative first (T 6.1): what ``strategy=all`` stands for."""

CURVES = Registry(
    "measure of a curve",
    {
        "auc": "speechlrp.flipping.measures:area",
        "bins_at_50": "speechlrp.flipping.measures:bins_at_half",
        "percent_at_50": "speechlrp.flipping.measures:percent_at_half",
        "symmetric_gain": "speechlrp.flipping.measures:symmetric_gain",
        "insertion": "speechlrp.flipping.measures:insertion",
    },
    Interface("a function of a Curve that gives a number", positional=1),
)
"""Numbers of a flipping curve: a column of `summary.csv` each."""

BASELINES = ("zero", "silence", "mean")
"""Values that inputs are measured from: 0 (T), the value of silence, the mean over the training
set; and what ``flipping.baseline=all`` stands for."""

FILL_INS = Registry(
    "baseline",
    {
        "zero": "speechlrp.flipping.fill_ins:Zero",
        "silence": "speechlrp.flipping.fill_ins:Silence",
        "mean": "speechlrp.flipping.fill_ins:Mean",
        "neighbours": "speechlrp.flipping.fill_ins:Neighbours",
        "donor": "speechlrp.flipping.fill_ins:Donor",
        "noise": "speechlrp.flipping.fill_ins:Noise",
    },
    Interface(
        "a class derived from speechlrp.flipping.fill_ins:FillIn",
        bases=("speechlrp.flipping.fill_ins:FillIn",),
    ),
)
"""What a flipped bin becomes."""

FILLS = {
    "zero": "0 (T 6.2).",
    "mean": "The mean of its Moore neighbourhood (T 6.2).",
    "neighbours": "What the bins around the chosen ones imply (ROAD).",
    "donor": "What another recording has there.",
    "none": "What it was: training on without augmentation, the control for the others.",
}
"""What an augmented bin becomes."""


def strategies_of(setting: str) -> tuple[str, ...]:
    """The strategies that ``flipping.strategy`` names."""
    return THESIS if setting == "all" else (setting,)


def baselines_of(setting: str) -> tuple[str, ...]:
    """The baselines that ``flipping.baseline`` names."""
    return BASELINES if setting == "all" else (setting,)
