"""Batches of utterances: what is in them, and what becomes of the thread and the file."""

import threading

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from speechlrp.artifacts.utterances import write_utterances
from speechlrp.errors import SpeechLRPError
from speechlrp.training.utterance_batches import Buckets, LetterBatches, collate

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
    assert not [t for t in threading.enumerate() if t.name.startswith("speechlrp")]


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


CORPORA = st.lists(st.integers(1, 100), min_size=5, max_size=60)
LIMITS = st.fixed_dictionaries(
    {"max_frames": st.integers(100, 500), "max_utterances": st.integers(0, 4)}
)


@given(CORPORA, st.integers(1, 4), st.integers(0, 3), LIMITS)
@settings(deadline=None)
def test_training_batches(frames, ranks, epoch, limits):
    buckets = [Buckets(frames, rank=rank, ranks=ranks, **limits) for rank in range(ranks)]
    epochs = [each.epoch(epoch) for each in buckets]
    seen = np.concatenate([batch for batches in epochs for batch in batches])
    assert len(np.unique(seen)) == len(seen) == len(frames) - len(frames) % ranks
    for step in zip(*epochs, strict=True):  # equally many batches on all ranks,
        assert len({len(batch) for batch in step}) == 1  # and in each equally many utterances
        for batch in step:
            assert len(batch) * max(frames[i] for i in batch) <= limits["max_frames"]
            assert len(batch) <= (limits["max_utterances"] or len(frames))
    whole = [np.sort(np.concatenate(step)).tolist() for step in zip(*epochs, strict=True)]
    assert [np.sort(step).tolist() for step in buckets[0].plan(epoch)] == whole


@given(frames=CORPORA, ranks=st.integers(1, 4))
@settings(deadline=None)
def test_evaluation_goes_through_every_utterance_once(frames, ranks):
    parts = [
        Buckets(frames, max_frames=200, shuffle=False, every=True, rank=rank, ranks=ranks)
        for rank in range(ranks)
    ]
    batches = [batch for part in parts for batch in part.epoch(0)]
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(frames)))
    assert all(len(batch) * max(frames[i] for i in batch) <= 200 for batch in batches)
    longest = [max(frames[i] for i in step) for step in parts[0].plan(0)]
    assert longest == sorted(longest)


def lengths(n=1000):
    return np.random.default_rng(0).integers(100, 2000, n)


def test_the_plan_follows_from_seed_and_epoch():
    def plan(epoch, **options):
        steps = Buckets(lengths(), max_frames=20000, **options).plan(epoch)
        return [step.tolist() for step in steps]

    assert plan(3) == plan(3)
    others = [plan(3), plan(4), plan(3, seed=1)]
    assert len({str(other) for other in others}) == 3
    together = [{frozenset(step) for step in other} for other in others]
    assert len(together[0] & together[1]) < len(together[0]) / 2
    fixed = [{frozenset(step) for step in plan(epoch, jitter=0)} for epoch in (0, 1)]
    assert fixed[0] == fixed[1]


def test_padding_is_little():
    buckets = Buckets(lengths(), max_frames=20000)
    assert buckets.padding(0) < 0.12
    assert Buckets(lengths(), max_frames=20000, jitter=0).padding(0) < 0.03
    spent = used = 0
    for step in buckets.plan(0):
        spent += len(step) * buckets.frames[step].max()
        used += buckets.frames[step].sum()
    assert buckets.padding(0) == pytest.approx((spent - used) / spent)


def test_who_is_left_out_changes():
    left = []
    for epoch in range(20):
        plan = Buckets([10] * 11, max_frames=100, ranks=4).plan(epoch)
        left.append(frozenset(range(11)) - set(np.concatenate(plan).tolist()))
    assert {len(out) for out in left} == {3}
    assert len(set(left)) > 5


@pytest.mark.parametrize(
    ("frames", "options", "error", "message"),
    [
        ([5, 101], {}, SpeechLRPError, "an utterance has 101 frames, more than .* have \\(100\\)"),
        ([], {}, SpeechLRPError, "0 utterances for 1 processes"),
        ([], {"every": True}, SpeechLRPError, "0 utterances"),
        ([1, 1], {"ranks": 3}, SpeechLRPError, "2 utterances for 3 processes"),
        ([1, 1], {"rank": 1}, ValueError, "rank 1 of 1"),
    ],
)
def test_what_cannot_be_planned(frames, options, error, message):
    with pytest.raises(error, match=message):
        Buckets(frames, max_frames=100, **options)


def test_collating_pads_with_zeros_after_the_end():
    draw = np.random.default_rng(0)
    features = [draw.normal(size=(n, 3)).astype(np.float32) for n in (4, 7, 1)]
    batch = collate(features, [[5, 6], [7], []], [11, 12, 13])
    assert batch.inputs.shape == (3, 3, 7)
    assert batch.inputs.dtype == torch.float32
    for into, values in zip(batch.inputs, features, strict=True):
        np.testing.assert_array_equal(into[:, : len(values)].T, values)
        assert not into[:, len(values) :].any()
    assert batch.frames.tolist() == [4, 7, 1]
    assert batch.targets.tolist() == [[5, 6], [7, 0], [0, 0]]
    assert batch.lengths.tolist() == [2, 1, 0]
    assert batch.rows.tolist() == [11, 12, 13]
    moved = batch.to(torch.device("cpu"))
    assert torch.equal(moved.inputs, batch.inputs)
    assert moved.rows is batch.rows
