from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from speechlrp.audio.extraction import COLUMNS, FeatureBatch, extract
from speechlrp.audio.reading import read
from speechlrp.audio.resampling import resample
from speechlrp.audio.spectrogram import SpectrogramSettings, spectrogram_db
from speechlrp.errors import SpeechLRPError
from tests.audio.conftest import tone

Write = Callable[..., Path]
SETTINGS = SpectrogramSettings()


def one(path: Path, settings: SpectrogramSettings = SETTINGS, name: str = "a") -> FeatureBatch:
    (batch,) = extract([[(name, path)]], settings, seed=0, workers=1)
    return batch


def test_features_are_those_of_the_placed_recording(write: Write) -> None:
    path = write("a.wav", tone(0.5, 48000))
    batch = one(path)
    row = batch.segments.iloc[0]
    window = torch.zeros(8000)
    onset = round(row["onset_s"] * 8000)
    window[onset : onset + 4000] = resample(read(path)[0][0], 48000, 8000)
    assert list(batch.segments.columns) == list(COLUMNS)
    assert row.to_dict() == {"id": "a", "start_s": 0.0, "onset_s": onset / 8000, "duration_s": 0.5}
    assert batch.features.dtype == np.float32
    np.testing.assert_allclose(batch.features, spectrogram_db(window[None]), atol=1e-3)


def test_padding_is_silent_where_the_table_says(write: Write) -> None:
    batch = one(write("a.wav", np.random.default_rng(0).normal(0, 0.1, 14400)))
    onset, duration = batch.segments.loc[0, ["onset_s", "duration_s"]]
    times, half = SETTINGS.times(), 228 / 8000
    sound = (times > onset - half) & (times < onset + duration + half)
    level = batch.features[0, 0].max(0)
    assert (level[~sound] == -80).all()
    assert (level[(times > onset) & (times < onset + duration)] > -40).all()


def test_stereo_is_mixed_to_mono(write: Write) -> None:
    left, right = tone(0.5, 48000, 500), tone(0.5, 48000, 900)
    stereo = one(write("s.wav", np.stack([left, right], 1), subtype="FLOAT"))
    mixed = one(write("m.wav", (left + right) / 2, subtype="FLOAT"))
    np.testing.assert_allclose(stereo.features, mixed.features, atol=1e-2)


def test_channels_that_cancel_are_said_and_one_can_be_taken(write: Write) -> None:
    sound = tone(0.5, 48000, 500)
    path = write("s.wav", np.stack([sound, -sound], 1), subtype="FLOAT")
    ((name, reason),) = one(path).rejected
    assert (name, "channels cancel" in reason) == ("a", True)
    assert "features.channel=0" in reason
    alone = one(write("m.wav", -sound, subtype="FLOAT"))
    second = one(path, SpectrogramSettings(channel=1))
    np.testing.assert_array_equal(second.features, alone.features)
    assert "its channels are 0 to 1" in one(path, SpectrogramSettings(channel=2)).rejected[0][1]


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 22050, 44100, 96000])
def test_any_rate_gives_the_same_picture(write: Write, rate: int) -> None:
    batch = one(write("a.wav", tone(1, rate, 1000), rate))
    frames = batch.features[0, 0, :, 20:-20]
    loudest = SETTINGS.frequencies()[frames.argmax(0)]
    np.testing.assert_allclose(loudest, 1000, atol=17.58)
    assert batch.segments["duration_s"].tolist() == [1.0]


def test_a_bad_recording_is_listed_and_never_stops_the_run(write: Write, tmp_path: Path) -> None:
    good = write("good.wav", tone(0.5, 48000))
    text = tmp_path / "text.wav"
    text.write_text("no audio at all")
    cases = {
        "missing": (tmp_path / "no.wav", "missing"),
        "text": (text, "not readable"),
        "short": (write("short.wav", tone(0.05, 48000)), "too short"),
        "long": (write("long.wav", tone(1.2, 48000)), "too long"),
        "zeros": (write("zeros.wav", np.zeros(9000)), "silent"),
        "nan": (write("nan.wav", np.full(9000, np.nan), subtype="FLOAT"), "not finite"),
        "rate": (write("rate.wav", tone(0.5, 44099), 44099), "44099 Hz cannot"),
    }
    bad = [(name, path) for name, (path, _) in cases.items()]
    batches = list(
        extract([bad, [("g1", good), *bad, ("g2", good)], []], SETTINGS, seed=0, workers=2)
    )
    assert [len(batch.features) for batch in batches] == [0, 2, 0]
    assert batches[0].features.shape == (0, 1, 227, 227)
    assert list(batches[0].segments.columns) == list(COLUMNS)
    assert batches[1].segments["id"].tolist() == ["g1", "g2"]
    for batch in batches[:2]:
        assert [name for name, _ in batch.rejected] == list(cases)
        for (name, reason), (_, expected) in zip(batch.rejected, cases.values(), strict=True):
            assert expected in reason, name
    assert batches[2].rejected == []


