"""Single utterances: are they what they claim to be, and when?"""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from speechlrp.corpora.synthetic import espeak, phrases
from speechlrp.corpora.synthetic.render import _resample, render
from speechlrp.corpora.synthetic.speakers import ACCENTS, MEN, WOMEN, cast
from speechlrp.errors import SpeechLRPError

needs_espeak = pytest.mark.skipif(
    importlib.util.find_spec("espeakng_loader") is None,
    reason="needs the extra `synth` (espeakng-loader)",
)
VOICE = {"rate": 170, "pitch": 50, "range": 50, "seed": 3}


def fundamental(wave, rate):
    """The lag of the autocorrelation's peak, over frames of 40 ms; the median, in Hz."""
    size, found = int(0.04 * rate), []
    for start in range(0, len(wave) - size, size // 2):
        frame = wave[start : start + size] - wave[start : start + size].mean()
        if np.sqrt(np.mean(frame**2)) < 0.2 * np.abs(wave).max() / np.sqrt(2):
            continue
        lags = np.correlate(frame, frame, "full")[size - 1 :] / (size - np.arange(size))
        low, high = rate // 400, rate // 60
        near = np.flatnonzero(lags[low:high] > 0.9 * lags[low:high].max())[0] + low
        if lags[low:high].max() > 0.5 * lags[0]:
            found.append(rate / (near + np.argmax(lags[near : near + rate // 2000 + 1])))
    return float(np.median(found))


def balance(wave, rate, start, end):
    """Energy above 3 kHz over energy below 1.5 kHz, in dB."""
    part = wave[round(start * rate) : round(end * rate)].astype(float)
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
    frequency = np.fft.rfftfreq(len(part), 1 / rate)
    return 10 * np.log10(power[frequency > 3000].sum() / power[frequency < 1500].sum())


@needs_espeak
def test_sexes_differ_in_pitch_and_speakers_keep_theirs():
    measured = {"male": [], "female": []}
    for speaker in cast(16, seed=1):
        said = render(speaker, "nine", 16_000, [speaker.number])
        pitch = fundamental(said.samples.astype(float), said.rate)
        measured[speaker.gender].append(pitch)
        assert pitch == pytest.approx(speaker.f0, rel=0.25)
    assert np.median(measured["male"]) < 145 < 165 < np.median(measured["female"])


def test_cast_overlaps_but_not_much():
    people = cast(400, seed=0)
    pitches = {g: [p.f0 for p in people if p.gender == g] for g in ("male", "female")}
    assert len(pitches["male"]) == len(pitches["female"]) == 200
    assert max(pitches["male"]) > min(pitches["female"])
    assert np.mean(np.array(pitches["male"]) > 155) < 0.15
    assert np.mean(np.array(pitches["female"]) < 155) < 0.15


def test_sixty_speakers_have_the_official_women():
    women = {p.number for p in cast(60, seed=4) if p.gender == "female"}
    assert women == {12, 26, 28, 36, 43, 47, 52, 56, 57, 58, 59, 60}


def test_a_cast_grows():
    assert cast(12, seed=5)[:8] == cast(8, seed=5)


def test_swapped_fundamentals_are_the_others_and_all_else_stays():
    people, swapped = cast(60, seed=5), cast(60, seed=5, swap_f0=True)
    for one, other in zip(people, swapped, strict=True):
        assert replace(other, f0=one.f0, pitch=one.pitch) == one
    medians = [
        np.median([p.f0 for p in voices if p.gender == "female"]) for voices in (people, swapped)
    ]
    assert medians[0] == pytest.approx(195, abs=25)
    assert medians[1] == pytest.approx(120, abs=15)


@needs_espeak
def test_a_swapped_voice_is_heard_higher_or_lower():
    pairs = zip(cast(8, seed=5), cast(8, seed=5, swap_f0=True), strict=True)
    for one, swapped in pairs:
        said = [render(voice, "nine", 16_000, [1]) for voice in (one, swapped)]
        own, other = (fundamental(one.samples.astype(float), one.rate) for one in said)
        assert other < 0.85 * own if one.gender == "female" else other > 1.2 * own


@needs_espeak
@pytest.mark.parametrize("variant", ["f2", "m1", "Reed"])
def test_vowel_of_six_lies_between_fricatives(variant):
    speaker = next(p for seed in range(99) for p in cast(30, seed=seed) if p.variant == variant)
    said = render(speaker, "six", 48_000, [1])
    assert [p.name for p in said.phonemes] == ["s", "ˈɪ", "k", "s"]
    first, vowel, _, last = (
        balance(
            said.samples, said.rate, 0.85 * p.start + 0.15 * p.end, 0.35 * p.start + 0.65 * p.end
        )
        for p in said.phonemes
    )
    assert first > vowel + 10
    assert last > vowel + 10


@needs_espeak
def test_speech_fills_the_stated_times():
    for speaker in cast(8, seed=2):
        said = render(speaker, "seven", 48_000, [speaker.number])
        power = (said.samples / 32_768) ** 2
        start, end = (round(t * said.rate) for t in (said.phonemes[0].start, said.phonemes[-1].end))
        before = power[: start - said.rate // 200].mean()
        assert 10 * np.log10(power[start:end].mean() / before) > 15
        assert start > 0.01 * said.rate
        assert end + 0.02 * said.rate < len(power)


@needs_espeak
def test_too_long_is_said_faster():
    speaker = cast(1, seed=0)[0]
    usual = render(speaker, "seven", 48_000, [1])
    pressed = render(speaker, "seven", 48_000, [1], longest=0.8 * usual.duration)
    assert pressed.duration <= 0.8 * usual.duration + 0.01
    assert len(pressed.phonemes) == len(usual.phonemes)


@needs_espeak
def test_nothing_outlives_an_utterance():
    first = espeak.speak("seven", "en-us+f3", **VOICE)
    espeak.speak("quite another text, slower", "en-gb-scotland+klatt4", **VOICE | {"rate": 120})
    again = espeak.speak("seven", "en-us+f3", **VOICE)
    assert np.array_equal(first.wave, again.wave)
    other = espeak.speak("seven", "en-us+f3", **VOICE | {"seed": 4})
    assert not np.array_equal(first.wave, other.wave)


@needs_espeak
def test_every_voice_speaks_without_clipping():
    for variant in (*WOMEN, *MEN):
        speech = espeak.speak("nine four", f"en-us+{variant}", **VOICE)
        assert 0.03 < np.abs(speech.wave).max() < 0.999


@needs_espeak
def test_pairs_said_as_one_are_one_word():
    said = espeak.speak("The end of the well-known story. It's over!", "en-us", **VOICE)
    names = [word.name for word in said.words]
    assert " ".join(names) == "The end of the well-known story It's over"
    assert "of the" in names


@needs_espeak
@pytest.mark.parametrize("voice", ["en-us", "en-gb-scotland"])
@pytest.mark.parametrize(
    "said", ["The plumber charged us far too much.", "The frost killed most of the young plants."]
)
def test_every_phoneme_lies_in_a_word_and_every_word_is_there(said, voice):
    speech = espeak.speak(said, voice, **VOICE)
    assert " ".join(word.name for word in speech.words) == said.strip(".")
    starts, ends = ([getattr(w, end) for w in speech.words] for end in ("start", "end"))
    assert all(one <= two for one, two in zip(ends, starts[1:], strict=False))
    for phoneme in speech.phonemes:
        assert any(
            a <= phoneme.start and phoneme.end <= b for a, b in zip(starts, ends, strict=True)
        )


@needs_espeak
def test_unknown_language():
    with pytest.raises(SpeechLRPError, match="no voice 'xx'"):
        espeak.speak("one", "xx", **VOICE)


@needs_espeak
def test_all_variants_and_accents_are_there():
    import espeakng_loader

    variants = Path(espeakng_loader.get_data_path(), "voices", "!v")
    assert {*WOMEN, *MEN} <= {path.name for path in variants.iterdir()}
    for accent in ACCENTS:
        assert espeak.speak("one", accent, **VOICE).phonemes


@needs_espeak
def test_long_installation_path(tmp_path, monkeypatch):
    expected = espeak.speak("one", "en-us+f1", **VOICE)
    import espeakng_loader

    deep = tmp_path.joinpath(*["a-very-long-folder-name"] * 8)
    deep.mkdir(parents=True)
    (deep / "espeak-ng-data").symlink_to(espeakng_loader.get_data_path())
    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(deep / "espeak-ng-data"))
    espeak.find_library.cache_clear()
    try:
        assert np.array_equal(espeak.speak("one", "en-us+f1", **VOICE).wave, expected.wave)
    finally:
        espeak.find_library.cache_clear()


@needs_espeak
def test_missing_voices_are_an_error(tmp_path, monkeypatch):
    import espeakng_loader

    monkeypatch.setattr(espeakng_loader, "get_data_path", lambda: str(tmp_path))
    espeak.find_library.cache_clear()
    try:
        with pytest.raises(SpeechLRPError, match="does not start"):
            espeak.speak("one", "en-us", **VOICE)
    finally:
        espeak.find_library.cache_clear()


def test_missing_loader_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    espeak.find_library.cache_clear()
    try:
        with pytest.raises(SpeechLRPError, match=r"pip install 'speechlrp\[synth\]'"):
            espeak.find_library()
    finally:
        espeak.find_library.cache_clear()


@pytest.mark.parametrize(("source", "rate"), [(22_200, 48_000), (20_700, 16_000), (23_400, 16_000)])
def test_resampling_keeps_a_tone(source, rate):
    count = source // np.gcd(source, rate) * 40

    def tone(at_rate, length):
        time = np.arange(length) / at_rate
        middle, width = count / source / 2, count / source / 12
        return np.sin(2 * np.pi * 1000 * time) * np.exp(-(((time - middle) / width) ** 2) / 2)

    got = _resample(tone(source, count), source, rate, tilt=0.0)
    np.testing.assert_allclose(got, tone(rate, len(got)), atol=1e-6)
    tilted = _resample(tone(source, count), source, rate, tilt=3.0)
    np.testing.assert_allclose(np.abs(tilted).max(), np.abs(got).max(), rtol=0.01)


def test_builtin_sentences_cover_the_alphabet():
    sentences = phrases.builtin_sentences()
    assert len(sentences) == len(set(sentences)) > 300
    transcripts = [phrases.transcript(sentence) for sentence in sentences]
    letters = "".join(transcripts)
    assert all(letters.count(c) >= 15 for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ'")
    assert set(letters) == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ' ")


def test_speakers_say_all_sentences_before_any_again():
    script = phrases.Script(["a.", "b.", "c."], seed=0)
    said = script.for_speaker(1, 6)
    assert sorted(said[:3]) == sorted(said[3:]) == ["a.", "b.", "c."]
    orders = {tuple(script.for_speaker(k, 3)) for k in range(20)}
    assert len(orders) > 2
