"""HDF5 artifacts: what is not one is refused, and tables come back as they went in."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest

from speechlrp.artifacts.hdf5 import describe, label_axes, open_artifact, read_table, write_table
from speechlrp.artifacts.layout import Layout
from speechlrp.errors import SpeechLRPError

COMMAND = "speechlrp preprocess experiment=demo"
FEATURES = Layout("features", {"features": "N"})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "features.h5"
    with h5py.File(path, "w") as file:
        file["features"] = np.arange(2000.0)
        describe(file, {"kind": "features"})
    return path


def _open(path, layout=FEATURES):
    with open_artifact(path, layout, COMMAND) as file:
        return file["features"][3]


def test_a_whole_file_opens_and_closes_again(path):
    assert _open(path) == 3
    path.unlink()
    with pytest.raises(SpeechLRPError):
        _open(path)


def test_an_error_inside_is_not_taken_for_damage(path):
    with (
        pytest.raises(OSError, match="of another file"),
        open_artifact(path, FEATURES, COMMAND),
    ):
        raise OSError("of another file")


def _truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _foreign_hdf5(path):
    with h5py.File(path, "w") as file:
        file["x"] = 1


SPOILT = {
    "missing": (lambda path: path.unlink(), f"make them with `{COMMAND}`"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), f"make them with `{COMMAND}`"),
    "truncated": (_truncate, f"damaged or not ours (.*make it again with `{COMMAND} --force`"),
    "empty": (lambda path: path.write_bytes(b""), f"`{COMMAND} --force`"),
    "text": (lambda path: path.write_text("hello\n" * 99), f"`{COMMAND} --force`"),
    "foreign": (_foreign_hdf5, f"something foreign, not features; .*`{COMMAND} --force`"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_the_error_names_the_file_and_the_command(path, how):
    spoil, message = SPOILT[how]
    spoil(path)
    with pytest.raises(SpeechLRPError, match=message.replace("(", r"\(")) as caught:
        _open(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_kind_is_refused(path):
    with pytest.raises(SpeechLRPError, match="holds features, not relevance"):
        _open(path, Layout("relevance", {}))


def test_a_table_comes_back(tmp_path):
    table = pd.DataFrame(
        {
            "id": ["a@0.00", "ü/é 東京", ""],
            "label": np.array([0, 1, 0], dtype=np.int64),
            "start_s": [0.0, 1.25, np.nan],
            "chosen": [True, False, True],
            "small": np.array([1, 2, 3], dtype=np.uint16),
        },
        index=[5, 6, 7],
    )
    with h5py.File(tmp_path / "t.h5", "w") as file:
        write_table(file, table)
        found = read_table(file)
    pd.testing.assert_frame_equal(found, table.reset_index(drop=True), check_dtype=False)
    assert found.label.dtype == np.int64
    assert found.small.dtype == np.uint16
    assert found.chosen.dtype == bool


def test_missing_text_becomes_empty(tmp_path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        write_table(file, pd.DataFrame({"digit": ["1", None, np.nan], "none": [None] * 3}))
        found = read_table(file)
    assert found.digit.tolist() == ["1", "", ""]
    assert found.none.tolist() == ["", "", ""]


def test_an_empty_table_comes_back(tmp_path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        write_table(file, pd.DataFrame({"id": pd.Series(dtype=str), "x": pd.Series(dtype=float)}))
        found = read_table(file)
    assert list(found.columns) == ["id", "x"]
    assert len(found) == 0


def test_attributes_and_axes(tmp_path):
    with h5py.File(tmp_path / "t.h5", "w") as file:
        describe(file, {"kind": "x", "silence": -80.0, "classes": ["ü", "f"], "none": None})
        data = file.create_dataset("d", (2, 3), "f4")
        label_axes(data, ("recording", "time"), "dB")
        assert file.attrs["kind"] == "x"
        assert file.attrs["silence"] == -80
        assert json.loads(file.attrs["classes"]) == ["ü", "f"]
        assert json.loads(file.attrs["none"]) is None
        assert [dimension.label for dimension in data.dims] == ["recording", "time"]
        assert json.loads(data.attrs["axes"]) == ["recording", "time"]
        assert data.attrs["units"] == "dB"
        with pytest.raises(ValueError, match="zip"):
            label_axes(data, ("recording",))