def test_too_long_is_counted_in_samples_at_the_new_rate(write: Write) -> None:
    assert one(write("a.wav", tone(1, 48000))).rejected == []
    assert "too long" in one(write("b.wav", np.append(tone(1, 48000), 0.1))).rejected[0][1]


def test_segments_cover_the_expected_times(write: Write) -> None:
    """2.7 s, of which the second second is silent: starts 0 and 2 s, and a last one of 0.7 s."""
    samples = tone(2.7, 16000)
    samples[16000:32000] *= 1e-3
    batch = one(write("a.flac", samples, 16000), SpectrogramSettings(segment_s=1.0))
    assert batch.segments["start_s"].tolist() == [0.0, 2.0]
    assert batch.segments["duration_s"].tolist() == pytest.approx([1.0, 0.7])
    assert batch.segments["id"].tolist() == ["a", "a"]
    ends = batch.segments["onset_s"] + batch.segments["duration_s"]
    assert (batch.segments["onset_s"] >= 0).all()
    assert (ends <= 1).all()
    assert batch.dropped == {"quiet": 1}


def test_neither_workers_nor_order_nor_company_change_a_window(write: Write) -> None:
    draw = np.random.default_rng(0)
    items = [
        (str(i), write(f"{i}.wav", draw.normal(0, 0.1, int(draw.integers(9000, 48000)))))
        for i in range(9)
    ]
    plain = list(extract([items[:5], items[5:]], SETTINGS, seed=1, workers=1))
    again = list(extract([items[:5], items[5:]], SETTINGS, seed=1, workers=3))
    for left, right in zip(plain, again, strict=True):
        assert left.features.tobytes() == right.features.tobytes()
        assert left.segments.equals(right.segments)
    (mixed,) = extract([items[::-1]], SETTINGS, seed=1, workers=1)
    together = np.concatenate([batch.features for batch in plain])
    np.testing.assert_allclose(mixed.features[::-1], together, atol=1e-2)


def test_the_seed_moves_the_recordings(write: Write) -> None:
    item = ("a", write("a.wav", tone(0.3, 48000)))
    onsets = [
        next(extract([[item]], SETTINGS, seed=seed, workers=1)).segments["onset_s"][0]
        for seed in range(5)
    ]
    assert len(set(onsets)) == 5


def test_no_workers_is_refused() -> None:
    with pytest.raises(SpeechLRPError, match="workers is 0"):
        extract([], SETTINGS, seed=0, workers=0)


def test_genuine_recordings(shared_data: Path) -> None:
    files = sorted(shared_data.glob("audiomnist/data/*/0_*_0.wav"))
    (batch,) = extract([[(f.stem, f) for f in files]], SETTINGS, seed=0, workers=1)
    assert batch.rejected == []
    assert batch.features.shape == (len(files), 1, 227, 227)
    assert (batch.features.min((1, 2, 3)) == -80).all()
    assert (batch.features.max((1, 2, 3)) == 0).all()


def test_genuine_long_recordings_in_segments(shared_data: Path) -> None:
    files = sorted(shared_data.glob("ravdess/wav/id10001/*/*.flac"))[:4]
    settings = SpectrogramSettings(segment_s=1.0)
    (batch,) = extract([[(f.stem, f) for f in files]], settings, seed=0, workers=1)
    seconds = sum(wave.shape[1] / rate for wave, rate in map(read, files))
    assert batch.rejected == []
    assert len(batch.features) == len(batch.segments) > len(files)
    kept = batch.segments["duration_s"].sum()
    assert 0 <= seconds - kept <= sum(batch.dropped.values())
