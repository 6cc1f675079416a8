"""Corpora as they lie on people's disks: one row a situation.

A row: the files (those without content hold their own name), the recordings that are right, as
id -> file, and what must be said. No audio file is neither used nor said.
"""

import json
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


CONTRADICTIONS = {
    "voxceleb": (voxceleb, {"vox1_meta.csv": "ID,Gender\nid1,m\nid1,f\n", V + "1.wav": "x"}),
    "voxceleb's two tables": (
        voxceleb,
        {"vox1_meta.csv": "ID,Gender\nid1,m\n", "vox2_meta.csv": "ID,Gender\nid1,f\n"},
    ),
    "librispeech": (librispeech, {"SPEAKERS.TXT": "1|F|d\n1|M|d\n", "d/1/2/1-2-3.flac": "x"}),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_a_speaker_who_is_man_and_woman_is_refused(lay, name):
    reader, files = CONTRADICTIONS[name]
    with pytest.raises(SpeechLRPError, match=r"describes speaker 'i?d?1' as"):
        reader(lay(files))


@pytest.mark.parametrize("gap", [" ", "\t", "  \t "])
def test_transcripts_come_behind_any_blank(lay, gap):
    root = lay(
        {
            "SPEAKERS.TXT": "1|F|d\n",
            "d/1/2/1-2-3.flac": "",
            "d/1/2/1-2.trans.txt": f"1-2-3{gap}A B\n",
        }
    )
    assert [r.transcript for r in librispeech(root)] == ["A B"]
