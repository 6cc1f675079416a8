import json

import pytest

from speechlrp.corpora.audiomnist import audiomnist
from speechlrp.errors import SpeechLRPError

TWO = {"01": "male", "12": "female"}


def test_reads_what_the_corpus_knows(mnist):
    root = mnist(TWO)
    recordings = audiomnist(root)
    assert [r.id for r in recordings] == [
        f"{d}_{s}_{r}" for d in "01" for s in ("01", "12") for r in "01"
    ]
    first = recordings[0]
    assert first.path == root / "data/01/0_01_0.wav"
    assert (first.speaker, first.gender, first.digit) == ("01", "male", "0")
    assert first.extra == {"native_speaker": "no", "age": "30", "repetition": "0"}
    assert recordings[-1].gender == "female"


@pytest.mark.parametrize("speakers", [["12"], [12]])
def test_speakers_are_picked(mnist, speakers):
    assert {r.speaker for r in audiomnist(mnist(TWO), speakers=speakers)} == {"12"}


def test_a_number_is_a_two_digit_speaker(mnist):
    assert {r.speaker for r in audiomnist(mnist(TWO), speakers=[1])} == {"01"}


def test_files_that_do_not_fit_are_left_out_and_named(mnist, tree, caplog):
    mnist(TWO)
    root = tree("data/01/0_12_0.wav", "data/01/notes.txt", "data/01/._0_01_0.wav", "data/old/x.wav")
    assert len(audiomnist(root)) == 8
    assert caplog.messages == [
        "AudioMNIST: left out 2 audio files that do not fit the layout: 01/0_12_0.wav, old/x.wav"
    ]


def test_no_corpus(tmp_path):
    with pytest.raises(SpeechLRPError, match=r"no AudioMNIST in .*`speechlrp download audiomnist`"):
        audiomnist(tmp_path)


def test_an_empty_corpus(mnist):
    with pytest.raises(SpeechLRPError, match=r"no recordings of AudioMNIST in .*: run"):
        audiomnist(mnist({}))


def test_only_odd_files(mnist, tree):
    mnist(TWO, digits=0)
    with pytest.raises(SpeechLRPError, match=r"1 audio files .* such as 01/eins.wav"):
        audiomnist(tree("data/01/eins.wav"))


def test_no_table_of_speakers(tree):
    with pytest.raises(SpeechLRPError, match=r"audioMNIST_meta.txt is missing"):
        audiomnist(tree("data/01/0_01_0.wav"))


@pytest.mark.parametrize("text", ["{", "[1]", '{"01": 3}', '{"01": {}, "01": {}}'])
def test_a_broken_table_of_speakers(tree, text):
    tree("data/01/0_01_0.wav")
    with pytest.raises(SpeechLRPError, match=r"is not the JSON table of speakers"):
        audiomnist(tree("data/audioMNIST_meta.txt", text=text))


def test_a_speaker_who_is_not_in_the_table(mnist, tree):
    mnist(TWO)
    root = tree("data/61/0_61_0.wav")
    with pytest.raises(SpeechLRPError, match=r"speaker 61 has recordings .* no entry"):
        audiomnist(root)
    assert len(audiomnist(root, speakers=["01", "12"])) == 8


def test_a_speaker_who_is_not_there(mnist):
    with pytest.raises(SpeechLRPError, match=r"no recordings of speaker 07 in .*; known: 01, 12"):
        audiomnist(mnist(TWO), speakers=["07"])


def test_genuine_files(shared_data):
    recordings = audiomnist(shared_data / "audiomnist")
    assert len(recordings) == len(list(shared_data.glob("audiomnist/data/*/*.wav")))
    meta = json.loads((shared_data / "audiomnist/data/audioMNIST_meta.txt").read_text())
    assert all(r.gender == meta[r.speaker]["gender"] for r in recordings)
    women = {r.speaker for r in recordings if r.gender == "female"}
    assert women == {"12", "26", "36", "43", "52", "56"}
