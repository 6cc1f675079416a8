"""Batches of windows: the same whatever read them, and when."""

import importlib.util
import threading
from pathlib import Path

import pytest
import torch

from speechlrp.audio.augmentation import Augmentation
from speechlrp.audio.random_windows import Crops
from speechlrp.errors import SpeechLRPError
from speechlrp.training.ranks import Ranks
from speechlrp.training.window_batches import CropBatches


@pytest.fixture(scope="module")
def speakers():
    """The module `two_speakers.py`."""
    path = Path(__file__).with_name("two_speakers.py")
    spec = importlib.util.spec_from_file_location("crop_speakers", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(speakers, tmp_path_factory):
    place = tmp_path_factory.mktemp("recordings")
    speakers.write(place)
    return place


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert not [t for t in threading.enumerate() if t.name.startswith("speechlrp")]


def by_row(batches, epoch):
    return {
        int(row): (values, int(label))
        for inputs, labels, rows in batches.epoch(epoch)
        for values, label, row in zip(inputs, labels, rows, strict=True)
    }


def test_an_epoch_is_the_same_whatever_came_before_and_whoever_reads(speakers, folder):
    one = speakers.batches(folder, Ranks(), 4)
    by_row(one, 0)
    wanted = by_row(one, 1)
    assert sorted(wanted) == list(range(speakers.N))
    parts = [speakers.batches(folder, Ranks(rank, 2), 2) for rank in (0, 1)]
    alike = [by_row(speakers.batches(folder, Ranks(), 3), 1), {}]
    for part in parts:
        alike[1] |= by_row(part, 1)
    for other in alike:
        assert sorted(other) == sorted(wanted)
        for row, (values, label) in wanted.items():
            torch.testing.assert_close(other[row][0], values)
            assert other[row][1] == label == row % 2


def test_windows_are_new_in_every_epoch(speakers, folder):
    batches = speakers.batches(folder, Ranks(), 4)
    first, second = by_row(batches, 0), by_row(batches, 1)
    assert not any(torch.equal(first[row][0], second[row][0]) for row in range(1, speakers.N))
    assert batches.shape == first[0][0].shape


def test_a_speed_has_classes_of_its_own_where_wanted(speakers, folder):
    made = speakers.batches(folder, Ranks(), 4)
    crops = Crops(speakers.FEATURES, seed=3, augmentation=Augmentation(seed=3, speeds=(0.9, 1.1)))
    about = {"batch_size": 4, "speed_classes": 2}
    batches = CropBatches(made.sources, made.labels, crops, **about)
    seen = set()
    for epoch in range(3):
        for row, (_, label) in by_row(batches, epoch).items():
            number, _ = crops.augmentation.speed(str(row), epoch)
            assert label == row % 2 + 2 * number
            seen.add(label)
    assert seen == set(range(6))


def test_what_is_read_is_part_of_the_identity(speakers, folder):
    one = speakers.batches(folder, Ranks(), 4)
    assert one.fingerprint() == speakers.batches(folder, Ranks(1, 2), 2).fingerprint()
    fewer = CropBatches(one.sources[:-1], one.labels[:-1], one.crops, batch_size=4, seed=3)
    assert fewer.fingerprint() != one.fingerprint()


def test_an_error_while_reading_is_raised_here(speakers, folder):
    made = speakers.batches(folder, Ranks(), 4)
    (folder / "3.wav").rename(folder / "gone.wav")
    try:
        with pytest.raises(SpeechLRPError, match=r"cannot read .*3\.wav"):
            by_row(made, 0)
    finally:
        (folder / "gone.wav").rename(folder / "3.wav")


def test_nothing_to_train_on(speakers):
    with pytest.raises(SpeechLRPError, match="training split is empty"):
        CropBatches([], [], Crops(speakers.FEATURES, seed=1), batch_size=4)
