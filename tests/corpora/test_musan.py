import pytest

from speechlrp.corpora.musan import musan
from speechlrp.errors import SpeechLRPError


def test_the_files_of_each_kind(tree):
    tree("musan/noise/free-sound/b.wav")
    tree("musan/noise/free-sound/a.wav")
    tree("musan/noise/free-sound/ANNOTATIONS", text="x")
    root = tree("musan/music/fma/c.flac") / "musan"
    assert musan(root) == {
        "music": [root / "music/fma/c.flac"],
        "noise": [root / "noise/free-sound/a.wav", root / "noise/free-sound/b.wav"],
    }
    assert list(musan(root, kinds=["noise"])) == ["noise"]


@pytest.mark.parametrize("name", ["nothing", "musan"])
def test_an_empty_folder_is_one_clear_error(tmp_path, name):
    (tmp_path / "musan/noise/free-sound").mkdir(parents=True)
    with pytest.raises(
        SpeechLRPError, match=r"no music, noise or speech .*download musan"
    ) as error:
        musan(tmp_path / name)
    assert "\n" not in str(error.value)


def test_a_kind_that_must_be_there_is_missed(tree):
    root = tree("musan/noise/x/b.wav") / "musan"
    with pytest.raises(SpeechLRPError, match=r"no music and speech to mix in .*musan"):
        musan(root, kinds=["music", "noise", "speech"])


def test_the_shared_noise_is_read(shared_data):
    found = musan(shared_data / "musan")
    assert {"music", "noise"} <= set(found)
    assert all(path.is_file() for paths in found.values() for path in paths)
