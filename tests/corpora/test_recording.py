import pytest

from speechlrp.corpora import CORPORA, DOWNLOADS, SPLITS, Recording, tasks
from speechlrp.corpora.recording import gender, pick_speakers, some
from speechlrp.errors import SpeechLRPError


def test_label_by_task():
    recording = Recording("a", "a.wav", "s", "male", "3", extra={"accent": "german"})
    found = [recording.label(t) for t in ("gender", "digit", "speaker", "accent", "age")]
    assert found == ["male", "3", "s", "german", None]


def test_recordings_can_be_put_into_sets():
    assert len({Recording("a", "a.wav", "s", extra={"b": "c"}) for _ in range(2)}) == 1


def test_tasks_are_the_labels_that_something_has():
    some_ = [Recording("a", "a", "s"), Recording("b", "b", "s", digit="1", extra={"age": "3"})]
    assert tasks(some_) == ["age", "digit", "speaker"]


@pytest.mark.parametrize(
    ("text", "ours"), [("m", "male"), (" F ", "female"), ("Female", "female"), ("", None)]
)
def test_gender(text, ours):
    assert gender(text, "here") == ours


def test_gender_that_nobody_knows():
    with pytest.raises(SpeechLRPError, match=r"'robot' in meta, line 3; known: male"):
        gender("robot", "meta, line 3")


def test_unknown_speaker_names_the_known_and_the_close():
    with pytest.raises(SpeechLRPError, match=r"speaker id9 in X; known: id1, id10; did you mean"):
        pick_speakers(["id9"], ["id10", "id1"], "X")


def test_many_names_are_cut_short():
    assert some(list("abcd"), 2) == "a, b and 2 more"


@pytest.mark.parametrize("table", [CORPORA, SPLITS, DOWNLOADS], ids=lambda t: t.kind)
def test_every_entry_of_the_tables_is_there(table):
    assert all(callable(table[name]) for name in table)
