import pytest

from speechlrp.config import WORKS
from speechlrp.report.paper import SUBJECTS, stands_beside

THESIS = SUBJECTS["thesis"][0]


def test_the_thesis_stands_beside_its_own_experiment_only_where_that_says_so():
    assert stands_beside("thesis", {**THESIS, "trainer.epochs": 3})
    assert not stands_beside(None, THESIS)
    assert not stands_beside("krug", THESIS)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("dataset.name", "voxceleb"),
        ("task.name", "digit"),
        ("model.name", "resnet34"),
        ("model.channels", [16, 48, 96, 64, 64]),
        ("features.bins", 64),
        ("features.reference", "silence"),
    ],
)
def test_another_corpus_network_or_representation_is_another_experiment(setting, value):
    assert not stands_beside("thesis", {**THESIS, setting: value})


def test_what_is_not_known_does_not_fit():
    assert not stands_beside("thesis", {})
    assert not stands_beside("thesis", {"task.name": "gender", "model.name": "alexnet"})


def test_every_work_of_the_configuration_has_its_subjects():
    assert tuple(SUBJECTS) == WORKS
