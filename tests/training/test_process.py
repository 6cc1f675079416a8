"""Training leaves the process as it is: its threads, random states, signals and locale."""

import importlib.util
from pathlib import Path

import pytest
import torch
from process_state import changes, unchanged

from speechlrp.training.callbacks import Calling
from speechlrp.training.ranks import Ranks


@pytest.mark.parametrize("cache_mb", [0, 1])
def test_training_changes_nothing_of_the_process(toy, features, tmp_path, cache_mb):
    model = toy.toy_model()
    train, validate = toy.batches(features, cache_mb=cache_mb)
    with unchanged(3) as before:
        threads = []

        def look(*ignored):
            threads.append(torch.get_num_threads())

        toy.loop.fit(
            model, train, validate, toy.SETTINGS, tmp_path, torch.device("cpu"), meta=toy.META,
            callbacks=[Calling(lambda row: threads.extend(changes(before)), look)],
        )  # fmt: skip
    assert set(threads) == {3}


@pytest.mark.parametrize("kind", ["HDF5", "memory"])
def test_an_iteration_that_is_left_changes_nothing(toy, features, kind):
    train, _ = toy.batches(features if kind == "HDF5" else toy.data()[0])
    with unchanged(3):
        iterator = train.epoch(0)
        next(iterator)
        iterator.close()


@pytest.mark.parametrize("name", ["two", "two_speakers"])
def test_training_on_utterances_and_on_recordings_changes_nothing(name, tmp_path):
    spec = importlib.util.spec_from_file_location(
        f"process_{name}", Path(__file__).parent / f"{name}.py"
    )
    training = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(training)
    training.write(tmp_path)
    training.network()  # it seeds
    with unchanged(3):
        training.train(tmp_path, Ranks(), 4, "one")
