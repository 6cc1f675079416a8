"""Writing: what is read is what was written."""

import pytest
import torch

from speechlrp.audio.reading import read
from speechlrp.audio.wav import encode_wav
from speechlrp.errors import SpeechLRPError


@pytest.mark.parametrize("shape", [(1000,), (1, 1000), (2, 1000)])
def test_a_round_trip(shape, tmp_path):
    wave = torch.rand(shape) * 2 - 1
    path = tmp_path / "a.wav"
    path.write_bytes(encode_wav(wave, 16000))
    samples, rate = read(path)
    assert rate == 16000
    torch.testing.assert_close(samples, wave.view(-1, 1000), atol=1 / 32768, rtol=0)


@pytest.mark.parametrize(
    ("wave", "message"),
    [
        (torch.zeros(0), r"must be \[N\] or \[C, N\]; found \[0\]"),
        (torch.zeros(1, 1, 5), r"found \[1, 1, 5\]"),
        (torch.tensor([0.0, -1.5]), r"largest sample is 1\.5"),
        (torch.tensor([0.0, torch.nan]), "largest sample is nan"),
    ],
)
def test_what_is_no_wave_is_an_expected_error(wave, message):
    with pytest.raises(SpeechLRPError, match=message):
        encode_wav(wave, 16000)
