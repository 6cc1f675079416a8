import pytest

from speechlrp.corpora.splits_official import iden_split
from speechlrp.corpora.voxceleb import voxceleb
from speechlrp.corpora.voxceleb_lists import Trial, identification, trials
from speechlrp.errors import SpeechLRPError

VOX1 = "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\nid10001\tA_B\tm\tIreland\tdev\n"


@pytest.fixture
def listed(tmp_path):
    def write(text):
        path = tmp_path / "list.txt"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_the_identification_split_names_the_readers_ids(tree, listed):
    tree("vox1_meta.csv", text=VOX1)
    (recording,) = voxceleb(tree("wav/id10001/1zcIwhmdeo4/00001.wav"))
    found = identification(
        listed(
            "3 id10001/1zcIwhmdeo4/00001.wav\n\n1 id10002/b/00007.wav\n2 id10003/c.d/00001.m4a\n"
        )
    )
    assert found == {
        recording.id: "test",
        "id10002/b/00007": "train",
        "id10003/c.d/00001": "validate",
    }


def test_trials_say_whether_one_speaker_says_both(listed):
    found = trials(listed("1 id1/a/1.wav id1/b/2.wav\r\n0 wav/id1/a/1.wav id2/c/3.wav\n"))
    assert found == [Trial(True, "id1/a/1", "id1/b/2"), Trial(False, "id1/a/1", "id2/c/3")]


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (identification, "4 a/b/c.wav", r"line 1: expected 1\|2\|3 and 1 path.*'4 a/b/c.wav'"),
        (identification, "\n1", "line 2: .*found '1'"),
        (identification, "1 a/b/c.wav\n2 a/b/c.flac", "line 2: a/b/c is in train and in validate"),
        (trials, "1 a/b/c.wav", r"line 1: expected 0\|1 and 2 path"),
        (trials, "2 a b", "line 1: .*'2 a b'"),
        (trials, " \n", "holds no line"),
    ],
)
def test_what_reads_otherwise_is_said(listed, read, text, message):
    with pytest.raises(SpeechLRPError, match=message):
        read(listed(text))


def test_a_missing_list_says_where_to_get_it(tmp_path):
    with pytest.raises(SpeechLRPError, match=r"veri_test.txt is missing .*robots.ox.ac.uk"):
        trials(tmp_path / "veri_test.txt")


def test_recordings_are_cut_as_the_list_says(tree, listed):
    tree("vox1_meta.csv", text=VOX1)
    for number in (1, 2, 3):
        root = tree(f"wav/id10001/v/0000{number}.wav")
    file = str(listed("1 id10001/v/00001.wav\n3 id10001/v/00002.wav\n2 id10009/v/00001.wav\n"))
    found = iden_split(voxceleb(root), label="speaker", seed=1, file=file)
    assert found == {"id10001/v/00001": "train", "id10001/v/00002": "test"}
    other = str(listed("1 id10009/v/00001.wav"))
    with pytest.raises(SpeechLRPError, match=r"none of the 3 recordings is in .*list.txt"):
        iden_split(voxceleb(root), label="speaker", seed=1, file=other)
