import numpy as np
import pytest

from speechlrp.corpora.splits_published import iden_split
from speechlrp.corpora.voxceleb import voxceleb
from speechlrp.corpora.voxceleb_lists import Trials, identification, meant, trial_lines, trials
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
    found = trials(listed("1 id1/a/1.wav id1/b/2.wav\r\n0 wav/id1/a/1.wav id1/b/2.wav\n"))
    assert found.names == ["id1/a/1.wav", "id1/b/2.wav", "wav/id1/a/1.wav"]
    assert found.first.tolist() == [0, 2]
    assert found.second.tolist() == [1, 1]
    assert found.same.tolist() == [True, False]
    assert len(found) == 2


@pytest.mark.parametrize("names", [["a/1.wav", "b.wav", "c.flac"], ["a 1.wav", "b\u00e9.wav", "c"]])
def test_a_list_reads_as_it_was_written(listed, names):
    numbers = np.array([[0, 2, 2], [1, 0, 1]])
    ours = Trials(names, *numbers, np.array([True, False, False]))
    found = trials(listed("".join(trial_lines(ours))))
    assert [found.names[k] for k in found.first] == [names[k] for k in ours.first]
    assert [found.names[k] for k in found.second] == [names[k] for k in ours.second]
    assert found.same.tolist() == ours.same.tolist()


def test_names_mean_recordings_whatever_their_suffix_and_the_folders_before():
    ids = ["id1/a.b/00001", "own/deep/er/x.wav", "3_01_0", "rec.1", "rec.2", "y/p/q/r", "z/p/q/r"]
    names = {
        "wav/id1/a.b/00001.m4a": "id1/a.b/00001",
        "id1/a.b/00001": "id1/a.b/00001",
        "own/deep/er/x.wav": "own/deep/er/x.wav",
        "deep/er/x.flac": "own/deep/er/x.wav",
        "3_01_0.wav": "3_01_0",
        "rec.1": "rec.1",
        "rec.2.wav": "rec.2",
        "y/p/q/r.wav": "y/p/q/r",
    }
    others = ["rec.3", "p/q/r.wav", "00001.wav", "id1/a/00001.wav"]  # p/q/r: which of two?
    assert meant([*names, *others], ids) == names


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
