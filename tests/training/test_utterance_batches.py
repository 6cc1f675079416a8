"""Batches of utterances: what is in them, and what becomes of the thread and the file."""

import threading

import numpy as np
import pandas as pd
import pytest

from speechlrp.artifacts.utterances import write_utterances
from speechlrp.errors import SpeechLRPError
from speechlrp.training.utterance_batches import LetterBatches

FRAMES = np.array([5, 9, 3, 7, 8, 4])
VALUES = np.random.default_rng(0).normal(size=(FRAMES.sum(), 3)).astype("f4")
TARGETS = [[i] * (i + 1) for i in range(6)]


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    table = pd.DataFrame({"id": list("abcdef"), "frames": FRAMES})
    path = tmp_path_factory.mktemp("data") / "utterances.h5"
    write_utterances(path, [({"features": VALUES}, table)], frequencies=np.arange(3.0))
    return path


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert not [t for t in threading.enumerate() if t.name.startswith("speechlrp-batches")]


def batches(path, rows=(5, 1, 3, 0), **options) -> LetterBatches:
    options = {"max_frames": 20, **options}
    return LetterBatches(path, rows, [TARGETS[r] for r in rows], FRAMES[list(rows)], **options)


def test_each_utterance_comes_once_with_its_transcript(path):
    ours, starts = batches(path, input_scale=2.0), np.cumsum([0, *FRAMES])
    for epoch in range(2):
        seen, found = [], list(ours.epoch(epoch))
        assert len(found) == ours.steps(epoch)
        for batch in found:
            assert len(batch.rows) * batch.inputs.shape[2] <= 20
            for i, row in enumerate(batch.rows.tolist()):
                wanted = VALUES[starts[row] : starts[row + 1]].T * 2
                np.testing.assert_array_equal(batch.inputs[i, :, : FRAMES[row]], wanted)
                assert not batch.inputs[i, :, FRAMES[row] :].any()
                assert batch.frames[i] == FRAMES[row]
                assert batch.targets[i, : batch.lengths[i]].tolist() == TARGETS[row]
                seen.append(row)
        assert sorted(seen) == [0, 1, 3, 5]


def test_stopping_early_closes_the_file(path):
    for batch in batches(path).epoch(0):
        assert len(batch.rows)
        break
    with path.open("r+b"):
        pass


def test_the_fingerprint_knows_rows_transcripts_and_order(path):
    one = batches(path).fingerprint()
    assert one == batches(path).fingerprint()
    others = [batches(path, (5, 1, 3)), batches(path, seed=1), batches(path, input_scale=2.0)]
    assert len({one, *(other.fingerprint() for other in others)}) == 4


def test_a_missing_file_names_its_command(tmp_path):
    ours = batches(tmp_path / "none.h5", command="speechlrp preprocess x=y")
    with pytest.raises(SpeechLRPError, match="make them with `speechlrp preprocess x=y`"):
        next(ours.epoch(0))
