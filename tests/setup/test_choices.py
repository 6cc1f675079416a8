"""What is chosen for recordings, from their numbers alone."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from speechlrp.corpora import Recording
from speechlrp.errors import SpeechLRPError
from speechlrp.setup import choices
from speechlrp.setup.choices import choose
from speechlrp.setup.survey import Survey


def found(speakers=10, each=20, moods=2, seconds=1.0, rates=None, hours=None, same=False):
    """Recordings in which every speaker has every mood, or all of a speaker the same."""
    recordings = []
    for s in range(speakers):
        for i in range(each):
            mood = f"m{(s if same else i) % moods}"
            recordings.append(
                Recording(f"{s}/{i}", Path("a"), f"s{s}", extra={"mood": mood, "one": "x"})
            )
    if hours:
        seconds = hours * 3600 / 0.6 / len(recordings)
    lengths = np.full(len(recordings), float(seconds))
    rates = Counter(rates or {16000: len(recordings)})
    return Survey(recordings, 0, len(recordings), lengths, rates, Counter({1: 1}), [])


def test_speakers_are_kept_apart_and_every_class_is_in_every_subset():
    chosen = choose(found(), "mood")
    assert chosen.split.unit == "speaker"
    assert chosen.classes == ["m0", "m1"]
    assert chosen.split.counts == (120, 40, 40)
    assert chosen.cautions == []


def test_classes_of_speakers_are_in_every_subset_by_speakers():
    chosen = choose(found(speakers=6, same=True), "mood")
    assert (chosen.split.unit, chosen.split.shares) == ("speaker", (0.5, 0.25, 0.25))
    assert chosen.split.counts == (40, 40, 40)


def test_rare_classes_ask_for_another_seed_or_are_told():
    few = found(speakers=12, each=8)
    for number in (0, 1, 2):
        rare = few.recordings[8 * number]
        few.recordings[8 * number] = Recording(
            rare.id, rare.path, rare.speaker, extra={"mood": "r"}
        )
    chosen = choose(few, "mood")
    assert chosen.cautions == []
    few.recordings[8] = Recording("1/0", Path("a"), "s1", extra={"mood": "m0"})
    few.recordings[16] = Recording("2/0", Path("a"), "s2", extra={"mood": "m0"})
    (caution, second) = choose(few, "mood").cautions
    assert "nothing of r is in" in caution
    assert "nothing of r is in" in second


def test_a_speaker_can_be_told_by_recordings_alone():
    chosen = choose(found(), "speaker")
    assert chosen.split.unit == "recording"
    assert len(chosen.classes) == 10
    assert chosen.cautions == []


def test_what_cannot_be_kept_apart_is_told():
    chosen = choose(found(2, 30), "mood")
    assert chosen.split.unit == "recording"
    assert "too few speakers (2) to keep" in chosen.cautions[0]


def test_speakers_of_one_recording_each_are_split_by_recordings():
    chosen = choose(found(60, 1, same=True), "mood")
    assert chosen.split.unit == "recording"
    assert chosen.reasons["split"] == "every recording counts as a speaker of its own"
    assert chosen.cautions == []


@pytest.mark.parametrize(
    ("seconds", "window", "train_from"),
    [(0.3, 0.5, "audio"), (1.24, 1.3, "audio"), (4.0, 3.0, "audio"), (60.0, 3.0, "features")],
)
def test_windows_follow_from_durations(seconds, window, train_from):
    chosen = choose(found(seconds=seconds), "mood")
    assert chosen.length == round(window * 16000)
    assert chosen.train_from == train_from


@pytest.mark.parametrize(
    ("rates", "rate", "bands"),
    [
        ({44100: 200}, 16000, 64),
        ({48000: 195, 8000: 5}, 16000, 64),
        ({16000: 9, 8000: 1}, 8000, 40),
    ],
)
def test_a_rate_that_nearly_all_have(rates, rate, bands):
    chosen = choose(found(rates=rates), "mood")
    assert (chosen.rate, chosen.bands) == (rate, bands)


@pytest.mark.parametrize(
    ("hours", "model"), [(1, "resnet10"), (50, "resnet34_small"), (500, "resnet34")]
)
def test_networks_grow_with_the_recordings(hours, model):
    assert choose(found(hours=hours), "mood").model == model


@pytest.mark.parametrize(
    ("speakers", "each", "epochs", "batch"), [(10, 20, 117, 8), (10, 200, 12, 32), (2, 4, 120, 4)]
)
def test_small_data_are_seen_more_often_in_smaller_batches(speakers, each, epochs, batch):
    chosen = choose(found(speakers, each), "mood")
    assert (chosen.epochs, chosen.batch_size) == (epochs, batch)


@pytest.mark.parametrize(
    ("flags", "precision"),
    [("flags: avx2 avx512_bf16", "bf16"), ("flags: avx2", "float32"), (None, "float32")],
)
def test_half_precision_where_the_processor_has_it(tmp_path, monkeypatch, flags, precision):
    if flags:
        (tmp_path / "cpuinfo").write_text(flags)
    monkeypatch.setattr(choices, "CPU", tmp_path / "cpuinfo")
    assert choose(found(), "mood").precision == precision


@pytest.mark.parametrize(
    ("recordings", "label", "message"),
    [
        (found(), "one", "every recording has the one 'x'; two classes are needed"),
        (found(20, 1, moods=20, same=True), "mood", "20 classes for 20 recordings .* group"),
        (found(2, 2), "mood", "4 recordings of 2 classes are too few"),
    ],
)
def test_what_nothing_can_be_chosen_for(recordings, label, message):
    with pytest.raises(SpeechLRPError, match=message):
        choose(recordings, label)


def test_classes_that_may_be_one_are_told():
    survey = found(moods=2)
    for place in range(0, len(survey.recordings), 4):
        one = survey.recordings[place]
        survey.recordings[place] = Recording(one.id, one.path, one.speaker, extra={"mood": "M0"})
    (caution,) = choose(survey, "mood").cautions
    assert caution == "are 'M0' and 'm0' one class? They are kept apart"
