import pytest

from speechlrp.corpora.librispeech import librispeech
from speechlrp.errors import SpeechLRPError

SPEAKERS = "; comment\n;ID|SEX\n14   | F | dev   | 25.03 | Kristin\n16   | M | dev   | 1 | Al | y\n"


@pytest.fixture
def corpus(tree):
    tree("SPEAKERS.TXT", text=SPEAKERS)
    tree("dev/14/2/14-2.trans.txt", text="14-2-0000 HELLO  WORLD\n14-2-0001 \n")
    tree("dev/14/2/14-2-0000.flac", "dev/14/2/14-2-0002.flac", "dev/README.TXT")
    return tree("test/16/1/16-1-0000.flac")


def test_reads_what_the_corpus_knows(corpus):
    recordings = librispeech(corpus)
    assert [r.id for r in recordings] == ["14-2-0000", "14-2-0002", "16-1-0000"]
    assert [r.transcript for r in recordings] == ["HELLO  WORLD", None, None]
    assert [r.gender for r in recordings] == ["female", "female", "male"]
    assert recordings[0].extra == {"subset": "dev", "chapter": "2"}
    assert recordings[0].path == corpus / "dev/14/2/14-2-0000.flac"


def test_subsets_and_speakers_are_picked(corpus):
    assert [r.speaker for r in librispeech(corpus, subsets=["test"])] == ["16"]
    assert {r.speaker for r in librispeech(corpus, speakers=[14])} == {"14"}


def test_unknown_subset(corpus):
    with pytest.raises(SpeechLRPError, match=r"unknown subset 'tst'.*dev, test.*Did you mean"):
        librispeech(corpus, subsets=["tst"])


def test_unknown_speaker_in_the_subset(corpus):
    with pytest.raises(SpeechLRPError, match=r"no recordings of speaker 14 in .*known: 16"):
        librispeech(corpus, subsets=["test"], speakers=["14"])


def test_speaker_who_is_not_in_the_table(corpus, tree):
    tree("dev/99/1/99-1-0000.flac")
    with pytest.raises(SpeechLRPError, match=r"speaker 99 has recordings .* but no line"):
        librispeech(corpus)
    assert len(librispeech(corpus, speakers=["14", "16"])) == 3


def test_odd_files_are_left_out_and_named(corpus, tree, caplog):
    tree("dev/14/2/15-2-0000.flac", "dev/14/2/notes.txt")
    assert len(librispeech(corpus)) == 3
    assert "left out 1 audio files" in caplog.text
    assert "dev/14/2/15-2-0000.flac" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"), [("14 F dev", "line 1: no `|`"), ("14 | Q |", "unknown gender 'Q'")]
)
def test_a_broken_table_of_speakers(corpus, tree, text, message):
    tree("SPEAKERS.TXT", text=text)
    with pytest.raises(SpeechLRPError) as error:
        librispeech(corpus)
    assert message in str(error.value)


def test_missing_pieces(tmp_path, tree):
    with pytest.raises(SpeechLRPError, match=r"no LibriSpeech in .*speechlrp download librispeech"):
        librispeech(tmp_path / "none")
    with pytest.raises(SpeechLRPError, match=r"SPEAKERS.TXT is missing"):
        librispeech(tmp_path)
    with pytest.raises(SpeechLRPError, match=r"no recordings of LibriSpeech"):
        librispeech(tree("SPEAKERS.TXT", text=SPEAKERS))


@pytest.mark.parametrize(
    ("folder", "n", "speakers", "transcripts"),
    [("LibriSpeech", 331, 259, 150), ("cmu_arctic", 1186, 2, 1186)],
)
def test_genuine_files(shared_data, folder, n, speakers, transcripts):
    recordings = librispeech(shared_data / folder)
    assert len(recordings) == n == len(list((shared_data / folder).rglob("*.flac")))
    assert len({r.speaker for r in recordings}) == speakers
    assert sum(r.transcript is not None for r in recordings) == transcripts
    assert all(r.gender for r in recordings)
