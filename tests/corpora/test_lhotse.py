"""Lines as lhotse 1.33 wrote them, whole and not."""

import gzip
import json

import pytest

from speechlrp.corpora.lhotse import lhotse
from speechlrp.errors import SpeechLRPError


def recording(key="r1", kind="file", source="a.wav", **changes):
    sources = [{"type": kind, "channels": [0], "source": source}]
    length = {"sampling_rate": 8000, "num_samples": 8001, "duration": 1.000125}
    return {"id": key, "sources": sources, **length, "channel_ids": [0], **changes}


def said(key="r1", **changes):
    times = {"id": f"s-{key}", "recording_id": key, "start": 0, "duration": 1.0, "channel": 0}
    about = {"text": "hello", "language": "en", "speaker": "ann", "gender": "F"}
    return times | about | {"custom": {"mood": "glad", "age": 30, "pitch": [1, 2]}} | changes


@pytest.fixture
def written(tree):
    """Write rows into files, those of a name in .gz compressed."""

    def write(**files):
        root = tree("a.wav", text="a")
        tree("b.wav", text="b")
        for name, rows in files.items():
            text = "".join(json.dumps(row) + "\n" for row in rows)
            name = name.replace("__", ".")
            held = gzip.compress(text.encode()) if name.endswith(".gz") else text.encode()
            (root / name).write_bytes(held)
        return root

    return write


@pytest.mark.parametrize("end", ["jsonl", "jsonl__gz"])
def test_recordings_and_what_is_said_of_them(written, end):
    rows = {f"x_recordings_train__{end}": [recording()], f"x_supervisions_train__{end}": [said()]}
    root = written(**rows)
    (found,) = lhotse(root)
    assert (found.id, found.path, found.speaker) == ("r1", root / "a.wav", "ann")
    assert (found.gender, found.transcript) == ("female", "hello")
    assert found.extra == {"language": "en", "mood": "glad", "age": "30"}


def test_cuts(written):
    cut = {"id": "c", "start": 0, "duration": 1.000125, "type": "MonoCut"}
    whole = cut | {"supervisions": [said()], "recording": recording()}
    part = cut | {"supervisions": [said("r2")], "recording": recording("r2", source="b.wav")}
    root = written(cuts__jsonl__gz=[whole, part | {"start": 0.5, "duration": 0.5}, cut])
    assert [r.id for r in lhotse(root, file="cuts.jsonl.gz")] == ["r1"]


LEFT_OUT = {
    "two voices": (recording(), [said(), said(speaker="bob")]),
    "a part": (recording(), [said(duration=0.4)]),
    "no voice": (recording(), []),
    "no name": (recording(), [said(speaker=None)]),
    "a command": (recording(kind="command"), [said()]),
    "an address": (recording(kind="url", source="http://example.org/a.wav"), [said()]),
    "two files": (recording(sources=recording()["sources"] * 2), [said()]),
    "no duration": (recording(duration=None), [said()]),
    "odd sources": (recording(sources=["a.wav"]), [said()]),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_not_one_file_of_one_speaker_is_left_out_and_said(written, caplog, name):
    row, about = LEFT_OUT[name]
    good = [recording("r2", source="b.wav")], [said("r2")]
    root = written(recordings__jsonl=[row, *good[0]], supervisions__jsonl=[*about, *good[1]])
    assert [r.id for r in lhotse(root)] == ["r2"]
    assert "left out 1 that are not one file of one speaker: r1" in caplog.text
    with pytest.raises(SpeechLRPError, match="no recordings of one file and speaker each"):
        lhotse(written(recordings__jsonl=[row], supervisions__jsonl=about))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "line 1: not lhotse's JSON"),
        (b"[1]\n", r"line 1: not lhotse's JSON \(no object"),
        (b"[" * 100_000, "line 1: not lhotse's JSON"),
        (b"\xff\xfe", "not lhotse's JSON"),
        (b"<!DOCTYPE html>", "line 1: not lhotse's JSON"),
    ],
)
def test_what_is_damaged_is_one_line(written, content, reason):
    root = written(supervisions__jsonl=[said()])
    (root / "recordings.jsonl").write_bytes(content)
    with pytest.raises(SpeechLRPError, match=reason) as caught:
        lhotse(root)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "edit", [lambda b: b[:-9], lambda b: b"x" + b, lambda b: b[:15] + b"\0" * 9]
)
def test_a_damaged_archive_is_one_line(written, edit):
    root = written(supervisions__jsonl=[said()], recordings__jsonl__gz=[recording()])
    path = root / "recordings.jsonl.gz"
    path.write_bytes(edit(path.read_bytes()))
    with pytest.raises(SpeechLRPError, match="not lhotse's JSON"):
        lhotse(root)


def test_what_is_missing_is_said(written, tmp_path):
    with pytest.raises(SpeechLRPError, match="no folder of lhotse's manifests"):
        lhotse(tmp_path / "none")
    with pytest.raises(SpeechLRPError, match=r"no \*supervisions\*\.jsonl"):
        lhotse(written(recordings__jsonl=[recording()]))
    with pytest.raises(SpeechLRPError, match=r"cuts\.jsonl is missing"):
        lhotse(tmp_path, file="cuts.jsonl")
