import pytest

from speechlrp.corpora.kaldi import kaldi
from speechlrp.errors import SpeechLRPError

FILES = {
    "wav.scp": "u1 a.wav\nu2\tsub/b c.flac\n",
    "utt2spk": "u1 ann\nu2 bob\n",
    "text": "u1 GOOD  DAY\nu2\n",
    "utt2lang": "u1 en\nu2 de\n",
    "utt2dur": "u1 1.0\n",
    "spk2gender": "ann f\nbob m\n",
    "spk2utt": "ann u1\nbob u2\n",
    "spk2age": "ann 01\n",
}


@pytest.fixture
def data(tree):
    """A data folder, some of whose files are others."""

    def write(**changes):
        tree("a.wav", text="a")
        tree("sub/b c.flac", text="b")
        for name, text in (FILES | changes).items():
            root = tree(name, text=text)
        return root

    return write


def test_what_a_data_folder_knows(data):
    root = data()
    first, second = kaldi(root)
    assert (first.id, first.path, first.speaker) == ("u1", root / "a.wav", "ann")
    assert (first.gender, first.transcript) == ("female", "GOOD  DAY")
    assert first.extra == {"lang": "en", "age": "01"}
    assert (second.path, second.gender) == (root / "sub/b c.flac", "male")
    assert (second.transcript, second.extra) == ("", {"lang": "de"})
    assert [r.id for r in kaldi(root, speakers=["bob"])] == ["u2"]


def test_paths_are_those_from_where_one_stands(data, tmp_path, monkeypatch):
    root = data(**{"wav.scp": "u1 there/a.wav\n"})
    other = tmp_path / "elsewhere"
    (other / "there").mkdir(parents=True)
    (root / "a.wav").rename(other / "there/a.wav")
    monkeypatch.chdir(other)
    assert [r.path for r in kaldi(root)] == [other / "there/a.wav"]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("wav.scp", "u1 sph2pipe -f wav a.sph |\n", "a command for u1 .*write files first"),
        ("wav.scp", "u1 raw.ark:17\n", "an archive for u1"),
        ("wav.scp", "u1\n", "nothing for u1"),
        ("wav.scp", "u3 a.wav\n", "has u3, but utt2spk has not"),
        ("wav.scp", "u1 none.wav\n", "1 recordings that are not there"),
        ("wav.scp", "", "no recordings in"),
        ("wav.scp", "u1 a.wav\nu1 b.wav\n", "line 2: u1 is there twice"),
        ("wav.scp", "u1 a.wav\nu2 a.wav\n", "the same file, but their speaker is"),
        ("spk2gender", "ann x\n", "unknown gender 'x'"),
        ("segments", "s1 u1 0 1\n", "cuts recordings"),
    ],
)
def test_what_is_wrong_is_said(data, name, text, reason):
    with pytest.raises(SpeechLRPError, match=reason):
        kaldi(data(**{name: text}))


def test_what_is_missing_is_said(data, tmp_path):
    with pytest.raises(SpeechLRPError, match="no Kaldi data folder in"):
        kaldi(tmp_path / "none")
    with pytest.raises(SpeechLRPError, match="utt2spk is missing"):
        kaldi(tmp_path)
