"""Which steps of a sequence are taken."""

import pytest

from speechlrp.errors import SpeechLRPError
from speechlrp.stages.sequence import between

STEPS = [
    {"stage": "train"},
    {"stage": "evaluate", "subset": "validate"},
    {"stage": "evaluate"},
    {"stage": "flip"},
    {"stage": "augment"},
    {"stage": "evaluate", "weights": "aug_mean"},
    {"stage": "flip", "weights": "aug_mean"},
    {"stage": "report"},
]


@pytest.mark.parametrize(
    ("first", "last", "begin", "end"),
    [
        (None, None, 0, 8),
        (None, "evaluate", 0, 3),
        (None, "evaluate:1", 0, 3),
        (None, "evaluate:2", 0, 6),
        ("evaluate", "evaluate", 1, 3),
        ("evaluate", "evaluate:2", 1, 6),
        ("augment", "evaluate", 4, 6),
        ("augment", "flip", 4, 7),
        ("flip:2", None, 6, 8),
        ("flip", None, 3, 8),
    ],
)
def test_a_stage_means_its_first_turn_unless_another_is_named(first, last, begin, end):
    assert between(STEPS, first, last) == STEPS[begin:end]


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("report", "train", "nothing lies between --from report and --to train"),
        ("flip:2", "flip:1", "nothing lies between"),
        (None, "evaluate:3", "evaluate comes 2 times .* evaluate:1 to evaluate:2"),
        (None, "evaluate:0", "evaluate comes 2 times"),
        ("flip:last", None, "flip:last: flip comes 2 times"),
        ("navai", None, "unknown stage of this sequence 'navai'; known: "),
    ],
)
def test_what_cannot_be_between_is_said(first, last, message):
    with pytest.raises(SpeechLRPError, match=message):
        between(STEPS, first, last)
