"""One's own recordings in folders, as Kaldi's and as lhotse's: one row a situation."""

import json
import os

import pytest

from speechlrp.corpora.folder import folder
from speechlrp.corpora.kaldi import kaldi
from speechlrp.corpora.lhotse import lhotse
from speechlrp.errors import SpeechLRPError

FILES = ["x/ann/1.wav", "y/bob/1.wav", "store/cid/1.wav"]


@pytest.fixture
def classes(lay):
    """Two classes of a speaker each, and a folder of a third beside them."""
    root = lay({name: name for name in FILES})
    (root / "store").rename(root.parent / f"{root.name}_store")
    return root


def ids(root):
    return [r.id for r in folder(root)]


def test_recordings_of_a_linked_speaker_are_used(classes):
    (classes / "x/cid").symlink_to(f"{classes}_store/cid")
    assert ids(classes) == ["x/ann/1", "x/cid/1", "y/bob/1"]


@pytest.mark.parametrize("up", ["", "x", "x/ann"])
def test_a_link_that_leads_back_up_is_no_recording(classes, up):
    (classes / "x/ann/up").symlink_to(classes / up)
    assert ids(classes) == ["x/ann/1", "y/bob/1"]


@pytest.mark.parametrize("name", ["x", "x/ann"])
def test_a_folder_that_may_not_be_read_is_said(classes, monkeypatch, name):
    scan = os.scandir

    def refusing(path="."):
        if os.fspath(path) == str(classes / name):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refusing)  # a test that root runs may read everything
    with pytest.raises(PermissionError, match=name):
        ids(classes)


def test_a_folder_of_nothing_is_said(classes, caplog):
    (classes / "z").mkdir()
    assert ids(classes) == ["x/ann/1", "y/bob/1"]
    assert f"{classes}/z holds no recordings" in caplog.text


@pytest.mark.parametrize("name", ["2.wma", "2.amr", "2.WebM", "2.3gp", "2.ape", "2.wv"])
def test_a_format_that_is_not_read_is_not_passed_over(classes, name):
    (classes / "x/ann" / name).write_bytes(b"x")
    assert ids(classes) == ["x/ann/1", "x/ann/2", "y/bob/1"]


def test_what_systems_leave_is_no_recording(classes, caplog):
    for name in ("._1.wav", ".DS_Store", "Thumbs.db", "desktop.ini", "1.wav~", "1.wav.part"):
        (classes / "x/ann" / name).write_bytes(b"x")
    for name in ("__MACOSX/2.wav", ".trash/2.wav"):
        (classes / name).parent.mkdir()
        (classes / name).write_bytes(b"x")
    assert ids(classes) == ["x/ann/1", "y/bob/1"]
    assert caplog.text == ""


BOTH = {"wav.scp": "u1 a.wav\nu2 b.wav\n", "utt2spk": "u1 s1\nu2 s2\n"}
KALDI = {
    "no speaker": ({"utt2spk": "u1\nu2 s2\n"}, "names no speaker for u1"),
    "a command": ({"wav.scp": "u1 sox a.wav -t wav - |\n"}, "a command for u1"),
    "an archive": ({"wav.scp": "u1 raw.ark:123\n"}, "an archive for u1"),
    "one twice": ({"wav.scp": "u1 a.wav\nu1 b.wav\n"}, "line 2: u1 is there twice"),
    "segments": ({"segments": "u1 u1 0 1\n"}, "cuts recordings"),
    "no list of speakers": ({"utt2spk": b"\xff\xfe\0"}, "not UTF-8 text"),
}


@pytest.mark.parametrize("name", KALDI)
def test_a_kaldi_folder_is_refused_in_one_line(lay, name):
    files, reason = KALDI[name]
    root = lay({"a.wav": "a", "b.wav": "b", **BOTH, **files})
    with pytest.raises(SpeechLRPError, match=reason) as caught:
        kaldi(root)
    assert "\n" not in str(caught.value)


def test_an_utterance_without_a_file_is_said(lay, caplog):
    root = lay({"a.wav": "a", **BOTH, "wav.scp": "u1 a.wav\n"})
    assert [r.id for r in kaldi(root)] == ["u1"]
    assert "1 utterances that wav.scp has not, which are left out: u2" in caplog.text


def test_what_editors_leave_is_no_label(lay):
    copies = dict.fromkeys(("utt2lang~", "utt2lang.bak", "spk2x.old"), "u1 fr\nu2 fr\n")
    root = lay({"a.wav": "a", "b.wav": "b", **BOTH, **copies, "utt2lang": "u1 de\nu2 de\n"})
    assert [dict(r.extra) for r in kaldi(root)] == [{"lang": "de"}] * 2


SOURCE = {"type": "file", "channels": [0], "source": "a.wav"}
ROW = {"id": "a", "sources": [SOURCE], "duration": 1.0}
SAID = {"recording_id": "a", "start": 0, "duration": 1.0, "channel": 0, "speaker": "s"}
STEREO = {"sources": [SOURCE | {"channels": [0, 1]}]}
LHOTSE = {
    "as it should be": ({}, {}, "s"),
    "a number as speaker": ({}, {"speaker": 0}, "0"),
    "channels in a list": (STEREO, {"channel": [0, 1]}, "s"),
    "one of two channels": (STEREO, {"channel": 1}, None),
    "another speed": ({"transforms": [{"name": "Speed", "kwargs": {"factor": 1.1}}]}, {}, None),
    "no speaker": ({}, {"speaker": ""}, None),
    "a part": ({}, {"duration": 0.5}, None),
    "no length": ({"duration": float("nan")}, {}, None),
    "a command": ({"sources": [SOURCE | {"type": "command"}]}, {}, None),
}


@pytest.mark.parametrize("name", LHOTSE)
def test_a_recording_of_lhotse_is_used_whole_or_left_out(lay, caplog, name):
    recording, said, speaker = LHOTSE[name]
    root = lay({"a.wav": "a", "b.wav": "b"})
    whole = [ROW | {"id": "b", "sources": [SOURCE | {"source": "b.wav"}]}, ROW | recording]
    write(root / "recordings.jsonl", whole)
    write(root / "supervisions.jsonl", [SAID | {"recording_id": "b"}, SAID | said])
    speakers = {r.id: r.speaker for r in lhotse(root)}
    assert speakers == {"b": "s"} | ({} if speaker is None else {"a": speaker})
    assert ("left out 1" in caplog.text) == (speaker is None)


def test_two_recordings_of_one_name_are_refused(lay):
    root = lay({"a.wav": "a", "b.wav": "b"})
    write(root / "recordings.jsonl", [ROW, ROW | {"sources": [SOURCE | {"source": "b.wav"}]}])
    write(root / "supervisions.jsonl", [SAID])
    with pytest.raises(SpeechLRPError, match="'a' twice; ids must differ"):
        lhotse(root)


def write(path, rows):
    path.write_text("\n".join(map(json.dumps, rows)))
