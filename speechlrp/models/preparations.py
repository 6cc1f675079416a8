"""What feature extractors of ``transformers`` do, written out in torch and thus in sight.

Shapes: ``B`` examples, ``T`` samples, ``F`` bands, ``N`` frames.
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlrp.errors import SpeechLRPError

FULL_SCALE = 2 * math.log(32768)
"""What ln energy of 16-bit samples is above that of samples up to 1."""
FLOOR = math.log(torch.finfo(torch.float32).eps)
"""Kaldi's, of ln energy."""
UNSCALED = {"mean": 0.0, "std": 0.5}


class Preparation(nn.Module):
    """Base of all."""

    extractor: ClassVar[str]  # whose class it stands for
    names: ClassVar[dict[str, str]]  # what the arguments are called in an extractor's settings
    features: dict[str, Any]  # settings of the features that it takes

    @classmethod
    def settings_of(cls, extractor: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments, of an extractor's settings."""
        return {name: extractor[theirs] for name, theirs in cls.names.items()}


class Samples(Preparation):
    """Samples, of mean 0 and deviation 1 if the extractor wants that (wav2vec 2.0 and the like)."""

    extractor = "Wav2Vec2FeatureExtractor"
    names: ClassVar = {"rate": "sampling_rate", "normalise": "do_normalize"}

    def __init__(self, rate: int, normalise: bool) -> None:
        super().__init__()
        self.normalise = normalise
        self.features = {"name": "waveform", "rate": rate}

    def forward(self, x: Tensor) -> Tensor:
        """``[B, T]`` of ``[B, 1, T]``."""
        x = x.flatten(1)
        return functional.layer_norm(x, x.shape[1:], eps=1e-7) if self.normalise else x


class Filterbanks(Preparation):
    """Kaldi's filterbanks, scaled, with zeros behind the recording (AST)."""

    extractor = "ASTFeatureExtractor"
    names: ClassVar = {"rate": "sampling_rate", "bands": "num_mel_bins", "frames": "max_length"}

    def __init__(self, rate: int, bands: int, frames: int, mean: float, std: float) -> None:
        super().__init__()
        self.frames, self.mean, self.std = frames, mean, std
        self.features = {
            "name": "fbank", "rate": rate, "bands": bands, "window": round(0.025 * rate),
            "hop": round(0.010 * rate), "window_type": "hanning", "low_hz": 20.0, "high_hz": None,
            "normalise": False, "floor": FLOOR + FULL_SCALE,
        }  # fmt: skip

    @classmethod
    def settings_of(cls, extractor: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments, of an extractor's settings."""
        scaled = extractor["do_normalize"]
        scale = {key: extractor[key] for key in ("mean", "std")} if scaled else UNSCALED
        return super().settings_of(extractor) | scale

    def forward(self, x: Tensor) -> Tensor:
        """``[B, N, F]`` of ``[B, 1, F, N]``."""
        more = self.frames - x.shape[-1]
        if more < 0:
            raise SpeechLRPError(
                f"the network takes up to {self.frames} frames, and the features have "
                f"{x.shape[-1]}; use a shorter features.length and features.segment_s"
            )
        banks = functional.pad(x.flatten(1, 2) - FULL_SCALE, (0, more))
        return ((banks - self.mean) / (2 * self.std)).transpose(1, 2)


class LogMel(Preparation):
    """Whisper's log-mel spectrogram of samples, with silence behind the recording."""

    extractor = "WhisperFeatureExtractor"
    names: ClassVar = {
        "rate": "sampling_rate", "bands": "feature_size", "size": "n_fft", "hop": "hop_length",
        "length": "n_samples",
    }  # fmt: skip
    window: Tensor
    filters: Tensor

    def __init__(self, rate: int, bands: int, size: int, hop: int, length: int) -> None:
        super().__init__()
        from transformers.audio_utils import mel_filter_bank

        self.size, self.hop, self.length = size, hop, length
        self.features = {"name": "waveform", "rate": rate}
        filters = mel_filter_bank(
            num_frequency_bins=1 + size // 2,
            num_mel_filters=bands,
            min_frequency=0.0,
            max_frequency=8000.0,
            sampling_rate=rate,
            norm="slaney",
            mel_scale="slaney",
        )
        tensors = {"filters": torch.tensor(filters.T.tolist()), "window": torch.hann_window(size)}
        for name, tensor in tensors.items():
            self.register_buffer(name, tensor, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, F, N]`` of ``[B, 1, T]``."""
        x = functional.pad(x.flatten(1), (0, self.length - x.shape[-1]))
        spectrum = torch.stft(
            x, self.size, self.hop, window=self.window.to(x.dtype), return_complex=True
        )
        power = spectrum[..., :-1].abs() ** 2
        log = (self.filters.to(x.dtype) @ power).clamp(min=1e-10).log10()
        floor = log.amax((1, 2), keepdim=True) - 8.0
        return (torch.maximum(log, floor) + 4.0) / 4.0


PREPARATIONS: dict[str, Any] = {"samples": Samples, "filterbanks": Filterbanks, "log_mel": LogMel}
