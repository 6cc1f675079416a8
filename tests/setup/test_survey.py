"""What is found in recordings of one's own."""

import pytest
import soundfile
from toy_own import write_list, write_sound

from speechlrp.errors import SpeechLRPError
from speechlrp.setup.own_data import find_source
from speechlrp.setup.survey import described, survey


def looked(path, label="mood"):
    return survey(find_source(path, label, None, "emo"), label, workers=2)


def test_numbers_of_what_can_be_read(sources):
    found = looked(sources["manifest"])
    assert len(found.recordings) == found.heard == 32
    assert len(found.speakers) == 8
    assert found.rates == {16000: 32}
    assert found.channels == {1: 32}
    assert found.seconds == pytest.approx([0.6] * 32)
    assert found.unread == []


def test_what_cannot_be_used_is_told_with_its_reason(rows, tmp_path):
    (tmp_path / "text.wav").write_text("no sound at all")
    write_sound(tmp_path / "short.wav", 1, seconds=0.05)
    write_sound(tmp_path / "low.wav", 1, rate=8000)
    soundfile.write(tmp_path / "silent.wav", [0.0] * 9000, 16000)
    bad = ("text", "short", "silent", "low")
    more = [{"path": f"{name}.wav", "speaker": "s0", "mood": "calm"} for name in bad]
    more.append(rows[1] | {"path": rows[1]["path"], "mood": ""})
    found = looked(write_list(tmp_path / "own.csv", [rows[0], *rows[2:], *more]))
    reasons = {name: reason.split(":")[0] for name, reason in found.unread}
    assert reasons == {
        "text.wav": "not readable as audio",
        "short.wav": "too short",
        "silent.wav": "silent",
    }
    assert found.unlabelled == 1
    assert len(found.recordings) == 32
    assert found.rates == {16000: 31, 8000: 1}
    lines = "\n".join(described(found, "mood", "the list own.csv"))
    assert "32 recordings of 8 speakers" in lines
    assert "without a label mood, and left out: 1" in lines
    assert "left out: 1, such as short.wav (too short: 0.05 s)" in lines


@pytest.mark.parametrize(
    ("label", "message"),
    [
        (None, r"which label\? .* has mood \(2 classes\), speaker \(8 classes\): give one"),
        ("emotion", r"no recording has a label 'emotion'; .* mood \(2 classes\)"),
    ],
)
def test_a_label_that_there_is_not(sources, label, message):
    with pytest.raises(SpeechLRPError, match=message):
        looked(sources["manifest"], label)


def test_nothing_that_can_be_read(tmp_path):
    (tmp_path / "a.wav").write_text("nothing")
    path = write_list(tmp_path / "own.csv", [{"path": "a.wav", "speaker": "s", "mood": "calm"}])
    with pytest.raises(SpeechLRPError, match=r"none of 1 recordings can be read; .*a\.wav"):
        looked(path)
