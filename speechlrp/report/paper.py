"""What the two works report, kept once, and which runs it may stand beside.

T 6.1 and 6.2: accuracies in % at the given % of bins changed to zero (227 x 227 = 51,529 bins).
"""

from collections.abc import Mapping
from typing import Any

Values = Mapping[str, Mapping[float, float]]
"""Row name -> percent of bins -> accuracy in %."""

SUBJECTS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "thesis": (
        {
            "dataset.name": "audiomnist",
            "task.name": "gender",
            "features.name": "spectrogram_db",
            "features.bins": 227,
            "features.frames": 227,
            "features.reference": "max",
            "model.name": "alexnet",
            "model.channels": [64, 192, 384, 256, 256],
            "model.dense": [4096, 4096],
        },
        {"dataset.name": "voxceleb", "task.name": "speaker", "model.name": "resnet34"},
    ),
    "krug": ({"dataset.name": "librispeech", "task.name": "letters", "model.name": "wav2letter"},),
}
"""Work -> what its numbers are about: settings by dotted name, a mapping an experiment of it."""


def stands_beside(work: str | None, settings: Mapping[str, Any]) -> bool:
    """Whether a work's numbers may stand beside a run.

    The experiment must say so, and the run still be about the work's corpus, task, features
    and network: an override of any of them makes it another experiment.

    `work` is of `SUBJECTS`, or None where the experiment names none; `settings` are the run's, by
    dotted name, and what is absent does not fit.
    """
    missing = object()
    subjects = SUBJECTS[work] if work else ()
    return any(all(settings.get(k, missing) == v for k, v in one.items()) for one in subjects)


PERCENTS_6_1 = (0.0, 0.5, 1.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0)
PERCENTS_6_2 = PERCENTS_6_1[:-1]

_LRP = (97.83, 10.8, 4.33, 2.43, 2.17, 2.13, 2.13, 2.13, 2.13)


def _row(*accuracies: float) -> dict[float, float]:
    return dict(zip(PERCENTS_6_1, accuracies, strict=False))


TABLE_6_1: Values = {
    "lrp": _row(*_LRP),
    "random": _row(97.83, 97.53, 97.70, 96.80, 93.70, 89.70, 84.03, 79.67, 74.87),
    "lrp_rev": _row(97.83, *[97.86] * 8),
}
"""T Table 6.1: AlexNet, by strategy."""

TABLE_6_2: Values = {
    "alexnet": _row(*_LRP[:-1]),
    "aug_zero": _row(46.67, 51.93, 52.93, 53.5),
    "aug_mean": _row(98.80, 28.67, 22.00, 10.03, 5.17, 2.2, 1.63, 1.23),
}
"""T Table 6.2: models, flipped by ``lrp``."""

NOTE_6_2 = (
    "The thesis prints 93.70, 89.70, 84.03 and 79.67 for aug_zero from 10 % on. They are the "
    "random row of its Table 6.1, so they are taken for a slip and left out."
)

ACCURACY = 97.83
"""Accuracy of T's AlexNet on validation and test, in %."""

BINS_AT_HALF = (60, 70)
"""Bins flipped by ``lrp`` at which T's accuracy passes 50 % (Figure 6.5)."""

FIGURES = {
    ("heatmaps.png", "lrp"): "T 6.1, 6.7, 6.8",
    ("top_1_percent.png", "lrp"): "T 6.2",
    ("least_95_percent.png", "lrp"): "T 6.4",
    ("heatmaps.png", "lrp_resnet_zero"): "T 6.10",
    ("heatmaps.png", "lrp_resnet_eps"): "T 6.12",
    ("heatmaps.png", "lrp_resnet_eps_gamma"): "T 6.14",
}
"""Figure of the explain stage and explainer -> T's figures like it."""

ASSIGNMENTS = {
    "lrp_resnet_zero": ("(a)", "LRP-0 in all layers"),
    "lrp_resnet_eps": ("(b)", "LRP-0 and LRP-epsilon"),
    "lrp_resnet_eps_gamma": ("(c)", "LRP-0, LRP-epsilon and LRP-gamma"),
}
"""Explainer -> how T 6.3 would count its assignment of rules, and which rules these are."""

FIGURES_6_3 = {"lrp_resnet_zero": "6.11", "lrp_resnet_eps": "6.13", "lrp_resnet_eps_gamma": "6.15"}
"""Assignment of rules to the speaker model -> T's figure of its flipping curves."""
