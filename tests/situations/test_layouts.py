"""Corpora as they lie on people's disks: one row a situation.

A row: the files (those without content hold their own name), the recordings that are right, as
id -> file, and what must be said. No audio file is neither used nor said.
"""

import json
import os
from collections.abc import Callable

import pytest

from speechlrp.corpora.audiomnist import audiomnist
from speechlrp.corpora.librispeech import librispeech
from speechlrp.corpora.musan import musan
from speechlrp.corpora.voxceleb import voxceleb
from speechlrp.errors import SpeechLRPError

L = "dev/19/198/19-198-"
V = "wav/id1/v/"
A = "data/01/"
LAYOUTS = {
    "librispeech": (librispeech, {"SPEAKERS.TXT": "19 | F | dev | 25 | K\n"}),
    "voxceleb": (
        voxceleb,
        {"vox1_meta.csv": "ID\tVGG\tGender\tNationality\tSet\nid1\tA\tm\tI\td\n"},
    ),
    "audiomnist": (
        audiomnist,
        {"data/audioMNIST_meta.txt": json.dumps({"01": {"gender": "male"}})},
    ),
}
USED = {
    "librispeech, capitals": ("librispeech", {"19-198-0": L + "0.FLAC", "19-198-1": L + "1.Wav"}),
    "librispeech, mp3 and opus": (
        "librispeech",
        {"19-198-0": L + "0.mp3", "19-198-1": L + "1.opus"},
    ),
    "librispeech, ogg and m4a": ("librispeech", {"19-198-0": L + "0.ogg", "19-198-1": L + "1.M4A"}),
    "voxceleb, capitals": ("voxceleb", {"id1/v/1": V + "1.WAV", "id1/v/2": V + "2.Flac"}),
    "voxceleb, mp3 and opus": ("voxceleb", {"id1/v/1": V + "1.mp3", "id1/v/2": V + "2.OPUS"}),
    "voxceleb, points in names": ("voxceleb", {"id1/v/1.2": V + "1.2.wav"}),
    "audiomnist, capitals": (
        "audiomnist",
        {"0_01_0": A + "0_01_0.WAV", "0_01_1": A + "0_01_1.flac"},
    ),
    "audiomnist, sphere": ("audiomnist", {"0_01_0": A + "0_01_0.sph", "0_01_1": A + "0_01_1.aiff"}),
}


def read(lay: Callable, layout: str, files: dict[str, str]) -> dict[str, str]:
    reader, tables = LAYOUTS[layout]
    root = lay(files | tables)
    return {r.id: r.path.relative_to(root).as_posix() for r in reader(root)}


@pytest.mark.parametrize("name", USED)
def test_every_suffix_is_used(lay, caplog, name):
    layout, right = USED[name]
    assert read(lay, layout, {path: path for path in right.values()}) == right
    assert caplog.text == ""


TWICE = {
    "librispeech, wav before flac": ("librispeech", L + "0.wav", [L + "0.flac"]),
    "librispeech, flac before opus": ("librispeech", L + "0.FLAC", [L + "0.opus"]),
    "voxceleb, in another folder": ("voxceleb", V + "1.wav", ["dev/aac/id1/v/1.m4a"]),
    "voxceleb, three": ("voxceleb", V + "1.flac", [V + "1.mp3", V + "1.M4A"]),
    "audiomnist": ("audiomnist", A + "0_01_0.wav", [A + "0_01_0.ogg"]),
}


@pytest.mark.parametrize("name", TWICE)
def test_of_one_utterance_in_two_files_the_best_is_taken_and_it_is_said(lay, caplog, name):
    layout, best, others = TWICE[name]
    found = read(lay, layout, {path: path for path in (best, *others)})
    assert list(found.values()) == [best]
    assert f"{len(others)} recordings are there in a second file" in caplog.text
    short = [other.removeprefix("data/") for other in others]
    assert all(other in caplog.text for other in short)


