"""Planted cues: they alone carry the label, and they lie where the table says."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from speechlrp.corpora import CORPORA
from speechlrp.corpora.synthetic import cues, hiding
from speechlrp.corpora.synthetic.hiding import KINDS, TONES, recording
from speechlrp.corpora.synthetic.planted import TABLE, plant
from speechlrp.corpora.synthetic.speakers import cast
from speechlrp.errors import SpeechLRPError
from speechlrp.measures.localisation import TRUTH

SPEAKER = cast(1, seed=0)[0]
TIME = np.arange(round(cues.SECONDS * cues.RATE)) / cues.RATE


@pytest.fixture(autouse=True)
def noise(monkeypatch):
    """Digits need an extra; the cues do not."""
    monkeypatch.setattr(hiding, "background_of", lambda kind: "noise")


def _both(kind, seed=3):
    """One recording with either label: nothing but the label differs."""
    one = hiding.Plant(hiding.Utterance("a", "a.wav", 0, "zero", 0), SPEAKER, "", "", "", (seed,))
    made = {label: recording(kind, replace(one, cue=label)) for label in cues.BANDS}
    return {label: (wave, found[0]) for label, (wave, found) in made.items()}


def _lobes(wave):
    """Power by frequency of the whole wave, and the frequencies."""
    return np.abs(np.fft.rfft(wave)) ** 2, np.fft.rfftfreq(len(wave), 1 / cues.RATE)


def test_the_tones_are_all_that_differs():
    found = _both("planted_tone")
    difference = found["low"][0] - found["high"][0]
    inside = np.zeros(len(TIME), bool)
    for _, cue in found.values():
        inside |= (cue.start_s <= TIME) & (cue.end_s >= TIME)
    assert np.abs(difference[~inside]).max() < 1e-12
    assert np.abs(difference[inside]).max() > 1e-3
    power, hz = _lobes(difference)
    near = np.zeros(len(hz), bool)
    for label, (_, cue) in found.items():
        assert cues.BANDS[label][0] < cue.hz < cues.BANDS[label][1]
        near |= (hz >= cue.low_hz) & (hz <= cue.high_hz)
    assert power[near].sum() > 0.97 * power.sum()


@pytest.mark.parametrize("seed", range(4))
def test_fundamentals_differ_below_the_cut_and_while_the_voice_sounds_alone(seed):
    found = _both("planted_f0", seed)
    (low, cue), (high, other) = found["low"], found["high"]
    assert (cue.start_s, cue.end_s) == (other.start_s, other.end_s)
    difference = low - high
    outside = (cue.start_s > TIME) | (cue.end_s < TIME)
    assert np.abs(difference[outside]).max() < 1e-12
    power, hz = _lobes(difference)
    # what the 20 ms fades spread beyond the cut is 40 dB below
    assert power[(hz < cue.low_hz) | (hz > cue.high_hz)].sum() < 1e-4 * power.sum()
    background, _ = _lobes(low)
    beyond = hz > cue.high_hz + 100
    assert power[beyond].sum() < 1e-4 * background[beyond].sum()


@pytest.mark.parametrize("label", cues.BANDS)
def test_the_harmonics_are_those_of_the_fundamental(label):
    rng = np.random.default_rng(1)
    tracks = cues.formants(1.0, rng)
    cue = cues.harmonics(label, tracks, (0.1, 0.8), rng)
    power, hz = _lobes(cue.wave)
    assert cues.FUNDAMENTALS[label][0] < cue.hz < cues.FUNDAMENTALS[label][1]
    first = power[(hz > 0.92 * cue.hz) & (hz < 1.08 * cue.hz)].sum()
    between = power[(hz > 1.25 * cue.hz) & (hz < 1.75 * cue.hz)].sum()
    assert first > 300 * between
    assert power[hz > cues.CUT].sum() < 1e-4 * power.sum()


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"planted_word"}))
def test_the_cue_is_never_the_loudest(kind):
    for seed in range(6):
        for wave, cue in _both(kind, seed).values():
            size = 912
            frames = np.lib.stride_tricks.sliding_window_view(wave, size)[::100]
            power = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1))
            middle = (np.arange(len(frames)) * 100 + size / 2) / cues.RATE
            hz = np.fft.rfftfreq(size, 1 / cues.RATE)
            inside = (middle > cue.start_s)[:, None] & (middle < cue.end_s)[:, None]
            inside = inside & ((hz > cue.low_hz) & (hz < cue.high_hz))
            assert power[inside].max() < 0.9 * power[~inside].max()


def test_formants_know_no_label_and_shape_the_noise():
    rng = np.random.default_rng(0)
    tracks = np.repeat([[500.0], [1500.0], [2500.0], [3500.0]], len(TIME), axis=1)
    power, hz = _lobes(cues.whisper(tracks, (0.05, 0.9), rng))
    assert power[hz < cues.CUT].sum() < 1e-12 * power.sum()
    peak, valley = ((hz > c - 60) & (hz < c + 60) for c in (1500, 2000))
    assert power[peak].sum() > 10 * power[valley].sum()
    gain = cues.envelope(np.array([100.0, 500.0, 1000.0])[:, None], tracks[:, :1])[:, 0]
    assert gain[1] > gain[0] > gain[2]


@pytest.mark.parametrize("kind", sorted({*KINDS} - {"planted_word"}))
def test_a_corpus_is_read_with_its_truth(kind, tmp_path):
    made = plant(tmp_path / "c", kind, speakers=2, per_speaker=4, seed=1)
    assert (made.utterances, made.written, made.root) == (8, 8, tmp_path / "c")
    found = CORPORA["manifest"](made.root, file=TABLE)
    for speaker in ("001", "002"):
        own = [r for r in found if r.speaker == speaker]
        for task in ("cue", "shuffled"):
            classes = [*(TONES[kind][0] if kind in TONES else cues.BANDS)]
            assert sorted(r.label(task) for r in own) == sorted(classes * (4 // len(classes)))
    for one in found:
        wave, rate = soundfile.read(one.path)
        start, end, low, high = (float(one.extra[name]) for name in TRUTH)
        assert rate == cues.RATE
        assert 0 <= start < end <= len(wave) / rate + 1e-9
        assert low < high
        if kind == "planted_tone":
            bounds = cues.BANDS[one.label("cue")]
            assert bounds[0] < float(one.extra["cue_hz"]) < bounds[1]


def test_workers_and_reruns_make_no_difference(tmp_path):
    settings = {"speakers": 2, "per_speaker": 3, "seed": 4}
    calls = []
    plant(tmp_path / "a", "planted_f0", **settings, progress=lambda *a: calls.append(a))
    plant(tmp_path / "b", "planted_f0", **settings, workers=2)
    assert calls[-1] == (6, 6)
    for path in (tmp_path / "a").rglob("*.wav"):
        twin = tmp_path / "b" / path.relative_to(tmp_path / "a")
        assert twin.read_bytes() == path.read_bytes()
    assert plant(tmp_path / "a", "planted_f0", **settings).written == 0
    next((tmp_path / "a").rglob("*.wav")).unlink()
    assert plant(tmp_path / "a", "planted_f0", **settings).written == 6
    with pytest.raises(SpeechLRPError, match=r"other settings \(seed: 4 -> 5\)"):
        plant(tmp_path / "a", "planted_f0", **settings | {"seed": 5})
    plant(tmp_path / "a", "planted_f0", **settings | {"seed": 5}, force=True)
    with (tmp_path / "a" / TABLE).open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "planted_noise"}, "unknown planted corpus 'planted_noise'"),
        ({"per_speaker": 1}, "per_speaker is 1"),
        ({"workers": 0}, "workers 0"),
        ({"seed": -1}, "seed -1"),
        ({"speakers": 0}, "at least one speaker"),
    ],
)
def test_what_does_not_fit_is_one_line(change, words, tmp_path):
    settings = {"kind": "planted_tone", "speakers": 2, "per_speaker": 2} | change
    with pytest.raises(SpeechLRPError, match=words) as error:
        plant(tmp_path, settings.pop("kind"), **settings)
    assert "\n" not in str(error.value)


def test_digits_are_spoken_where_there_is_a_voice(monkeypatch):
    pytest.importorskip("espeakng_loader", reason="needs the extra `synth` (espeakng-loader)")
    monkeypatch.setattr(hiding, "background_of", lambda kind: "espeak")
    (low, _), (high, _) = _both("planted_tone").values()
    assert low.shape == high.shape == TIME.shape
    assert np.abs(low).max() > 0.1


def _own(tmp_path, seconds=(0.4, 3.0, 0.95, 1.2)):
    """A list of recordings of two speakers, of several lengths and rates."""
    rng, rows = np.random.default_rng(0), ["path,speaker,mood"]
    for k, length in enumerate(seconds):
        rate = (8000, 22050)[k % 2]
        wave = 0.9 * rng.uniform(-1, 1, (round(length * rate), 1 + k % 2))
        soundfile.write(tmp_path / f"{k}.wav", wave, rate)
        rows.append(f"{k}.wav,{'ab'[k // 2]},calm")
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", TONES)
def test_tones_are_planted_into_recordings_of_ones_own(kind, tmp_path):
    made = plant(tmp_path / "c", kind, manifest=_own(tmp_path), seed=2)
    assert (made.utterances, made.speakers) == (4, 2)
    found = CORPORA["manifest"](made.root, file=TABLE)
    assert [r.speaker for r in found] == ["a", "a", "b", "b"]
    assert sorted(r.label("cue") for r in found[:2]) == sorted([*TONES[kind][0]][:2])
    for one in found:
        wave, rate = soundfile.read(one.path)
        assert (rate, len(wave)) == (cues.RATE, len(TIME))
        assert np.abs(wave).max() < 1
        start, end, low, high = (float(one.extra[name]) for name in TRUTH)
        part = wave[int(start * rate) : int(end * rate)]
        power, hz = _lobes(np.pad(part, (0, len(TIME) - len(part))))
        inside = (hz > low) & (hz < high)
        assert power[inside].max() > 4 * np.median(power[(hz > low - 300) & (hz < high + 300)])
        assert ("also_start_s" in one.extra) == (kind == "planted_pair")


def test_a_way_of_speaking_is_not_planted_and_silence_hides_nothing(tmp_path):
    path = _own(tmp_path)
    with pytest.raises(SpeechLRPError, match="take one of planted_tone, planted_pair"):
        plant(tmp_path / "c", "planted_formant", manifest=path)
    soundfile.write(tmp_path / "1.wav", np.zeros(8000), 8000)
    with pytest.raises(SpeechLRPError, match=r"1\.wav is silent"):
        plant(tmp_path / "c", "planted_tone", manifest=path)


def test_another_list_is_another_corpus(tmp_path):
    path = _own(tmp_path)
    plant(tmp_path / "c", "planted_tone", manifest=path)
    path.write_text(path.read_text(encoding="utf-8").replace("calm", "glad"), encoding="utf-8")
    with pytest.raises(SpeechLRPError, match=r"other settings \(listed"):
        plant(tmp_path / "c", "planted_tone", manifest=path)


def test_both_cues_of_a_pair_have_a_place():
    for wave, _ in _both("planted_pair").values():
        assert len(wave) == len(TIME)
    one = hiding.Plant(hiding.Utterance("a", "a.wav", 0, "one", 1), SPEAKER, "", "high", "", (5,))
    _, (first, second) = recording("planted_pair", one)
    assert cues.BANDS["high"][0] < first.hz < cues.BANDS["high"][1]
    assert cues.OTHER_BANDS["high"][0] < second.hz < cues.OTHER_BANDS["high"][1]


def test_each_of_four_classes_has_its_band(tmp_path):
    made = plant(tmp_path / "c", "planted_four", speakers=2, per_speaker=8, seed=2)
    table = CORPORA["manifest"](made.root, file=TABLE)
    assert sorted(one.label("cue") for one in table) == sorted([*cues.FOUR_BANDS] * 4)
    for one in table:
        low, high = cues.FOUR_BANDS[one.label("cue")]
        assert low < float(one.extra["cue_hz"]) < high


def test_a_formant_moves_and_nothing_else_does():
    (low, cue), (high, _) = _both("planted_formant").values()
    power, hz = _lobes(low - high)
    outside = (hz < cues.AROUND[0]) | (hz > cues.AROUND[1])
    assert power[outside].sum() < 1e-3 * power.sum()
    assert (cue.low_hz, cue.high_hz) == cues.AROUND


def test_a_word_is_said_when_the_table_says():
    pytest.importorskip("espeakng_loader", reason="needs the extra `synth` (espeakng-loader)")
    (low, first), (high, other) = _both("planted_word", seed=4).values()
    for wave, cue in ((low, first), (high, other)):
        assert 0 <= cue.start_s < cue.end_s <= cues.SECONDS
        inside = (cue.start_s <= TIME) & (cue.end_s >= TIME)
        assert np.square(wave[inside]).mean() > 0.2 * np.square(wave).mean()
