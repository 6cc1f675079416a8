import pytest

from speechlrp.corpora.folder import folder
from speechlrp.errors import SpeechLRPError


def fill(tree, *names):
    for name in names:
        tree(name, text=name)
    return tree(names[0], text=names[0])


def test_folders_are_classes_and_those_in_them_speakers(tree, caplog):
    root = fill(tree, "glad/ann/1.wav", "glad/ann/more/2.FLAC", "sad/bob/1.mp3")
    found = folder(root, label="mood")
    assert [(r.id, r.speaker, r.label("mood")) for r in found] == [
        ("glad/ann/1", "ann", "glad"),
        ("glad/ann/more/2", "ann", "glad"),
        ("sad/bob/1", "bob", "sad"),
    ]
    assert found[1].path == root / "glad/ann/more/2.FLAC"
    assert caplog.text == ""


def test_speakers_are_found_in_names(tree, caplog):
    root = fill(tree, "yes/0a7c_nohash_0.wav", "no/0a7c_nohash_1.wav", "no/1b_nohash_0.wav")
    assert [r.speaker for r in folder(root, speaker="^([^_]+)_")] == ["0a7c", "1b", "0a7c"]
    assert [r.id for r in folder(root, speaker="^([^_]+)_", speakers=["1b"])] == ["no/1b_nohash_0"]
    assert caplog.text == ""


def test_speakers_who_are_not_known_are_said(tree, caplog):
    root = fill(tree, "yes/1.wav", "yes/ann/2.wav", "no/1.wav", "loose.wav")
    assert [r.speaker for r in folder(root)] == ["no/1.wav", "yes/1.wav", "ann"]
    assert "who speaks is not known of 2 recordings" in caplog.text
    assert "left out 1 audio files that do not fit the layout: loose.wav" in caplog.text


@pytest.mark.parametrize(
    ("label", "right"), [("speaker", "m"), ("gender", "male"), ("digit", "m"), ("kind", "m")]
)
def test_classes_are_what_they_are_called(tree, label, right):
    (found,) = folder(fill(tree, "m/ann/1.wav"), label=label)
    assert found.label(label) == right


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"speaker": "("}, r"dataset.speaker='\(' is no expression"),
        ({"speaker": "a"}, "has no group"),
        ({"speaker": "(x)"}, "finds no speaker in ann/1.wav"),
        ({"speakers": ["bob"]}, "no recordings of speaker bob .*known: ann"),
        ({"label": "gender"}, "unknown gender 'happy'"),
    ],
)
def test_what_is_wrong_is_said(tree, options, reason):
    with pytest.raises(SpeechLRPError, match=reason):
        folder(fill(tree, "happy/ann/1.wav"), **options)


def test_no_folder_and_nothing_in_it(tmp_path):
    for root in (tmp_path / "none", tmp_path):
        with pytest.raises(SpeechLRPError, match="give a folder with a folder for each class"):
            folder(root)


def test_the_parts_of_a_split_are_no_classes(tree):
    root = fill(tree, "Train/happy/1.wav", "val/happy/2.wav")
    with pytest.raises(SpeechLRPError, match="holds Train, val, the parts of a split and no cl"):
        folder(root)


def test_one_recording_in_two_classes_is_refused(tree):
    root = fill(tree, "glad/ann/1.wav")
    (root / "sad/ann").mkdir(parents=True)
    (root / "sad/ann/9.wav").symlink_to(root / "glad/ann/1.wav")
    with pytest.raises(SpeechLRPError, match="the same file, but their class is 'glad' and 'sad'"):
        folder(root)
