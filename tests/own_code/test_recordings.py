"""Corpora and splits of a user's own: what they give is looked at."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from speechlrp.corpora import CORPORA
from speechlrp.data.recordings import read_corpus, split_of

OWN = """
from speechlrp.corpora import Recording

def text(*_, **__):
    return "low"

def none(*_, **__):
    return None

def folder(root):
    return [Recording("a", root / "a.wav", "s", extra={"tone": "low"})]

def dicts(root):
    return [{"id": "a"}]

def number(root):
    return [Recording(1, root / "a.wav", "s")]

def label(root):
    return [Recording("a", root / "a.wav", "s", extra={"tone": 1})]

def place(root):
    return (Recording(name, f"{name}.wav", "s") for name in "ab")

def twice(root):
    return folder(root) * 2

def nobody(root):
    return []

def lists(recordings, *, label, seed):
    return {"train": [r.id for r in recordings]}

def dev(recordings, *, label, seed):
    return {r.id: "dev" for r in recordings}
"""


@pytest.fixture
def own(written):
    written("own_recordings", OWN)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("text", "corpus own_recordings:text gives str; it must give a list of"),
        ("none", "corpus own_recordings:none gives NoneType"),
        ("dicts", "corpus own_recordings:dicts gives a list of dict"),
        ("number", "recording 1: its id is 1; it must be text, such as '1'"),
        ("label", "recording 'a': its tone is 1; it must be text, such as '1'"),
        ("twice", "two recordings of the id 'a'"),
        ("nobody", "corpus own_recordings:nobody gives no recordings"),
    ],
)
def test_a_corpus_that_gives_something_else_is_named(own, refused, name, right):
    dataset = {"name": f"own_recordings:{name}", "root": "."}
    refused(lambda: read_corpus(SimpleNamespace(dataset=dataset)), right)


def test_a_path_may_be_text_and_a_list_come_one_by_one(own):
    dataset = {"name": "own_recordings:place", "root": "."}
    recordings = read_corpus(SimpleNamespace(dataset=dataset))
    assert [r.path for r in recordings] == [Path("a.wav"), Path("b.wav")]


def test_another_corpuss_null_is_no_setting_of_ones_own(own, refused):
    dataset = {"name": "own_recordings:folder", "root": ".", "speakers": None}
    (recording,) = read_corpus(SimpleNamespace(dataset=dataset))
    assert recording.id == "a"
    dataset |= {"file": "a.csv", "path": "path"}
    refused(
        lambda: read_corpus(SimpleNamespace(dataset=dataset)),
        r"known: none.*take it away with ~dataset.file ~dataset.path$",
    )


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("none", r"split own_recordings:none gives NoneType; it must give the subset \(train, "),
        ("lists", "split own_recordings:lists names 'train', no id of a recording"),
        ("dev", "split own_recordings:dev gives the subset 'dev'; it must give"),
    ],
)
def test_a_split_that_gives_something_else_is_named(own, refused, name, right):
    recordings = CORPORA["own_recordings:folder"](Path("."))
    config = SimpleNamespace(split={"name": f"own_recordings:{name}", "seed": 1})
    refused(lambda: split_of(config, recordings, "tone"), right)
