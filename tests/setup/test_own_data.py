"""What a place with recordings is taken for."""

import json
import re
import sys

import pytest
from toy_own import write_list

from speechlrp.corpora import CORPORA
from speechlrp.errors import SpeechLRPError
from speechlrp.setup.own_data import find_source


@pytest.mark.parametrize("kind", ["manifest", "folder", "kaldi", "lhotse"])
def test_the_same_recordings_in_every_form(sources, rows, kind):
    source = find_source(sources[kind], "mood", None, "emo")
    assert source.corpus == kind
    found = CORPORA[kind](source.root, **source.settings)
    told = {(str(r.path), r.speaker, r.label("mood")) for r in found}
    assert told == {(r["path"], r["speaker"], r["mood"]) for r in rows}


def test_a_folder_with_one_list_is_that_list(sources, tmp_path):
    assert find_source(tmp_path, "mood", None, "emo").root == sources["manifest"].parent


@pytest.mark.parametrize("name", ["supervisions", "recordings"])
def test_one_of_two_manifests_stands_for_both(sources, name):
    path = sources["lhotse"] / f"{name}.jsonl.gz"
    source = find_source(path, "mood", None, "emo")
    assert (source.root, source.settings) == (sources["lhotse"], {})


def test_a_file_of_cuts(sources, rows, tmp_path):
    recording = {
        "id": "a", "duration": 0.6, "sources": [{"type": "file", "source": rows[0]["path"]}]
    }  # fmt: skip
    said = {"start": 0, "duration": 0.6, "speaker": "s0", "custom": {"mood": "calm"}}
    cut = {"start": 0, "duration": 0.6, "recording": recording, "supervisions": [said]}
    (tmp_path / "lhotse" / "mine.jsonl").write_text(json.dumps(cut) + "\n")
    source = find_source(tmp_path / "lhotse" / "mine.jsonl", "mood", None, "emo")
    (found,) = CORPORA["lhotse"](source.root, **source.settings)
    assert (found.speaker, found.label("mood")) == ("s0", "calm")


@pytest.mark.parametrize(
    ("names", "speaker", "settings"),
    [
        (("path", "speaker"), None, {}),
        (("filename", "client_id"), None, {"path": "filename", "speaker": "client_id"}),
        (("File", "Speaker_ID"), None, {"path": "File", "speaker": "Speaker_ID"}),
        (("sound", "speaker"), None, {"path": "sound"}),
        (("path", "who"), "who", {"speaker": "who"}),
        (("path", "who"), None, {"speaker": None}),
    ],
)
def test_columns_of_other_names(rows, tmp_path, names, speaker, settings):
    renamed = [dict(zip((*names, "mood"), row.values(), strict=True)) for row in rows]
    source = find_source(write_list(tmp_path / "own.csv", renamed), "mood", speaker, "emo")
    assert source.settings == {"file": "own.csv", **settings}
    found = CORPORA["manifest"](source.root, **source.settings)
    assert len({r.speaker for r in found}) == (8 if speaker or settings.get("speaker", "x") else 32)


@pytest.mark.parametrize(
    ("place", "speaker", "message"),
    [
        ("nothing.csv", None, "there is no .*nothing.csv; give a CSV file, a folder with"),
        ("my.csv", "who", "has no column 'who'; found: path, speaker, mood"),
        ("kaldi", "who", "--speaker who: .* Kaldi data folder, and utt2spk says who speaks"),
        ("lhotse", "who", "--speaker who: .* leave --speaker out"),
        ("bare.csv", None, "has no column path; found: sound; list your recordings"),
        ("empty", None, "holds 0 folders with audio; give a CSV file"),
        ("lists", None, "holds the lists a.csv, b.csv; give"),
    ],
)
def test_what_it_cannot_be(sources, tmp_path, place, speaker, message):
    (tmp_path / "bare.csv").write_text("sound\na\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "lists").mkdir()
    for name in ("a", "b"):
        (tmp_path / "lists" / f"{name}.csv").write_text("path,speaker\n")
    with pytest.raises(SpeechLRPError, match=message):
        find_source(tmp_path / place, "mood", speaker, "emo")


def test_a_saved_data_set_without_the_package(tmp_path, monkeypatch):
    (tmp_path / "dataset_dict.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(SpeechLRPError, match="pip install datasets") as error:
        find_source(tmp_path, "mood", None, "emo")
    assert not re.search("\n", str(error.value))


@pytest.mark.parametrize(
    ("name", "text", "right"),
    [
        ("own.csv", "a.wav,anna,calm\n", r"its first row is a recording \(a.wav, anna, calm\);"),
        ("own.csv", "", "no column path; found: nothing; list your recordings"),
        ("a.wav", "RIFF", "a.wav is one file of many: give its folder, or a CSV"),
        ("wav.scp", "a a.wav", "wav.scp is one file of many: give its folder"),
    ],
)
def test_a_file_that_is_no_list(tmp_path, name, text, right):
    (tmp_path / name).write_text(text)
    with pytest.raises(SpeechLRPError, match=right):
        find_source(tmp_path / name, "mood", None, "emo")


def test_recordings_without_labels(tmp_path):
    for name in ("a.wav", "b.WAV", "notes.txt"):
        (tmp_path / name).touch()
    with pytest.raises(SpeechLRPError, match="2 recordings, of which it does not say what they"):
        find_source(tmp_path, "mood", None, "emo")
