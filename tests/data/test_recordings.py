"""What makes preprocess stale: files, and what is known of them."""

from types import SimpleNamespace

import pytest

from speechlrp.data.recordings import recordings_on_disk


@pytest.fixture
def state(tmp_path):
    """Write a list of two recordings and give what a stage notes of it."""
    (tmp_path / "a.wav").write_bytes(b"a")
    (tmp_path / "b.wav").write_bytes(b"bb")

    def note(first: str = "a.wav,ann,f,sad", header: str = "path,speaker,gender,mood"):
        (tmp_path / "m.csv").write_text(f"{header}\n{first}\nb.wav,bob,m,glad\n")
        section = {"name": "manifest", "root": str(tmp_path), "file": "m.csv", "speakers": None}
        return recordings_on_disk(SimpleNamespace(dataset=section, split={}))

    return note


def test_the_same_is_the_same(state):
    assert state() == state()
    assert state()["recordings"]["count"] == 2


@pytest.mark.parametrize(
    ("first", "header"),
    [
        ("a.wav,ann,f,glad", "path,speaker,gender,mood"),
        ("a.wav,eve,f,sad", "path,speaker,gender,mood"),
        ("a.wav,ann,m,sad", "path,speaker,gender,mood"),
        ("a.wav,ann,f,sad", "path,speaker,gender,feeling"),
        ("a.wav,ann,f,sad", "path,speaker,gender,transcript"),
    ],
)
def test_another_label_is_seen(state, first, header):
    assert state(first, header) != state()


def test_another_content_is_seen(state, tmp_path):
    before = state()
    (tmp_path / "a.wav").write_bytes(b"abc")
    assert state() != before


def test_a_link_to_nothing_is_no_error(tmp_path):
    (tmp_path / "vox1_meta.csv").write_text("ID,Gender\nid1,m\n")
    folder = tmp_path / "wav/id1/v"
    folder.mkdir(parents=True)
    (folder / "1.wav").symlink_to("nothing")
    section = {"name": "voxceleb", "root": str(tmp_path), "speakers": None}
    about = recordings_on_disk(SimpleNamespace(dataset=section, split={}))
    assert about["recordings"]["count"] == 1
