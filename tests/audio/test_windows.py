import numpy as np
import pytest
import torch
from torch import Tensor

from speechlrp.audio.spectrogram import SpectrogramSettings as Settings
from speechlrp.audio.windows import cut, place
from speechlrp.errors import RecordingError, SpeechLRPError
from tests.audio.conftest import tone


def wave(seconds: float, level: float = 0.5) -> Tensor:
    return torch.from_numpy(tone(seconds, 8000, level=level)).float()


BAD_SETTINGS = [
    ({"rate": 0}, "features.rate is 0"),
    ({"length": -1}, "features.length"),
    ({"min_peak": 1.0}, "features.min_peak"),
    ({"min_s": 1.5}, "features.min_s is 1.5; it must be 0 to 1 s"),
    ({"segment_s": 1.01}, "features.segment_s is 1.01; it must be up to 1 s"),
    ({"segment_s": 0.4}, "features.min_segment_s is 0.5; it must be 0 to segment_s = 0.4 s"),
    ({"segment_s": 1.0, "max_segments": 0}, "features.max_segments"),
    ({"segment_s": 1.0, "silence_db": -3}, "features.silence_db"),
]


@pytest.mark.parametrize(("values", "message"), BAD_SETTINGS)
def test_settings_that_contradict_are_refused(values: dict[str, float], message: str) -> None:
    with pytest.raises(SpeechLRPError, match=message):
        Settings(**values)


def test_segments_cover_the_recording_without_gap_or_overlap() -> None:
    settings = Settings(segment_s=1.0, silence_db=None)
    whole = wave(3.7)
    segments, dropped = cut(whole, settings)
    assert [start for start, _ in segments] == [0, 8000, 16000, 24000]
    assert torch.equal(torch.cat([part for _, part in segments]), whole)
    assert not dropped


def test_a_short_end_is_dropped_and_counted() -> None:
    segments, dropped = cut(wave(2.3), Settings(segment_s=1.0))
    assert [start for start, _ in segments] == [0, 8000]
    assert dropped == {"short": 1}


def test_a_recording_shorter_than_min_segment_is_one_segment() -> None:
    segments, dropped = cut(wave(0.3), Settings(segment_s=1.0, min_segment_s=0.5))
    assert [(start, len(part)) for start, part in segments] == [(0, 2400)]
    assert not dropped


@pytest.mark.parametrize(
    ("silence_db", "starts"), [(30.0, [8000]), (50.0, [0, 8000]), (None, [0, 8000])]
)
def test_a_quiet_segment_is_dropped_by_its_level(silence_db: float, starts: list[int]) -> None:
    """The first second lies 40 dB below the second."""
    recording = torch.cat([wave(1, 0.005), wave(1, 0.5)])
    segments, dropped = cut(recording, Settings(segment_s=1.0, silence_db=silence_db))
    assert [start for start, _ in segments] == starts
    assert dropped.total() == 2 - len(starts)
    assert dropped["quiet"] == 2 - len(starts)


def test_a_segment_of_zeros_is_dropped_whatever_the_settings() -> None:
    recording = torch.cat([wave(1), torch.zeros(8000)])
    segments, dropped = cut(recording, Settings(segment_s=1.0, silence_db=None))
    assert [start for start, _ in segments] == [0]
    assert dropped == {"quiet": 1}


def test_only_so_many_segments_are_kept() -> None:
    segments, dropped = cut(wave(5), Settings(segment_s=1.0, max_segments=2))
    assert [start for start, _ in segments] == [0, 8000]
    assert dropped == {"surplus": 3}


@pytest.mark.parametrize(
    ("recording", "values", "reason"),
    [
        (wave(0.05), {}, "too short: 0.05 s, at least 0.1 s"),
        (torch.zeros(0), {"min_s": 0.0}, "silent"),
        (torch.zeros(4000), {}, "silent: peak 0, must be above 0.0001"),
        (wave(0.5, 5e-5), {}, "silent: peak 5e-05"),
        (wave(1.001), {}, "too long: 1.001 s, at most 1 s"),
        (torch.cat([torch.zeros(8000), wave(0.2)]), {"segment_s": 1.0}, "silent but for"),
    ],
)
def test_what_cannot_be_used_is_rejected(
    recording: Tensor, values: dict[str, float], reason: str
) -> None:
    with pytest.raises(RecordingError, match=reason):
        cut(recording, Settings(**values))


def test_exactly_a_window_is_accepted() -> None:
    segments, _ = cut(wave(1), Settings())
    assert [(start, len(part)) for start, part in segments] == [(0, 8000)]


def test_placement_pads_with_zeros_at_the_offset_it_names() -> None:
    part = wave(0.5)
    window, offset = place(part, 8000, seed=3, name="a")
    assert torch.equal(window[offset : offset + 4000], part)
    assert float(window[:offset].abs().sum() + window[offset + 4000 :].abs().sum()) == 0


def test_a_full_window_has_no_choice() -> None:
    assert place(wave(1), 8000, seed=3, name="a")[1] == 0


def test_placement_is_fixed_by_seed_name_and_start() -> None:
    part = torch.ones(10)
    offset = place(part, 8000, seed=3, name="a", start=5)[1]
    assert offset == 7032  # the same on every machine, in every session
    assert place(part, 8000, seed=3, name="a", start=5)[1] == offset
    others = [
        place(part, 8000, seed=4, name="a", start=5)[1],
        place(part, 8000, seed=3, name="b", start=5)[1],
        place(part, 8000, seed=3, name="a", start=6)[1],
    ]
    assert len({offset, *others}) == 4


def test_offsets_are_spread_evenly() -> None:
    offsets = [place(torch.ones(6), 9, seed=0, name=str(i))[1] for i in range(4000)]
    counts = np.bincount(offsets, minlength=4)
    assert len(counts) == 4  # 0..3: the last offset is reachable
    assert counts.min() > 850
