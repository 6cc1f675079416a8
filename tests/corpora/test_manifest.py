import pytest

from speechlrp.corpora.manifest import manifest
from speechlrp.errors import SpeechLRPError


@pytest.fixture
def listed(tree):
    """Write a manifest beside two recordings and return the folder."""

    def write(text, name="manifest.csv"):
        tree("a.wav", "sub/b.flac")
        return tree(name, text=text)

    return write


@pytest.mark.parametrize("mark", [",", "\t", ";"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_reads_labels(listed, mark, bom):
    text = "path,speaker,gender,digit,mood\na.wav,ann,F,3,glad\n\nsub/b.flac, bob,male,,\n"
    root = listed(bom + text.replace(",", mark))
    first, second = manifest(root)
    assert (first.id, first.path, first.speaker) == ("a.wav", root / "a.wav", "ann")
    assert (first.gender, first.digit, first.extra) == ("female", "3", {"mood": "glad"})
    assert (second.speaker, second.gender, second.digit) == ("bob", "male", None)
    assert second.extra == {}


def test_paths_are_relative_to_the_file(listed, tmp_path):
    listed("path,speaker,id\n../a.wav,ann,one\n", name="lists/my.csv")
    (recording,) = manifest(tmp_path, file="lists/my.csv")
    assert recording.id == "one"
    assert recording.path.samefile(tmp_path / "a.wav")


def test_paths_are_those_from_where_one_stands_if_not_beside_the_list(
    listed, tmp_path, monkeypatch
):
    root = listed("path,speaker\na.wav,ann\nsub/b.flac,bob\n", name="lists/my.csv")
    monkeypatch.chdir(root)
    found = manifest(tmp_path / "none", file="lists/my.csv")
    assert [r.path for r in found] == [root / "a.wav", root / "sub/b.flac"]
    (root / "lists/a.wav").write_text("beside the list")
    assert manifest(root, file="lists/my.csv")[0].path == root / "lists/a.wav"


def test_quoted_transcript(listed):
    (recording,) = manifest(listed('path,speaker,transcript\na.wav,ann,"well, yes"\n'))
    assert recording.transcript == "well, yes"


def test_speakers_are_picked(listed):
    root = listed("path,speaker\na.wav,ann\nsub/b.flac,bob\n")
    assert [r.speaker for r in manifest(root, speakers=["bob"])] == ["bob"]
    with pytest.raises(SpeechLRPError, match=r"speaker bib .*known: ann, bob; did you mean 'bob'"):
        manifest(root, speakers=["bib"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'path'"),
        ("path,who\na.wav,ann\n", "no column 'speaker'; found: path, who"),
        ("path,speaker,speaker\na.wav,a,b\n", "there twice"),
        ("path,speaker\na.wav\n", "line 2: 1 cells for 2 columns"),
        ("path,speaker\na.wav,\n", "line 2: speaker is empty"),
        ("path,speaker,id\na.wav,x,1\nsub/b.flac,x,1\n", "lists '1' twice"),
        ("path,speaker\nnone.wav,x\n", "lists 1 recordings that are not there: .*none.wav"),
        ("path,speaker,gender\na.wav,x,?\n", "unknown gender '\\?'"),
        ("path,speaker\n", "no recordings of a manifest"),
    ],
)
def test_what_is_wrong_is_said(listed, text, message):
    with pytest.raises(SpeechLRPError, match=message):
        manifest(listed(text))


def test_no_such_file_or_folder(tmp_path):
    with pytest.raises(SpeechLRPError, match=r"manifest.csv is missing"):
        manifest(tmp_path)
    with pytest.raises(SpeechLRPError, match=r"no folder of recordings in"):
        manifest(tmp_path / "none")
    (tmp_path / "manifest.csv").write_bytes(b"path,speaker\n\xff\xfe,x\n")
    with pytest.raises(SpeechLRPError, match=r"is not UTF-8 text"):
        manifest(tmp_path)
