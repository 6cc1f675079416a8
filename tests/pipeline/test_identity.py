"""What a run remembers, and what its folder's name has to do with it."""

import json

import pytest

from speechlrp.pipeline.identity import FILE, read_run


@pytest.fixture
def run(tmp_path):
    """A run that was made as `r`, in a folder of another name."""

    def made(folder: str, data_run: str, *stages: str):
        for stage in ("", *stages):
            (tmp_path / folder / stage).mkdir(parents=True, exist_ok=True)
        text = json.dumps({"name": "r", "data_run": data_run})
        (tmp_path / folder / FILE).write_text(text)
        return read_run(tmp_path / folder)

    return made


ROWS = {
    "as it was made": ("r", "r", ["preprocess"], "r"),
    "renamed, or copied": ("s", "r", ["preprocess", "train"], "s"),
    "renamed, with another run's features": ("s", "data", ["train"], "data"),
    "exported, without features": ("s", "r", [], "r"),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_run_finds_its_features_whatever_its_folder_is_called(run, name):
    folder, data_run, stages, right = ROWS[name]
    assert run(folder, data_run, *stages).data_run == right


def test_a_link_to_a_run_is_the_run(run, tmp_path):
    run("r", "r", "preprocess")
    (tmp_path / "link").symlink_to("r")
    assert read_run(tmp_path / "link").data_run == "link"


def test_a_folder_without_a_run_has_none(tmp_path):
    assert read_run(tmp_path) is None
