"""Mixtures: the ratio reached is measured on the parts, echoes against numpy's convolution."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from speechlrp.audio.mixing import (
    KINDS,
    Mixer,
    change_speed,
    excerpt,
    mix,
    reverberate,
    unclipped,
)
from speechlrp.audio.reading import read
from speechlrp.audio.resampling import mono, resample
from speechlrp.corpora.musan import musan
from speechlrp.errors import SpeechLRPError
from tests.audio.conftest import tone

FILES = {kind: [Path(f"{kind}{i}") for i in range(9)] for kind in ("noise", "music", "speech")}


def noise(seed: int, size: int = 16000, level: float = 0.1) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=size) * level).float()


def made(path: Path) -> Tensor:
    return noise(sum(map(ord, path.name)), 20000, 0.01)


def snr_db(mixture: Tensor, wave: Tensor) -> float:
    """Power of the recording to that of what was added, where nothing clipped."""
    added = mixture.double() - wave.double()
    return float(10 * torch.log10(wave.double().square().sum() / added.square().sum()))


@pytest.mark.parametrize("wanted", [-5.0, 0.0, 7.3, 20.0])
@pytest.mark.parametrize("level", [1e-3, 0.1])
def test_the_ratio_wanted_is_reached(wanted: float, level: float) -> None:
    wave = torch.from_numpy(tone(1, 16000, level=level)).float()
    mixture = mix(wave, noise(1), wanted)
    assert mixture.dtype == torch.float32
    assert mixture.abs().max() < 1
    assert snr_db(mixture, wave) == pytest.approx(wanted, abs=0.01)


def test_the_ratio_is_reached_where_the_mixture_would_clip() -> None:
    wave = torch.from_numpy(tone(1, 16000, level=0.9)).float()
    mixture = mix(wave, noise(1), 0.0)
    assert float(mixture.abs().max()) == pytest.approx(1)
    parts = torch.stack([wave, noise(1)], 1).double()
    own, added = torch.linalg.lstsq(parts, mixture.double()[:, None]).solution[:, 0]
    assert own < 0.9
    ratio = (own * parts[:, 0]).square().sum() / (added * parts[:, 1]).square().sum()
    assert float(10 * torch.log10(ratio)) == pytest.approx(0, abs=0.01)


def test_a_mixture_is_made_quieter_only_where_it_would_clip() -> None:
    wave, other = torch.tensor([0.9, -0.9]), torch.tensor([0.1, 0.1])
    assert mix(wave, other, 0.0).tolist() == pytest.approx([1.0, 0.0], abs=1e-6)
    assert mix(wave / 3, other, 0.0).tolist() == pytest.approx([0.6, 0.0], abs=1e-6)
    assert torch.equal(unclipped(wave), wave)


@pytest.mark.parametrize("size", [10, 100, 250])
def test_an_excerpt_is_a_piece_of_the_wave_repeated(size: int) -> None:
    wave, starts = torch.arange(100.0), set()
    for seed in range(40):
        piece = excerpt(wave, size, np.random.default_rng(seed))
        assert len(piece) == size
        assert torch.equal(piece, (piece[0] + torch.arange(float(size))) % 100)
        starts.add(float(piece[0]))
    assert len(starts) == 1 if size == 100 else len(starts) > 20


def test_every_kind_is_drawn_at_its_own_ratio() -> None:
    mixer, wave = Mixer(FILES, made, seed=1), noise(0)
    found = [mixer(wave, f"r{i}") for i in range(400)]
    kinds = Counter(about.kind if about else None for _, about in found)
    assert 0.52 < 1 - kinds[None] / 400 < 0.68
    for name, kind in KINDS.items():
        assert kinds[name] > 50
        own = [about for _, about in found if about and about.kind == name]
        ratios = [about.snr_db for about in own]
        low, high = kind.snr_db
        assert low <= min(ratios) < low + 1
        assert high - 1 < max(ratios) <= high
        assert {len(about.files) for about in own} == set(range(kind.voices[0], kind.voices[1] + 1))
        assert all(f in FILES[kind.source] for about in own for f in about.files)
    for mixture, about in found:
        if about is None:
            assert mixture is wave
        else:
            assert snr_db(mixture, wave) == pytest.approx(about.snr_db, abs=0.01)


def test_the_voices_of_a_babble_are_equally_loud() -> None:
    """A sum of independent voices of power 1 has as much power as there are voices."""
    loud = {Path("speech0"): 1.0, Path("speech1"): 1e-4}

    def load(path: Path) -> Tensor:
        frequency = 100.0 if path.name == "speech0" else 1000.0
        return torch.from_numpy(tone(1, 16000, frequency, level=loud[path])).float()

    mixer = Mixer({"speech": list(loud)}, load, seed=2, probability=1.0)
    wave = torch.from_numpy(tone(1, 16000, 3000.0, level=0.1)).float()
    for i in range(30):
        mixture, about = mixer(wave, str(i))
        names = Counter(file.name for file in about.files)
        if len(names) == 2 and max(names.values()) == 1 + min(names.values()):
            power = torch.fft.rfft(mixture.double()).abs().square()
            assert 1e-3 < power[1000] / power[100] < 1e3  # as they are, 1e-8
            return
    pytest.fail("no babble of both voices was drawn")


def test_a_mixture_follows_from_seed_turn_and_name() -> None:
    wave = noise(0)

    def made_of(seed: int, name: str, turn: int) -> Tensor:
        return Mixer(FILES, made, seed=seed, probability=1.0)(wave, name, turn)[0]

    first = made_of(1, "a", 0)
    assert torch.equal(made_of(1, "a", 0), first)
    for others in ((2, "a", 0), (1, "b", 0), (1, "a", 1)):
        assert not torch.equal(made_of(*others), first)


def test_kinds_without_files_are_not_drawn() -> None:
    mixer = Mixer({"music": FILES["music"], "noise": []}, made, seed=1, probability=1.0)
    assert {mixer(noise(0), str(i))[1].kind for i in range(20)} == {"music"}


@pytest.mark.parametrize(("wave", "addition"), [(0.0, 1.0), (1.0, 0.0)])
def test_silence_is_left_as_it_is(wave: float, addition: float) -> None:
    quiet = torch.full((100,), wave)
    mixer = Mixer(
        {"noise": [Path("a")]}, lambda _: torch.full((200,), addition), seed=1, probability=1.0
    )
    assert mixer(quiet, "a") == (quiet, None)
    with pytest.raises(ValueError, match="silence has no ratio"):
        mix(quiet, torch.full((100,), addition), 0.0)


def test_no_files_or_no_probability_are_said() -> None:
    with pytest.raises(SpeechLRPError, match="no files to mix in for noise, music, babble"):
        Mixer({"noise": []}, made, seed=1)
    with pytest.raises(SpeechLRPError, match=r"probability is 1.5; it must be 0 to 1"):
        Mixer(FILES, made, seed=1, probability=1.5)
    with pytest.raises(ValueError, match=r"\[2\] and \[3\] samples"):
        mix(torch.ones(2), torch.ones(3), 0.0)


def test_genuine_noise_and_music_reach_their_ratio(shared_data: Path) -> None:
    def load(path: Path) -> Tensor:
        wave, rate = read(path)
        return resample(mono(wave), rate, 16000)

    found = {kind: paths[:1] for kind, paths in musan(shared_data / "musan").items()}
    mixer, wave = Mixer(found, load, seed=3, probability=1.0), noise(5, 32240)
    kinds = set()
    for i in range(6):
        mixture, about = mixer(wave, str(i))
        kinds.add(about.kind)
        assert snr_db(mixture, wave) == pytest.approx(about.snr_db, abs=0.01)
    assert {"noise", "music"} <= kinds


def test_a_room_is_a_convolution_that_is_not_late() -> None:
    wave = noise(1, 3000)
    response = torch.zeros(500)
    response[37], response[90:] = 1.0, noise(2, 410)
    expected = np.convolve(wave.double(), response.double())[37 : 37 + 3000]
    expected *= np.sqrt(np.mean(wave.double().numpy() ** 2) / np.mean(expected**2))
    np.testing.assert_allclose(reverberate(wave, response), expected, atol=1e-6)


def test_a_room_without_walls_changes_nothing() -> None:
    wave, response = noise(1, 300), torch.zeros(50)
    response[20] = 0.3
    torch.testing.assert_close(reverberate(wave, response), wave)
    with pytest.raises(ValueError, match="impulse response of silence"):
        reverberate(wave, torch.zeros(10))


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.1, 1.25])
def test_another_speed_is_another_length_and_pitch(factor: float) -> None:
    wave = torch.from_numpy(tone(1, 16000, 1000.0)).float()
    found = change_speed(wave, factor)
    assert len(found) == -(-16000 * 100 // round(100 * factor))
    middle = slice(1000, len(found) - 1000)
    expected = tone(2, 16000, 1000.0 * factor)[: len(found)]
    np.testing.assert_allclose(found[middle], expected[middle], atol=2e-3)


@pytest.mark.parametrize("factor", [0.0, 0.49, 2.01])
def test_a_speed_out_of_range_is_said(factor: float) -> None:
    with pytest.raises(SpeechLRPError, match=r"speed is .*; it must be 0.5 to 2"):
        change_speed(noise(1), factor)
