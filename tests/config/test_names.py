"""How a run is named, and what it is."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlrp.config.names import (
    DATA,
    IDENTITY,
    LONGEST,
    base_name,
    check_name,
    conf_dir,
    digest_of,
    identity_overrides,
    identity_settings,
    readable,
    with_digest,
)
from speechlrp.errors import SpeechLRPError

DEFAULTS = {"experiment": "audiomnist_gender", "dataset": "audiomnist", "task": "gender"}


def name_of(choices, overrides):
    base, rest = base_name(DEFAULTS | choices, overrides)
    return readable(base, identity_overrides(rest))


def test_the_configurations_are_found():
    assert (conf_dir() / "base.yaml").is_file()


@pytest.mark.parametrize(
    ("choices", "overrides", "expected"),
    [
        ({}, [], "audiomnist_gender"),
        ({"experiment": "demo"}, ["experiment=demo"], "demo"),
        ({"dataset": "voxceleb"}, ["dataset=voxceleb"], "voxceleb_gender"),
        ({"dataset": "x", "task": "digit"}, ["task=digit", "dataset=x"], "x_digit"),
        ({}, ["trainer.epochs=3"], "audiomnist_gender-epochs-3"),
        ({"experiment": "demo"}, ["seed=2", "experiment=demo"], "demo-seed-2"),
        ({"experiment": "demo"}, ["seed=12345678901", "experiment=demo"], "demo-seed-12345678901"),
        ({"experiment": "demo", "dataset": "voxceleb"}, ["experiment=demo", "dataset=voxceleb"],
         "demo-dataset-voxceleb"),
        ({}, ["flipping.strategy=lrp", "device=cpu", "force=true", "subset=train"],
         "audiomnist_gender"),
        ({}, ["seed=1", "model=alexnet_small"], "audiomnist_gender-model-alexnet_small-seed-1"),
    ],
)  # fmt: skip
def test_names_that_show_all(choices, overrides, expected):
    assert name_of(choices, overrides) == (expected, True)


@pytest.mark.parametrize(
    ("override", "shown"),
    [
        ("dataset.root=/a b/c", "root-_a_b_c"),
        ("dataset.root=x/y", "root-x_y"),
        ("dataset.root=\u97f3\u58f0", "root"),
        ("~model.dropout", "dropout"),
        ("dataset.file=" + "x" * 80, "file-" + "x" * 37),
    ],
)
def test_names_that_leave_something_out_say_so(override, shown):
    assert name_of({}, [override]) == (f"audiomnist_gender-{shown}", False)


def test_the_order_of_overrides_makes_no_difference():
    one = name_of({}, ["trainer.lr=1", "seed=2", "model=a"])
    assert one == name_of({}, ["model=a", "trainer.lr=1", "seed=2"])


def test_the_last_of_two_overrides_counts():
    assert name_of({}, ["seed=2", "seed=3"]) == name_of({}, ["seed=3"])


@pytest.mark.parametrize("same", [["1e-4", "0.0001", "1.0e-04"], ["3", "3.0", "+3"]])
def test_a_number_is_named_alike_however_it_is_written(same):
    assert len({name_of({}, [f"trainer.lr={value}"]) for value in same}) == 1


def test_numbers_that_differ_late_are_named_in_full():
    names = {name_of({}, [f"trainer.lr={v}"])[0] for v in ("0.12345678901", "0.12345678902")}
    assert len(names) == 2


def test_identity_overrides_take_any_spelling():
    given_ = ["+split.x=1", "~model.dropout", "model/x=2", "model@y=a", "models=1", "splits.x=3"]
    assert identity_overrides(given_) == [
        "~model.dropout", "model/x=2", "model@y=a", "+split.x=1"
    ]  # fmt: skip
    assert identity_overrides(["paths.outputs=x", "seed=1"], ("paths",)) == ["paths.outputs=x"]


@settings(max_examples=50)
@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_value_makes_one_folder_of_bounded_length(values):
    name, _ = name_of({}, [f"dataset.x{i}={value}" for i, value in enumerate(values)])
    name = with_digest(name, {"x": values})
    assert len(name) <= LONGEST
    assert set(name) <= set(string.ascii_letters + string.digits + "_.-")
    assert name.startswith("audiomnist_gender")
    check_name(name)


def test_settings_are_told_from_the_folder_of_recordings():
    config = {"dataset": {"root": "data/x/y", "name": "x"}, "seed": 1}
    found = identity_settings(config, ("dataset", "seed"), "data")
    assert found == {"dataset.root": "<paths.data>/x/y", "dataset.name": "x", "seed": 1}
    elsewhere = {"dataset": {"root": "/corpora/x/y", "name": "x"}, "seed": 1.0}
    assert identity_settings(elsewhere, ("dataset", "seed"), "/corpora") == found
    assert digest_of(found) == digest_of({**found, "seed": 1.0})
    assert digest_of(found) != digest_of({**found, "seed": 2})


@pytest.mark.parametrize(
    "name", ["", "a,b", "a=b", "a/b", "..", "-a", "a b", "\u97f3", "a" * 61, "a\n"]
)
def test_a_name_that_cannot_be_is_refused(name):
    with pytest.raises(SpeechLRPError, match="cannot name a run"):
        check_name(name)


@pytest.mark.parametrize("name", ["emo", "emo-seed-1", "a.b_c-2", "0", "a" * 60])
def test_a_name_that_can_be(name):
    check_name(name)


def test_sections_of_data_are_sections_of_a_run():
    assert set(DATA) < set(IDENTITY)
