"""Copies of a recording with something mixed in: the ratio is measured on the samples."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from speechlrp.audio.artefacts import TRIES, Conditions
from speechlrp.audio.extraction import COLUMNS, CONDITION, FeatureBatch, extract
from speechlrp.audio.mixing import KINDS, Mixer
from speechlrp.audio.noises import synthesised, synthesiser
from speechlrp.audio.spectrogram import SpectrogramSettings
from speechlrp.errors import SpeechLRPError
from tests.audio.conftest import tone

RATE = 8000
SETTINGS = SpectrogramSettings(segment_s=0.5, min_segment_s=0.1)


def conditions(*kinds: str, recordings=None, load=None, seed: int = 1) -> Conditions:
    load = load or synthesiser(RATE)
    mixers = {
        name: Mixer(synthesised(), load, seed=seed, probability=1, kinds={name: KINDS[name]})
        for name in kinds
    }
    return Conditions(mixers, recordings)


def wave(seconds: float = 1.0) -> Tensor:
    return torch.from_numpy(tone(seconds, RATE, level=0.05)).float()


def test_every_copy_has_the_ratio_that_it_says() -> None:
    own = wave()
    for number in range(8):
        copies = list(conditions("music", "noise")(own, f"recording {number}"))
        assert [mixed.kind for _, mixed in copies] == ["music", "noise"]
        for copy, mixed in copies:
            assert copy.shape == own.shape
            assert copy.abs().max() < 1  # so nothing was made quieter
            added = copy.double() - own.double()
            ratio = 10 * torch.log10(own.double().square().sum() / added.square().sum())
            low, high = KINDS[mixed.kind].snr_db
            assert low <= mixed.snr_db <= high
            assert float(ratio) == pytest.approx(mixed.snr_db, abs=0.01)


def test_a_copy_follows_from_seed_id_and_kind_alone() -> None:
    own = wave()
    ((noisy, mixed),) = conditions("noise")(own, "a")
    both = {m.kind: (c, m) for c, m in conditions("music", "noise")(own, "a")}
    assert both["noise"][1] == mixed
    assert torch.equal(both["noise"][0], noisy)
    for other in (conditions("noise", seed=2)(own, "a"), conditions("noise")(own, "b")):
        assert not torch.equal(next(other)[0], noisy)


def test_only_recordings_that_are_asked_for_are_copied() -> None:
    some = conditions("music", recordings={"a"})
    assert len(list(some(wave(), "a"))) == 1
    assert list(some(wave(), "b")) == []


def test_silent_excerpts_are_drawn_again() -> None:
    sounds, silent = synthesiser(RATE), {f"{i:02d}" for i in range(1, 16)}

    def load(path: Path) -> Tensor:
        return torch.zeros(RATE) if path.name in silent else sounds(path)

    ((_, mixed),) = conditions("noise", load=load)(wave(), "a")
    assert [path.name for path in mixed.files] == ["00"]
    silent.add("00")
    with pytest.raises(SpeechLRPError, match=f"{TRIES} excerpts of noise to mix into a were all"):
        list(conditions("noise", load=load)(wave(), "a"))


@pytest.fixture
def recordings(write: Callable[..., Path]) -> list[tuple[str, Path]]:
    """Three of 1.7 s; the second half second of each is 60 dB below the first."""
    found = []
    for name in "abc":
        sound = tone(1.7, RATE, 300 + ord(name), level=0.1)
        sound[RATE // 2 : RATE] *= 1e-3
        found.append((name, write(f"{name}.wav", sound, RATE)))
    return found


def extracted(recordings, copies: Conditions | None, workers: int = 1) -> list[FeatureBatch]:
    units = [recordings[:2], recordings[2:]]
    return list(extract(units, SETTINGS, seed=3, workers=workers, copies=copies))


def test_copies_are_cut_and_placed_as_the_recording(recordings) -> None:
    copies = conditions("music", "noise", recordings={"a", "c"})
    first, second = extracted(recordings, copies)
    table = first.segments
    assert list(table.columns) == [*COLUMNS, *CONDITION]
    assert table.id.tolist() == [*"aaa", *"bbb", *"aaaaaa"]
    own = table[(table.id == "a") & (table.condition == "")]
    assert own.start_s.tolist() == [0, 1.0, 1.5]  # the quiet half second is not there,
    for kind in ("music", "noise"):  # nor is it where noise fills it
        copy = table[table.condition == kind]
        columns = list(COLUMNS)
        assert copy[columns].to_numpy().tolist() == own[columns].to_numpy().tolist()
        assert copy.snr_db.nunique() == 1  # of the whole recording
        assert copy.mixed_in.str.startswith(f"{kind}/").all()
    assert own.snr_db.isna().all()
    assert first.recordings.id.tolist() == ["a", "b"]  # a recording counts once
    assert first.recordings.segments.tolist() == [3, 3]
    assert first.dropped == {"quiet": 2}
    assert len(second.features) == len(second.segments) == 9


def test_recordings_are_as_without_copies(recordings) -> None:
    copies = conditions("music", recordings={"b", "c"})
    for one, other in zip(extracted(recordings, None), extracted(recordings, copies), strict=True):
        own = (other.segments.condition == "").to_numpy()
        np.testing.assert_array_equal(other.features[own], one.features)
        assert len(other.features) == len(one.features) + 3
        assert other.segments[own][list(COLUMNS)].equals(one.segments)
        assert other.recordings.equals(one.recordings)


def test_any_number_of_workers_gives_the_same(recordings) -> None:
    for one, two in zip(
        *(extracted(recordings, conditions("music", "noise"), n) for n in (1, 2)), strict=True
    ):
        np.testing.assert_array_equal(one.features, two.features)
        assert one.segments.equals(two.segments)
