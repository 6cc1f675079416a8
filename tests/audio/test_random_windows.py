"""Random windows: where they lie, that they are not silent, and that seed and name decide."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from speechlrp.audio.augmentation import Augmentation, loader
from speechlrp.audio.fbank import FbankSettings
from speechlrp.audio.mixing import KINDS, Mixer, draw_for
from speechlrp.audio.noises import synthesised, synthesiser
from speechlrp.audio.random_windows import Crops, Source, read_part
from speechlrp.audio.resampling import resample
from speechlrp.errors import SpeechLRPError
from tests.audio.conftest import tone

Write = Callable[..., Path]
RATE = 16000
SETTINGS = FbankSettings(length=4080, segment_s=0.2, min_segment_s=0.1)


def source(path: Path, seconds: float, level_db: float = -20.0, name: str = "a") -> Source:
    return Source(name, path, seconds, level_db)


def ramp(seconds: float) -> np.ndarray:
    """Samples that say where they are, as 16 bits keep them: 1 + n / 32768."""
    return np.arange(1, round(seconds * RATE) + 1) / 32768


def test_a_window_is_a_piece_of_the_recording(write: Write) -> None:
    path = write("a.wav", ramp(1.5), RATE)
    crops = Crops(SETTINGS, seed=1)
    starts = set()
    for turn in range(40):
        window, speed = crops(source(path, 1.5), turn)
        assert speed == 0
        found = (window * 32768).round().int()
        assert torch.equal(found, torch.arange(int(found[0]), int(found[0]) + 4080).int())
        starts.add(int(found[0]))
    assert len(starts) > 30
    assert min(starts) < 4000
    assert max(starts) > 16000


def test_seed_name_and_turn_decide_and_nothing_else(write: Write) -> None:
    path = write("a.wav", ramp(1.5), RATE)
    one = source(path, 1.5)
    crops = Crops(SETTINGS, seed=1)
    first = crops(one, 0)[0]
    crops(source(path, 1.5, name="b"), 3)
    assert torch.equal(crops(one, 0)[0], first)
    for other, name, turn in [(1, "a", 1), (1, "b", 0), (2, "a", 0)]:
        drawn = Crops(SETTINGS, seed=other)(source(path, 1.5, name=name), turn)[0]
        assert not torch.equal(drawn, first)


def test_what_is_shorter_than_a_window_is_padded(write: Write) -> None:
    path = write("a.wav", ramp(0.1), RATE)
    offsets = set()
    for turn in range(10):
        window, _ = Crops(SETTINGS, seed=1)(source(path, 0.1), turn)
        (there,) = torch.nonzero(window, as_tuple=True)
        assert len(there) == 1600
        torch.testing.assert_close(window[there], torch.from_numpy(ramp(0.1)).float())
        offsets.add(int(there[0]))
    assert len(offsets) > 5


def test_silent_pieces_are_drawn_again(write: Write) -> None:
    """A quarter of the recording speaks; windows that do not touch it would be 3 of 4."""
    wave = np.zeros(32000)
    wave[8000:16000] = tone(0.5, RATE)
    path = write("a.wav", wave, RATE)
    windows = [Crops(SETTINGS, seed=1)(source(path, 2.0, -9.0), t)[0] for t in range(60)]
    assert sum(float(window.abs().max()) > 0.1 for window in windows) >= 58


def test_a_part_of_another_rate_is_resampled(write: Write) -> None:
    wave = tone(1.0, 44100)
    path = write("a.wav", wave, 44100)
    found = read_part(path, 0.25, 4000, RATE)
    whole = resample(torch.from_numpy(wave).float(), 44100, RATE)
    assert len(found) == 4000
    torch.testing.assert_close(found[200:-200], whole[4200:7800], atol=2e-3, rtol=0)


def test_files_that_have_changed_say_what_to_do(write: Write, tmp_path: Path) -> None:
    with pytest.raises(SpeechLRPError, match=r"cannot read .*preprocess --force"):
        read_part(tmp_path / "gone.wav", 0.0, 100, RATE)
    path = write("a.wav", ramp(0.1), RATE)
    with pytest.raises(SpeechLRPError, match=r"ends before 3\.00 s"):
        read_part(path, 3.0, 100, RATE)


def test_the_speed_moves_the_pitch_and_fills_the_window(write: Write) -> None:
    path = write("a.wav", tone(2.0, RATE, 1000), RATE)
    crops = Crops(SETTINGS, seed=1, augmentation=Augmentation(seed=1, speeds=(0.9, 1.1)))
    seen = {}
    for turn in range(30):
        window, speed = crops(source(path, 2.0), turn)
        spectrum = torch.fft.rfft(window * torch.hann_window(4080)).abs()
        seen.setdefault(speed, set()).add(round(float(spectrum.argmax()) * RATE / 4080, -1))
        assert window[-50:].abs().max() > 0.1
    assert {speed: round(sum(f) / len(f), -2) for speed, f in seen.items()} == {
        0: 1000,
        1: 900,
        2: 1100,
    }


@pytest.mark.parametrize("kind", ["noise", "music"])
def test_the_ratio_of_a_window_is_the_one_that_was_drawn(write: Write, kind: str) -> None:
    """Recomputed from the parts: the piece alone, and the piece with what is mixed in."""
    path = write("a.wav", tone(2.0, RATE, 500, level=0.05), RATE)
    about = {"seed": 1, "probability": 1.0, "kinds": {kind: KINDS[kind]}}
    mixer = Mixer(synthesised(), synthesiser(RATE), **about)
    plain = Crops(SETTINGS, seed=1)
    mixed = Crops(SETTINGS, seed=1, augmentation=Augmentation(seed=1, mixer=mixer))
    for turn in range(5):
        own = plain(source(path, 2.0), turn)[0].double()
        added = mixed(source(path, 2.0), turn)[0].double() - own
        found = float(10 * torch.log10(own.square().sum() / added.square().sum()))
        wanted = mixer(own.float(), "a", turn)[1].snr_db
        assert found == pytest.approx(wanted, abs=0.01)
        assert KINDS[kind].snr_db[0] <= found <= KINDS[kind].snr_db[1]


def test_a_room_is_heard_in_its_share_of_the_windows(write: Write) -> None:
    response = np.zeros(400)
    response[[0, 300]] = 0.9, 0.5
    room = write("room.wav", response, RATE)
    wave = torch.from_numpy(np.random.default_rng(0).normal(size=3000) * 0.05).float()
    about = {"responses": [room], "load": loader(RATE), "reverberation": 0.5}
    augmentation = Augmentation(seed=1, **about)
    changed = 0
    for turn in range(40):
        found = augmentation(wave, "a", turn)
        if torch.equal(found, wave):
            continue
        changed += 1
        lag = float((found[300:] * wave[:-300]).sum() / (found * wave).sum())
        assert lag == pytest.approx(0.5 / 0.9, abs=0.1)
    assert 10 < changed < 30


@pytest.mark.parametrize(("about", "message"), [
    ({"reverberation": 2.0}, "reverberation is 2"),
    ({"speeds": (1.0,)}, "speeds holds 1"),
    ({"speeds": (3.0,)}, "speeds holds 3"),
])  # fmt: skip
def test_settings_out_of_range(about: dict, message: str) -> None:
    with pytest.raises(SpeechLRPError, match=message):
        Augmentation(seed=1, **about)


def test_a_damaged_file_to_mix_in_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_text("not audio")
    with pytest.raises(SpeechLRPError, match=r"cannot mix in .*bad.wav"):
        loader(RATE)(tmp_path / "bad.wav")


def test_made_up_sounds_are_the_same_everywhere_and_differ() -> None:
    names = synthesised()
    assert names.keys() == {"music", "noise"}
    for kind in names.values():
        one, again = (synthesiser(RATE)(kind[0]) for _ in range(2))
        assert torch.equal(one, again)
        assert len(one) == 10 * RATE
        other = synthesiser(RATE)(kind[1])
        assert abs(float(torch.corrcoef(torch.stack([one, other]))[0, 1])) < 0.5


def test_draws_are_of_the_seed_the_turn_and_the_name() -> None:
    found = {draw_for(s, t, n).random() for s in (0, 1) for t in (0, 1) for n in ("a", "b")}
    assert len(found) == 8
