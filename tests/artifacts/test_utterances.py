"""Utterances of many lengths: what goes in comes out, and only whole."""

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speechlrp.artifacts.shards import Shards
from speechlrp.artifacts.utterances import CHUNK, Utterances, write_utterances
from speechlrp.errors import SpeechLRPError

BANDS = 4
HERTZ = np.linspace(100, 400, BANDS)
SHARED = [HealthCheck.function_scoped_fixture]  # examples may share the folder


def part(lengths, first=0):
    features = np.random.default_rng(first).normal(size=(sum(lengths), BANDS)).astype(np.float32)
    numbers = range(first, first + len(lengths))
    table = {
        "id": [f"ü-{i}" for i in numbers],
        "speaker": [f"s{i % 2}" for i in numbers],
        "transcript": ["it's naïve" if i % 3 else None for i in numbers],
        "frames": list(lengths),
        "seconds": [0.008 * n for n in lengths],
    }
    return {"features": features}, pd.DataFrame(table)


def written(path, *lengths, **options):
    """Parts of so many utterances each, written; gives what every utterance should be."""
    starts = np.cumsum([0, *map(len, lengths)])
    parts = [part(each, int(start)) for each, start in zip(lengths, starts, strict=False)]
    write_utterances(path, iter(parts), frequencies=HERTZ, **options)
    return [
        rows
        for (arrays, _), each in zip(parts, lengths, strict=True)
        for rows in np.split(arrays["features"], np.cumsum(each)[:-1])
        if len(rows)
    ]


@given(st.lists(st.lists(st.integers(1, 40), max_size=4), min_size=1, max_size=4).filter(any))
@settings(max_examples=15, deadline=None, suppress_health_check=SHARED)
def test_every_utterance_comes_back(tmp_path, lengths):
    expected = written(tmp_path / "a.h5", *lengths)
    with Utterances(tmp_path / "a.h5") as utterances:
        assert len(utterances) == len(expected)
        assert utterances.frames.tolist() == [n for each in lengths for n in each]
        for found, rows in zip(utterances, expected, strict=True):
            assert found.dtype == np.float32
            np.testing.assert_array_equal(found, rows)


def test_utterances_longer_than_a_chunk(tmp_path):
    expected = written(tmp_path / "a.h5", [CHUNK - 1, 3 * CHUNK + 7], [1, CHUNK])
    with Utterances(tmp_path / "a.h5") as utterances:
        for found, rows in zip(utterances, expected, strict=True):
            np.testing.assert_array_equal(found, rows)


def test_a_batch_comes_in_the_order_asked_for(tmp_path):
    expected = written(tmp_path / "a.h5", [3, 1, 4], [1, 5])
    with Utterances(tmp_path / "a.h5") as utterances:
        found = utterances.batch([4, 0, 4, 2])
        for rows, index in zip(found, (4, 0, 4, 2), strict=True):
            np.testing.assert_array_equal(rows, expected[index])
        assert utterances.batch([]) == []
        for index in (-1, 5):
            with pytest.raises(IndexError):
                utterances.read(index)


def test_the_table_and_the_axes(tmp_path):
    options = {"units": "dB", "attributes": {"settings": {"rate": 16000}}}
    written(tmp_path / "a.h5", [2, 3], [], [4], **options)
    with Utterances(tmp_path / "a.h5") as utterances:
        assert utterances.table["id"].tolist() == ["ü-0", "ü-1", "ü-2"]
        assert utterances.table["transcript"].tolist() == ["", "it's naïve", "it's naïve"]
        assert utterances.table["frames"].tolist() == [2, 3, 4]
        np.testing.assert_array_equal(utterances.frequencies, HERTZ)
    with h5py.File(tmp_path / "a.h5") as file:
        assert [dim.label for dim in file["features"].dims] == ["frame", "frequency"]
        assert file["features"].attrs["units"] == "dB"
        assert file.attrs["settings"] == '{"rate": 16000}'


def test_shards_are_parts(tmp_path):
    shards = Shards(tmp_path / "units", 3)
    for unit, lengths in enumerate([(2, 3), (), (4,)]):
        shards.put(unit, *part(lengths, 2 * unit))
    table = write_utterances(tmp_path / "a.h5", shards, frequencies=HERTZ)
    assert table["frames"].tolist() == [2, 3, 4]
    with Utterances(tmp_path / "a.h5") as utterances:
        assert utterances.table["id"].tolist() == ["ü-0", "ü-1", "ü-4"]
        np.testing.assert_array_equal(utterances.read(2), part((4,), 4)[0]["features"])


def test_after_an_error_there_is_no_file(tmp_path):
    def parts():
        yield part([2])
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_utterances(tmp_path / "a.h5", parts(), frequencies=HERTZ)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("parts", "error", "message"),
    [
        ([], SpeechLRPError, "no utterances for .*a.h5"),
        ([part([])], SpeechLRPError, "no utterances"),
        ([part([2]), part([3])], SpeechLRPError, "'ü-0' occurs more than once"),
        ([(part([2])[0], part([3])[1])], ValueError, "for 3 frames of 4 bands"),
        ([part([0, 2])], ValueError, "for 2 frames"),
        ([({"features": np.full((2, BANDS), np.nan)}, part([2])[1])], ValueError, "finite"),
    ],
)
def test_what_cannot_be_written(tmp_path, parts, error, message):
    with pytest.raises(error, match=message):
        write_utterances(tmp_path / "a.h5", parts, frequencies=HERTZ)
    assert list(tmp_path.iterdir()) == []


def test_values_that_cannot_be_stored(tmp_path):
    big = ({"features": np.full((2, BANDS), 1e39)}, part([2])[1])
    with pytest.raises(ValueError, match="float32 cannot hold"):
        write_utterances(tmp_path / "a.h5", [big], frequencies=HERTZ)


def _cut(path):
    path.write_bytes(path.read_bytes()[:-2000])


def _drop(path):
    with h5py.File(path, "a") as file:
        del file["offsets"]


def _shift(path):
    with h5py.File(path, "a") as file:
        file["offsets"][-1] += 1


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_cut, "damaged"),
        (_drop, "it has no dataset 'offsets'"),
        (_shift, "offsets do not fit"),
        (lambda path: path.unlink(), "no utterances at"),
    ],
)
def test_a_bad_file_names_the_command(tmp_path, spoil, message):
    written(tmp_path / "a.h5", [20, 30])
    spoil(tmp_path / "a.h5")
    with pytest.raises(SpeechLRPError, match=message) as caught:
        Utterances(tmp_path / "a.h5", "speechlrp preprocess run=x")
    assert "`speechlrp preprocess run=x" in str(caught.value)


def test_frames_that_changed_on_disk_are_never_given(tmp_path):
    path = tmp_path / "a.h5"
    expected = written(path, [CHUNK, CHUNK])
    stored, spoilt = path.read_bytes(), expected[1].tobytes()
    assert stored.count(spoilt) == 1
    path.write_bytes(stored.replace(spoilt, spoilt[::-1]))
    with Utterances(path, "speechlrp preprocess") as utterances:
        np.testing.assert_array_equal(utterances.read(0), expected[0])
        with pytest.raises(SpeechLRPError, match=r"damaged .*`speechlrp preprocess --force`"):
            utterances.read(1)
