"""How a run is named."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlrp.config.names import DATA, IDENTITY, LONGEST, conf_dir, identity_overrides, run_name

DEFAULTS = {"experiment": "audiomnist_gender", "dataset": "audiomnist", "task": "gender"}


def test_the_configurations_are_found():
    assert (conf_dir() / "base.yaml").is_file()


@pytest.mark.parametrize(
    ("choices", "overrides", "expected"),
    [
        ({}, [], "audiomnist_gender"),
        ({"experiment": "demo"}, ["experiment=demo"], "demo"),
        ({"dataset": "voxceleb"}, ["dataset=voxceleb"], "voxceleb_gender"),
        ({"dataset": "x", "task": "digit"}, ["task=digit", "dataset=x"], "x_digit"),
        ({}, ["trainer.epochs=3"], "audiomnist_gender,trainer.epochs=3"),
        ({"experiment": "demo"}, ["seed=2", "experiment=demo"], "demo,seed=2"),
        (
            {"experiment": "demo", "dataset": "voxceleb"},
            ["experiment=demo", "dataset=voxceleb"],
            "demo,dataset=voxceleb",
        ),
        ({}, ["dataset.root=/a b/c"], "audiomnist_gender,dataset.root=a_b_c"),
        (
            {"dataset": "voxceleb"},
            ["dataset=voxceleb", "dataset.root=x"],
            "voxceleb_gender,dataset.root=x",
        ),
        ({}, ["flipping.strategy=lrp", "device=cpu", "force=true", "subset=train"],
         "audiomnist_gender"),
        ({}, ["seed=1", "model=alexnet_small"], "audiomnist_gender,model=alexnet_small,seed=1"),
    ],
)  # fmt: skip
def test_run_names(choices, overrides, expected):
    assert run_name(DEFAULTS | choices, overrides) == expected


def test_the_order_of_overrides_makes_no_difference():
    one = run_name(DEFAULTS, ["trainer.lr=1", "seed=2", "model=a"])
    assert one == run_name(DEFAULTS, ["model=a", "trainer.lr=1", "seed=2"])


def test_the_last_of_two_overrides_counts():
    assert run_name(DEFAULTS, ["seed=2", "seed=3"]) == run_name(DEFAULTS, ["seed=3"])


@pytest.mark.parametrize("same", [["1e-4", "0.0001", "1.0e-04"], ["3", "3.0", "+3"]])
def test_a_number_is_named_alike_however_it_is_written(same):
    assert len({run_name(DEFAULTS, [f"trainer.lr={value}"]) for value in same}) == 1


def test_features_are_named_by_what_changes_them():
    given_ = [
        "trainer.epochs=3",
        "features.reference=silence",
        "model=alexnet_small",
        "data_seed=2",
    ]
    assert run_name(DEFAULTS, given_, DATA) == (
        "audiomnist_gender,data_seed=2,features.reference=silence"
    )


def test_identity_overrides_take_any_spelling():
    given_ = ["+split.x=1", "~model.dropout", "model/x=2", "model@y=a", "models=1", "splits.x=3"]
    assert identity_overrides(given_) == [
        "~model.dropout", "model/x=2", "model@y=a", "+split.x=1"
    ]  # fmt: skip
    assert identity_overrides(["paths.outputs=x", "seed=1"], ("paths",)) == ["paths.outputs=x"]


@settings(max_examples=50)
@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_value_makes_one_folder_of_bounded_length(values):
    name = run_name(DEFAULTS, [f"dataset.x{i}={value}" for i, value in enumerate(values)])
    assert len(name) <= LONGEST + 9
    assert not set(name) & set("/\\ \t\n\0'\"$`*?[](){}<>|&;:")
    assert name.startswith("audiomnist_gender")


def test_long_names_stay_apart():
    long = [f"dataset.{letter}{'x' * 90}=1" for letter in string.ascii_lowercase[:4]]
    one, other = run_name(DEFAULTS, long), run_name(DEFAULTS, [*long[:3], long[3] + "2"])
    assert one != other
    assert max(map(len, (one, other))) < 255


def test_sections_of_data_are_sections_of_a_run():
    assert set(DATA) < set(IDENTITY)