def test_an_empty_file_and_a_link_to_nothing_are_never_the_best(lay, tmp_path):
    assert read(lay, "voxceleb", {V + "1.wav": "", V + "1.mp3": "x"}) == {"id1/v/1": V + "1.mp3"}
    (tmp_path / V / "1.flac").symlink_to("nothing")
    assert read(lay, "voxceleb", {}) == {"id1/v/1": V + "1.mp3"}


LINKS = {
    "a folder to itself": ("data/02", "02", None),
    "a file to itself": ("data/01/0_01_1.wav", "0_01_1.wav", None),
    "back up": ("data/01/up", "..", None),
    "a speaker to another": ("wav/id2", "id1", "id1/v/1 and id2/v/1 are the same file.*speaker is"),
}


@pytest.mark.parametrize("name", LINKS)
def test_a_link_is_no_second_recording(lay, tmp_path, name):
    link, target, reason = LINKS[name]
    if reason is None:
        lay({A + "0_01_0.wav": "x"})
        (tmp_path / link).symlink_to(target)
        assert read(lay, "audiomnist", {})["0_01_0"] == A + "0_01_0.wav"
        return
    root = lay({V + "1.wav": "x", "vox1_meta.csv": "ID,Gender\nid1,m\nid2,m\n"})
    (root / link).symlink_to(target)
    with pytest.raises(SpeechLRPError, match=reason):
        voxceleb(root)


def test_a_name_that_is_not_utf8_is_said(lay, caplog):
    bad = os.fsdecode(V.encode() + b"\xe9.wav")
    assert read(lay, "voxceleb", {V + "1.wav": "x", bad: "x"}) == {"id1/v/1": V + "1.wav"}
    assert "left out 1 audio files whose names are not UTF-8" in caplog.text
    assert "\\udce9.wav" in caplog.text


def test_a_line_end_in_a_name_makes_no_second_line(lay):
    with pytest.raises(SpeechLRPError, match="1 audio files do not fit") as caught:
        read(lay, "librispeech", {"d/19/198\n/19-198\n-1.flac": "x"})
    assert "\n" not in str(caught.value)


ODD = {
    "librispeech, beside the chapters": ("librispeech", L + "0.flac", "dev/19/loose.WAV"),
    "librispeech, below a chapter": ("librispeech", L + "0.flac", "dev/19/198/old/19-198-1.flac"),
    "librispeech, a speaker by name": ("librispeech", L + "0.flac", "dev/ann/198/ann-198-1.mp3"),
    "librispeech, beside the speakers": ("librispeech", L + "0.flac", "dev/x.opus"),
    "voxceleb, at the top": ("voxceleb", V + "1.wav", "x.Mp3"),
    "voxceleb, beside the speakers": ("voxceleb", V + "1.wav", "wav/x.OGG"),
    "voxceleb, beside the videos": ("voxceleb", V + "1.wav", "wav/id1/x.wav"),
    "voxceleb, below a video": ("voxceleb", V + "1.wav", "wav/id1/v/more/2.wav"),
    "audiomnist, another's": ("audiomnist", A + "0_01_0.wav", A + "0_02_0.WAV"),
    "audiomnist, no number": ("audiomnist", A + "0_01_0.wav", "data/ann/0_01_0.wav"),
    "audiomnist, below": ("audiomnist", A + "0_01_0.wav", "data/01/old/0_01_1.wav"),
}


@pytest.mark.parametrize("name", ODD)
def test_what_does_not_fit_is_counted_and_named(lay, caplog, name):
    layout, good, odd = ODD[name]
    assert list(read(lay, layout, {good: good, odd: odd}).values()) == [good]
    assert "left out 1 audio files that do not fit the layout" in caplog.text
    assert odd.removeprefix("data/") in caplog.text


def test_where_nothing_fits_an_example_is_named(lay):
    with pytest.raises(SpeechLRPError, match=r"no recordings of VoxCeleb .*1 audio files .*x\.MP3"):
        read(lay, "voxceleb", {"wav/id1/x.MP3": "x"})


