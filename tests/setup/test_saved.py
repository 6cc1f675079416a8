"""Folders that the package datasets saved; skipped where it is not installed."""

import json
from pathlib import Path

import pandas as pd
import pytest

from speechlrp.corpora import CORPORA
from speechlrp.errors import SpeechLRPError
from speechlrp.setup.own_data import find_source

datasets = pytest.importorskip("datasets", reason="the package datasets is not installed")


def saved(rows, folder: Path, stored: bool, dictionary: bool = False) -> Path:
    """The rows as `datasets` saves them, with the files' content or their names alone."""
    content = (lambda path: Path(path).read_bytes()) if stored else lambda path: None
    columns = {
        "audio": [{"bytes": content(r["path"]), "path": r["path"]} for r in rows],
        "speaker_id": [int(r["speaker"][1:]) for r in rows],
        "mood": [["calm", "glad"].index(r["mood"]) for r in rows],
        "score": [0.5] * len(rows),
    }
    kinds = datasets.Features(
        audio=datasets.Audio(),
        speaker_id=datasets.Value("int32"),
        mood=datasets.ClassLabel(names=["calm", "glad"]),
        score=datasets.Value("float32"),
    )
    bare = {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    made = datasets.Dataset.from_dict(columns, features=datasets.Features(kinds | {"audio": bare}))
    if stored:  # as Audio they would be encoded, which needs another package
        made = datasets.Dataset(made.data, info=datasets.DatasetInfo(features=kinds))
    if dictionary:
        parts = {"train": made.select(range(20)), "test": made.select(range(20, len(rows)))}
        made = datasets.DatasetDict(parts)
    made.save_to_disk(str(folder))
    for info in () if stored else folder.rglob("dataset_info.json"):
        about = json.loads(info.read_text())
        about["features"]["audio"] = {"_type": "Audio"}  # as it was before files were stored
        info.write_text(json.dumps(about))
    return folder


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("dictionary", [True, False])
def test_recordings_labels_and_parts(rows, tmp_path, monkeypatch, stored, dictionary):
    monkeypatch.chdir(tmp_path)
    source = find_source(saved(rows, tmp_path / "set", stored, dictionary), "mood", None, "emo")
    found = CORPORA[source.corpus](source.root, **source.settings)
    assert len(found) == len(rows)
    told = {(r.path.read_bytes(), f"s{r.speaker}", r.label("mood")) for r in found}
    assert told == {(Path(r["path"]).read_bytes(), r["speaker"], r["mood"]) for r in rows}
    assert {r.label("part") for r in found} == ({"train", "test"} if dictionary else {None})
    assert all(r.path.is_relative_to(tmp_path) == stored for r in found)
    assert "score" not in pd.read_csv(tmp_path / "emo_recordings" / "recordings.csv")


def test_what_was_written_is_kept(rows, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = saved(rows, tmp_path / "set", stored=True)
    find_source(folder, "mood", None, "emo")
    times = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.wav")}
    find_source(folder, "mood", None, "emo")
    assert times == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.wav")}
    assert len(times) == len(rows)


def test_a_data_set_without_audio(tmp_path):
    datasets.Dataset.from_dict({"mood": ["calm"]}).save_to_disk(str(tmp_path / "set"))
    with pytest.raises(SpeechLRPError, match=r"no column .* Audio; there are: mood; cast it"):
        find_source(tmp_path / "set", "mood", None, "emo")


def test_a_damaged_folder(rows, tmp_path):
    folder = saved(rows, tmp_path / "set", stored=False)
    (folder / "state.json").write_text("{")
    with pytest.raises(SpeechLRPError, match=r"not as datasets\.save_to_disk wrote it .* again"):
        find_source(folder, "mood", None, "emo")
