"""Batches: which examples, in which order, from where, and what becomes of the thread."""

import threading

import h5py
import numpy as np
import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.training.loaders import Batches
from speechlrp.training.sources import HDF5Rows


def threads():
    return [t for t in threading.enumerate() if t.name.startswith("speechlrp")]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert threads() == []


def rows_of(batches, epoch):
    return [batch.rows.tolist() for batch in batches.epoch(epoch)]


@pytest.fixture
def stored(toy, features):
    """Batches of the toy file, the options given."""
    _, labels = toy.data()
    return lambda **options: Batches(features, labels, **{"batch_size": 4, **options})


@pytest.mark.parametrize(
    "options", [{"cache_mb": 0}, {"cache_mb": 1}, {"cache_mb": 0, "shuffle": True}]
)
def test_inputs_and_labels_are_those_of_the_rows(toy, stored, options):
    features, labels = toy.data()
    batches = stored(input_scale=0.5, **options)
    assert batches.in_memory == (options["cache_mb"] == 1)
    for epoch in range(2):
        seen = []
        for inputs, label, rows in batches.epoch(epoch):
            assert inputs.dtype == torch.float32
            np.testing.assert_array_equal(inputs.numpy(), features[rows] * np.float32(0.5))
            np.testing.assert_array_equal(label.numpy(), labels[rows])
            seen += rows.tolist()
        assert sorted(seen) == list(range(toy.N))


def test_sources_agree(toy, stored):
    features, labels = toy.data()
    options = {"batch_size": 4, "shuffle": True, "input_scale": 0.3, "rows": [25, 1, 2, 3, 9, 8]}
    every = [
        stored(**options, cache_mb=0),
        stored(**options, cache_mb=1),
        Batches(features, labels, **options),
        Batches(torch.from_numpy(features), labels, **options),
        Batches(features.astype("f8"), labels, **options),
    ]
    for together in zip(*(batches.epoch(1) for batches in every), strict=True):
        for other in together[1:]:
            assert torch.equal(together[0].inputs, other.inputs)
            assert torch.equal(together[0].labels, other.labels)
            assert torch.equal(together[0].rows, other.rows)


def test_order_follows_from_seed_and_epoch(stored):
    one, two = stored(shuffle=True, seed=1), stored(shuffle=True, seed=1)
    assert rows_of(one, 5) == rows_of(two, 5)
    assert rows_of(one, 5) != rows_of(one, 6)
    assert rows_of(one, 5) != rows_of(stored(shuffle=True, seed=2), 5)


def test_without_shuffling_rows_rise(stored):
    batches = stored(rows=[9, 3, 4, 5, 20])
    assert rows_of(batches, 0) == rows_of(batches, 1) == [[3, 4, 5, 9], [20]]
    assert len(batches) == 2
    assert batches.examples == 5
    assert batches.shape == (1, 6, 5)


def test_examples_may_be_repeated(toy, stored):
    features, _ = toy.data()
    batch = next(iter(stored(rows=[3, 3, 4])))
    np.testing.assert_array_equal(batch.inputs.numpy(), features[[3, 3, 4]])


def test_the_cache_reads_each_row_once(stored, monkeypatch):
    read, asked = HDF5Rows.read, []
    monkeypatch.setattr(
        HDF5Rows, "read", lambda self, rows, out: (asked.extend(rows), read(self, rows, out))
    )
    batches = stored(shuffle=True, cache_mb=1)
    list(batches.epoch(0))
    assert sorted(asked) == list(range(30))
    list(batches.epoch(1))
    assert len(asked) == 30


def test_only_prefetched_batches_are_read_ahead(stored, monkeypatch):
    read, asked = HDF5Rows.read, []
    monkeypatch.setattr(
        HDF5Rows, "read", lambda self, rows, out: (asked.append(len(rows)), read(self, rows, out))
    )
    iterator = stored(cache_mb=0).epoch(0)
    next(iterator)
    iterator.close()
    assert 1 <= len(asked) <= 3


def test_the_thread_ends_when_the_caller_stops(stored):
    def stop_at_once(batches):
        for _ in batches:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_at_once(stored())
    assert threads() == []


def test_an_error_in_the_reader_reaches_the_caller(stored, monkeypatch):
    def read(self, rows, out):
        if rows[0] >= 8:
            raise MemoryError("no room")
        out[...] = 0

    monkeypatch.setattr(HDF5Rows, "read", read)
    seen = []
    with pytest.raises(MemoryError, match="no room"):
        seen.extend(batch.rows for batch in stored(cache_mb=0))
    assert [rows.tolist() for rows in seen] == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert threads() == []


def test_a_file_closed_after_use_can_be_written(stored, features):
    list(stored(cache_mb=0))
    with h5py.File(features, "a") as file:
        file["more"] = 1


@pytest.mark.parametrize("damage", ["missing", "truncated", "foreign", "no dataset"])
def test_bad_files_name_the_file_and_the_command(toy, features, damage):
    whole = features.read_bytes()
    if damage == "missing":
        features.unlink()
    elif damage == "truncated":
        features.write_bytes(whole[: len(whole) // 2])
    elif damage == "foreign":
        features.write_bytes(b"something else")
    else:
        with h5py.File(features, "w") as file:
            file["relevance"] = np.zeros(3)
    with pytest.raises(SpeechLRPError, match=r"features.h5.*speechlrp preprocess") as caught:
        Batches(features, np.zeros(toy.N), batch_size=4)
    assert "\n" not in str(caught.value)


def test_a_chunk_that_cannot_be_read_names_the_file(toy, features):
    _, labels = toy.data()
    rng = np.random.default_rng(0)
    with h5py.File(features, "w") as file:
        file.attrs["kind"] = "features"
        values = rng.normal(size=(30, 1, 6, 5))
        dataset = file.create_dataset(
            "features", data=values, chunks=(1, 1, 6, 5), compression="gzip"
        )
        chunk = dataset.id.get_chunk_info(7)
    with features.open("r+b") as file:
        file.seek(chunk.byte_offset)
        file.write(bytes(chunk.size))
    with pytest.raises(SpeechLRPError, match=r"features.h5 is damaged"):
        list(Batches(features, labels, batch_size=4))


def test_no_rows_is_an_error(stored):
    with pytest.raises(SpeechLRPError, match="no examples"):
        stored(rows=[])


@pytest.mark.parametrize("rows", [[-1, 2], [30]])
def test_rows_outside_the_dataset_are_a_bug(stored, rows):
    with pytest.raises(ValueError, match="of a dataset of 30"):
        stored(rows=rows)


def test_labels_for_other_data_are_a_bug(features):
    with pytest.raises(ValueError, match="3 labels for 30 examples"):
        Batches(features, [0, 1, 0], batch_size=4)
