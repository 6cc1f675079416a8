"""Whose recordings get the artefact."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from speechlrp.config.sections import Task
from speechlrp.corpora import Recording
from speechlrp.data.shortcut import artefacts, known
from speechlrp.errors import SpeechLRPError

CLASSES = ["male", "female"]


@pytest.fixture
def config():
    """What is read of the configuration."""
    hum = {"name": "hum", "label": None, "share": 0.8, "snr_db": 15.0}
    return SimpleNamespace(shortcut=hum, task=Task("gender", CLASSES), data_seed=1, features={})


def replace(config, **changed):
    return SimpleNamespace(**(vars(config) | changed))


def recordings(artefact=None):
    extra = {"artefact": artefact} if artefact else {}
    return [
        Recording(f"{split}/{gender}/{k}", Path(f"{k}.wav"), "s", gender, extra=extra)
        for split in ("train", "validate", "test")
        for gender in CLASSES
        for k in range(20)
    ]


SUBSET = {r.id: r.id.split("/")[0] for r in recordings()}


@pytest.mark.parametrize(("label", "first", "second"), [(None, 16, 4), ("female", 4, 16)])
def test_it_goes_with_the_class_in_training_and_validation_and_with_nothing_at_test(
    config, label, first, second
):
    config = replace(config, shortcut=config.shortcut | {"label": label})
    has = known(config, recordings(), SUBSET, CLASSES)
    counts = {
        (split, name): sum(has[r] for r in has if r.startswith(f"{split}/{name}/"))
        for split in ("train", "validate", "test")
        for name in CLASSES
    }
    for split in ("train", "validate"):
        assert (counts[split, "male"], counts[split, "female"]) == (first, second)
    assert counts["test", "male"] == counts["test", "female"] == 0


def test_another_seed_deals_anew(config):
    one, again, other = (
        known(replace(config, data_seed=seed), recordings(), SUBSET, CLASSES) for seed in (1, 1, 2)
    )
    assert one == again != other


def test_without_one_the_corpus_says_it_or_nobody(config):
    config = replace(config, shortcut={"name": None})
    assert artefacts(config, {}, 8000) is None
    assert known(config, recordings(), SUBSET, CLASSES) is None
    assert known(config, recordings("yes"), SUBSET, CLASSES) is None
    assert set(known(config, recordings("1"), SUBSET, CLASSES).values()) == {1}


def test_an_unknown_class_is_refused(config):
    config = replace(config, shortcut=config.shortcut | {"label": "men"})
    with pytest.raises(SpeechLRPError, match=r"class in shortcut\.label 'men'"):
        known(config, recordings(), SUBSET, CLASSES)


@pytest.mark.parametrize(
    "changed", [{"features": {"train_from": "audio"}}, {"task": Task("letters", None)}]
)
def test_where_training_would_not_hear_it_it_is_refused(config, changed):
    with pytest.raises(SpeechLRPError, match="shortcut=hum goes into stored features"):
        known(replace(config, **changed), recordings(), SUBSET, CLASSES)
