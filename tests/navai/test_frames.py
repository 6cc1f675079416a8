"""Letter frames against windows cut and predicted one by one."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from speechlrp.audio.log_mel import LogMelSettings
from speechlrp.errors import SpeechLRPError
from speechlrp.navai.frame_classes import Letters
from speechlrp.navai.frames import Clock, LetterFrames, predict

LETTERS = Letters({1: "a", 2: "b", 3: "c"})


def frames_of(model, utterances, **options):
    return LetterFrames(list(utterances.items()), model, LETTERS, **options)


def noise(bands: int, frames: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(bands, frames, generator=generator, dtype=torch.float64)


def test_one_forward_of_the_utterance_equals_its_windows_one_by_one(wav2letter):
    features, width = noise(5, 90, 1), wav2letter.receptive_field
    whole = wav2letter(features[None])[0]
    starts = range(0, 90 - width + 1, wav2letter.stride)
    alone = torch.cat([wav2letter(features[None, :, s : s + width])[0] for s in starts], 1)
    assert whole.shape == (4, len(starts))
    torch.testing.assert_close(whole, alone, rtol=0, atol=1e-12)
    assert torch.equal(predict(wav2letter, features), alone.argmax(0))


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_frames_are_the_windows_that_a_naive_loop_finds(wav2letter, batch):
    utterances = {f"u{k}": noise(5, frames, k) for k, frames in enumerate((90, 20, 19, 47))}
    width, expected = wav2letter.receptive_field, []
    for key, features in utterances.items():
        for start in range(0, features.shape[1] - width + 1, wav2letter.stride):
            window = features[:, start : start + width]
            symbol = int(wav2letter(window[None])[0, :, 0].argmax())
            if symbol in (1, 2, 3):
                expected.append((key, start, symbol, window))
    stream = frames_of(wav2letter, utterances, batch=batch)
    found = list(stream)
    assert [key for f in found for key in f.ids] == [e[0] for e in expected]
    assert torch.cat([f.starts for f in found]).tolist() == [e[1] for e in expected]
    assert torch.cat([f.symbols for f in found]).tolist() == [e[2] for e in expected]
    assert torch.cat([f.classes for f in found]).tolist() == [e[2] - 1 for e in expected]
    assert torch.equal(torch.cat([f.windows for f in found]), torch.stack([e[3] for e in expected]))
    assert len({e[2] for e in expected}) > 1
    assert (stream.tally.utterances, stream.tally.short) == (4, 1)
    assert stream.tally.windows == 36 + 1 + 14
    by_hand = [sum(e[2] == symbol for e in expected) for symbol in (1, 2, 3)]
    assert stream.tally.counts.tolist() == by_hand


def test_runs_are_neighbours_of_one_symbol(scripted):
    utterances = {"u": scripted.utterance([1, 1, 0, 1, 2, 2, 2]), "v": scripted.utterance([2, 2])}
    (batch,) = frames_of(scripted, utterances)
    assert batch.runs.tolist() == [0, 0, 1, 2, 2, 2, 3, 3]
    assert batch.starts.tolist() == [0, 2, 6, 8, 10, 12, 0, 2]
    assert batch.table().values.tolist()[:3] == [
        ["u", 0, 0, 1, 0],
        ["u", 0, 0, 1, 2],
        ["u", 1, 0, 1, 6],
    ]


@given(
    said=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=12), max_size=5),
    batch=st.integers(1, 6),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # it has no state
def test_batches_are_full_but_end_with_a_run(scripted, said, batch):
    utterances = {str(k): scripted.utterance(symbols) for k, symbols in enumerate(said)}
    stream = frames_of(scripted, utterances, batch=batch)
    found = list(stream)
    sizes = [len(f.ids) for f in found]
    assert sum(sizes) == sum(symbol > 0 for symbols in said for symbol in symbols)
    assert all(0 < size <= batch for size in sizes)
    assert sum(stream.tally.counts) == sum(sizes)
    lengths = torch.cat([f.runs for f in found]).bincount() if found else torch.empty(0)
    assert all(lengths <= batch)
    for one, following in pairwise(found):
        assert int(one.runs[-1]) < int(following.runs[0])
        assert len(one.ids) + int(lengths[following.runs[0]]) > batch


def test_utterances_are_read_only_as_batches_are_asked_for(scripted):
    read = []

    def endless():
        for number in range(10**9):
            read.append(number)
            yield str(number), scripted.utterance([1, 0, 2])

    stream = iter(LetterFrames(endless(), scripted, LETTERS, batch=4))
    next(stream)
    assert len(read) == 3
    next(stream)
    assert len(read) == 5


def test_windows_are_copies_that_do_not_hold_the_utterance(scripted):
    (batch,) = frames_of(scripted, {"u": scripted.utterance([1] + 50 * [0])})
    assert batch.windows.untyped_storage().nbytes() == 1 * 3 * 5 * 8


def test_tallies_of_shards_add_up(scripted):
    parts = [
        {"u": scripted.utterance([1, 2])},
        {"v": scripted.utterance([2]), "w": torch.ones(3, 4)},
    ]
    tallies = []
    for part in (*parts, parts[0] | parts[1]):
        stream = frames_of(scripted, part)
        list(stream)
        tallies.append(stream.tally)
    both = tallies[0].absorb(tallies[1].state())
    assert both.counts.tolist() == tallies[2].counts.tolist() == [1, 2, 0]
    assert (both.utterances, both.short, both.windows) == (3, 1, 3)
    assert (tallies[2].utterances, tallies[2].short, tallies[2].windows) == (3, 1, 3)


def test_a_second_iteration_counts_afresh(scripted):
    stream = frames_of(scripted, {"u": scripted.utterance([1, 2])})
    assert len(list(stream)) == len(list(stream)) == 1
    assert stream.tally.counts.tolist() == [1, 1, 0]


def test_no_letter_gives_no_batch(scripted):
    stream = frames_of(scripted, {"u": scripted.utterance([0, 0, 5]), "v": torch.zeros(3, 2)})
    assert list(stream) == []
    assert (stream.tally.windows, stream.tally.short) == (3, 1)


def test_scores_that_are_not_finite_are_no_letters(wav2letter):
    with torch.no_grad():
        next(wav2letter.parameters())[0] = torch.nan
    with pytest.raises(SpeechLRPError, match="outputs are not finite"):
        predict(wav2letter, noise(5, wav2letter.receptive_field + 4, 0))


def test_what_does_not_fit_is_one_clear_line(scripted, wav2letter):
    with pytest.raises(SpeechLRPError, match=r"features of 'u' .* 1 values that are not finite"):
        list(frames_of(scripted, {"u": torch.tensor([[0.0, np.nan]])}))
    with pytest.raises(SpeechLRPError, match=r"must be finite and \[F, T\], not \[1, 3, 9\]"):
        list(frames_of(scripted, {"u": torch.zeros(1, 3, 9)}))
    with pytest.raises(SpeechLRPError, match="at least 1, not 0"):
        frames_of(scripted, {}, batch=0)
    wav2letter.padding = "same"
    with pytest.raises(SpeechLRPError, match="without padding, not training=False, padding='same'"):
        list(frames_of(wav2letter, {"u": noise(5, 40, 0)}))
    wav2letter.padding = "none"
    with pytest.raises(SpeechLRPError, match="not training=True"):
        list(frames_of(wav2letter.train(), {"u": noise(5, 40, 0)}))


def test_clock():
    settings = LogMelSettings()
    ours = [Clock().seconds(frame) for frame in range(4)]
    assert ours == pytest.approx(settings.times(4).tolist())
    assert Clock(0.008, 0.016).seconds(np.array([0, 10])).tolist() == [0.016, 0.096]