def test_noise_and_music_are_found_likewise(lay, caplog):
    names = [
        "noise/a/x.WAV",
        "noise/a/y.flac",
        "noise/a/y.mp3",
        "noise/loose.ogg",
        "music/b/z.opus",
    ]
    root = lay({name: name for name in names})
    assert musan(root) == {
        "noise": [root / "noise/a/x.WAV", root / "noise/a/y.flac"],
        "music": [root / "music/b/z.opus"],
    }
    assert "left out 1 files" in caplog.text
    assert "loose.ogg" in caplog.text


TABLES = {
    "tabs": "ID\tGender\tNationality\nid1\tm\tNew  Zealand\n",
    "commas and blanks": "VoxCeleb2 ID ,Gender ,Nationality \nid1 ,m ,New  Zealand \n",
    "quotes": 'ID,Gender,Nationality\n"id1","m","New  Zealand"\n',
    "a comma in quotes": 'ID,VGG,Gender,Nationality\nid1,"a, b",m,New  Zealand\n',
    "a byte order mark": "\ufeffID,Gender,Nationality\nid1,m,New  Zealand\n",
    "another system's lines": "ID,Gender,Nationality\r\nid1,m,New  Zealand\r\n",
    "a last comma": "ID,Gender,Nationality\nid1,m,New  Zealand,\n",
}


@pytest.mark.parametrize("name", TABLES)
def test_the_table_of_speakers_is_a_csv(lay, name):
    root = lay({"vox2_meta.csv": TABLES[name], V + "1.wav": "x"})
    (recording,) = voxceleb(root)
    assert (recording.gender, recording.extra["nationality"]) == ("male", "New  Zealand")


SPOKEN = {"SPEAKERS.TXT": "1|F|d\n", "d/1/2/1-2-3.flac": ""}
TEXT = "d/1/2/1-2.trans.txt"
CONTRADICTIONS = {
    "voxceleb": (voxceleb, {"vox1_meta.csv": "ID,Gender\nid1,m\nid1,f\n", V + "1.wav": "x"}),
    "voxceleb's two tables": (
        voxceleb,
        {"vox1_meta.csv": "ID,Gender\nid1,m\n", "vox2_meta.csv": "ID,Gender\nid1,f\n"},
    ),
    "librispeech": (librispeech, {"SPEAKERS.TXT": "1|F|d\n1|M|d\n", "d/1/2/1-2-3.flac": "x"}),
    "a transcript": (librispeech, SPOKEN | {TEXT: "1-2-3 A\n1-2-3 B\n"}),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_contradicts_itself_is_refused(lay, name):
    reader, files = CONTRADICTIONS[name]
    with pytest.raises(SpeechLRPError, match=r"describes '[id\d-]+' as"):
        reader(lay(files))


WRITTEN = {
    "as it should be": (TEXT, "1-2-3 A B\n"),
    "behind a tab": (TEXT, "1-2-3\tA B\n"),
    "behind blanks": (TEXT, "1-2-3  \t A B\n"),
    "another system's lines": (TEXT, "1-2-3 A B\r\n\r\n"),
    "lines of an old Mac": (TEXT, "1-2-3 A B\r"),
    "a byte order mark": (TEXT, "\ufeff1-2-3 A B\n"),
    "utf-16": (TEXT, "1-2-3 A B\n".encode("utf-16")),
    "twice the same": (TEXT, "1-2-3 A B\n1-2-3 A B\n"),
    "a name in capitals": ("d/1/2/1-2.TRANS.TXT", "1-2-3 A B\n"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_transcript_written_in_many_ways(lay, caplog, name):
    file, text = WRITTEN[name]
    assert [r.transcript for r in librispeech(lay(SPOKEN | {file: text}))] == ["A B"]
    assert caplog.text == ""


def test_a_transcript_without_its_recording_is_said(lay, caplog):
    librispeech(lay(SPOKEN | {TEXT: "1-2-3 A\n1-2-4 B\n1-2-5.flac C\n"}))
    assert "2 transcripts are of recordings that are not there: 1-2-4, 1-2-5.flac" in caplog.text
