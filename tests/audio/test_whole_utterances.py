from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from speechlrp.audio.log_mel import LogMelSettings, log_mel
from speechlrp.audio.reading import read
from speechlrp.audio.resampling import resample
from speechlrp.audio.whole_utterances import COLUMNS, extract_utterances
from speechlrp.errors import SpeechLRPError
from tests.audio.conftest import tone

SETTINGS = LogMelSettings()


def noise(seconds: float, rate: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * rate))


def test_utterances_lie_one_behind_the_other(write):
    items = [(str(i), write(f"{i}.wav", noise(0.3 + 0.2 * i, 16000, i), 16000)) for i in range(3)]
    (batch,) = extract_utterances([items], SETTINGS, workers=1)
    assert batch.features.dtype == np.float32
    assert batch.table["id"].tolist() == ["0", "1", "2"]
    assert batch.table["seconds"].tolist() == pytest.approx([0.3, 0.5, 0.7])
    borders = np.cumsum([0, *batch.table["frames"]])
    assert batch.features.shape == (borders[-1], 128)
    for i, (_, path) in enumerate(items):
        alone = log_mel(read(path)[0][0])
        np.testing.assert_array_equal(batch.features[borders[i] : borders[i + 1]], alone.values)
        row = batch.table.iloc[i]
        assert (row.mean_db, row.deviation_db) == (alone.mean, alone.deviation)


def test_other_rates_and_stereo_are_brought_to_one(write):
    wave = noise(0.5, 44100)
    path = write("a.wav", np.stack([wave, wave], 1), 44100, subtype="FLOAT")
    (batch,) = extract_utterances([[("a", path)]], SETTINGS, workers=1)
    expected = log_mel(resample(read(path)[0][0], 44100, 16000)).values
    np.testing.assert_allclose(batch.features, expected, atol=1e-3)
    assert batch.table["seconds"][0] == pytest.approx(0.5, abs=1e-4)


def test_a_bad_recording_is_listed_and_never_stops_the_run(write, tmp_path: Path):
    good = ("good", write("good.wav", tone(0.5, 16000), 16000))
    bad = [
        ("missing", tmp_path / "no.wav"),
        ("short", write("short.wav", tone(0.05, 16000), 16000)),
        ("zeros", write("zeros.wav", np.zeros(9000), 16000)),
        ("long", write("long.wav", tone(2, 16000), 16000)),
    ]
    settings = LogMelSettings(longest_s=1.0)
    first, second, third = extract_utterances([bad, [*bad, good], []], settings, workers=2)
    for batch in (first, second):
        assert [name for name, _ in batch.rejected] == ["missing", "short", "zeros", "long"]
        reasons = " / ".join(reason for _, reason in batch.rejected)
        assert [word in reasons for word in ("missing", "too short", "silent", "too long")]
    for batch in (first, third):
        assert batch.features.shape == (0, 128)
        assert {name: str(kind) for name, kind in batch.table.dtypes.items()} == COLUMNS
    assert second.table["id"].tolist() == ["good"]
    pd.testing.assert_series_equal(first.table.dtypes, second.table.dtypes)


def test_neither_workers_nor_company_change_an_utterance(write):
    items = [(str(i), write(f"{i}.wav", noise(0.4, 22050, i), 22050)) for i in range(5)]
    plain = list(extract_utterances([items[:3], items[3:]], SETTINGS, workers=1))
    again = list(extract_utterances([items[:3], items[3:]], SETTINGS, workers=3))
    for left, right in zip(plain, again, strict=True):
        assert left.features.tobytes() == right.features.tobytes()
        assert left.table.equals(right.table)
    (mixed,) = extract_utterances([items[::-1]], SETTINGS, workers=1)
    together = np.concatenate([batch.features for batch in plain])
    backwards = np.concatenate(np.split(together, 5)[::-1])
    np.testing.assert_allclose(mixed.features, backwards, atol=1e-3)


def test_no_workers_is_refused():
    with pytest.raises(SpeechLRPError, match="workers is 0"):
        extract_utterances([], SETTINGS, workers=0)


def test_genuine_recordings(shared_data: Path):
    files = sorted(shared_data.glob("LibriSpeech/test-other/*/*/*.flac"))[::20]
    (batch,) = extract_utterances([[(f.stem, f) for f in files]], SETTINGS, workers=1)
    assert batch.rejected == []
    samples = [read(f)[0].shape[1] for f in files]
    assert batch.table["frames"].tolist() == [SETTINGS.frames(n) for n in samples]
    assert torch.from_numpy(batch.features).isfinite().all()
