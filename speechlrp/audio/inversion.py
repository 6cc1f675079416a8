"""Back to sound: from a log-mel spectrogram to a wave.

Levels of mel bands -> powers of the bins of a spectrum -> phases by Griffin and Lim -> wave.
What a spectrogram has lost, phases and the detail between bands, is made up so that the
wave has the spectrogram again; the result is to be listened to, not measured.

Shapes: T frames, F bands, K bins of the spectrum, N samples.
"""

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.audio.backend import load_torchaudio
from speechlrp.audio.log_mel import LogMelSettings, log_mel
from speechlrp.errors import SpeechLRPError

TYPICAL_MEAN_DB, TYPICAL_DEVIATION_DB = -55.0, 20.0
"""The level of an input that belongs to no utterance: about the mean over real speech."""

ROUNDS = 20
"""Of finding the bins: a round more changes the bands by less than 0.1 dB."""


def to_wave(
    values: Tensor,
    settings: LogMelSettings | None = None,
    *,
    mean: float = TYPICAL_MEAN_DB,
    deviation: float = TYPICAL_DEVIATION_DB,
    iterations: int = 64,
    seed: int = 1,
    peak: float | None = 0.5,
) -> Tensor:
    """Make a wave whose log-mel spectrogram is the one given.

    Frame t of the spectrogram is made from the samples from ``t * hop`` on, as
    ``LogMelSettings`` has it. Of LibriSpeech and CMU ARCTIC, the log-mel spectrogram of the
    wave correlates with that of the original by 0.995 or more.

    Args:
        values: ``[T, F]``, z-normalised, as of ``log_mel``; or what an explainer made, such
            as an activation maximum or a pattern.
        settings: how the values were made.
        mean: of the utterance's levels, in dB.
        deviation: of the utterance's levels, in dB.
        iterations: of Griffin and Lim; 16 give a correlation of 0.99.
        seed: of the first phases.
        peak: what the largest sample becomes, full scale at 1; None leaves the wave at the
            scale where the loudest band's power is that of its level, so that several waves
            can be brought to one scale.

    Returns:
        The wave ``[N]``, float32, at ``settings.rate``, ``N = (T - 1) hop + window``.

    Raises:
        SpeechLRPError: the values are not ``[T, F]`` or not finite; the settings take the
            logarithm before the bands, which cannot be undone.

    Source: Griffin and Lim 1984; in its fast form, Perraudin et al. 2013.
    """
    settings = settings or LogMelSettings()
    power = to_bins(to_mel_power(values, settings, mean, deviation), settings)
    wave = _griffin_lim(power, settings, iterations, seed)
    loudest = wave.abs().max()
    return wave if peak is None or not loudest > 0 else wave * (peak / loudest)


def to_mel_power(values: Tensor, settings: LogMelSettings, mean: float, deviation: float) -> Tensor:
    """Undo normalisation and logarithm: powers ``[F, T]``, float64, of values ``[T, F]``."""
    if settings.log != "after_mel":
        raise SpeechLRPError(
            f"features.log is {settings.log!r}: only spectrograms made with log=after_mel can be "
            "turned back to sound"
        )
    if values.dim() != 2 or values.shape[1] != settings.bands or not len(values):
        raise SpeechLRPError(
            f"a spectrogram must be [T, {settings.bands}]; found {list(values.shape)}"
        )
    if not torch.isfinite(values).all():
        raise SpeechLRPError("a spectrogram with values that are not finite has no sound")
    return 10 ** ((values.double().T * deviation + mean) / 10)


def to_bins(mel: Tensor, settings: LogMelSettings) -> Tensor:
    """Find the powers ``[K, T]`` of a spectrum that has given powers ``[F, T]`` of mel bands.

    By Richardson and Lucy's rounds, which keep powers above 0 and fit quiet bands as well
    as loud ones. Of real speech they leave 0.1 to 0.2 dB between the bands wanted and those
    found, where the pseudo-inverse, cut off at 0, leaves 1 to 2 dB. torchaudio's
    ``InverseMelScale`` solves least squares and gives up: of 128 Slaney bands over 257 bins,
    12 follow from others.

    Args:
        mel: powers above 0.
        settings: of the bands.

    Source: Richardson 1972; Lee and Seung 2001 (divergence).
    """
    matrix = settings.matrix.to(mel.device)
    height, area = matrix.sum(0)[:, None], matrix.sum(1)[:, None]
    least = torch.finfo(mel.dtype).tiny
    power = torch.ones_like(mel[:1]) * (matrix.T @ (mel / area.clamp(min=least)))
    power = power / height.clamp(min=least)
    for _ in range(ROUNDS):
        wanted = mel / (matrix @ power).clamp(min=least)
        power = power * (matrix.T @ wanted) / height.clamp(min=least)
    return power


def _griffin_lim(power: Tensor, settings: LogMelSettings, iterations: int, seed: int) -> Tensor:
    """The wave of a power spectrogram ``[K, T]`` whose first frame begins at its first sample."""
    window, hop = settings.window, settings.hop
    ends = -(-(window // 2) // hop)  # frames beyond either end, since torch's are centred
    frames = functional.pad(power[None].float(), (ends, ends))[0]
    griffin_lim = load_torchaudio().functional.griffinlim
    hann = torch.hann_window(window, device=power.device)
    devices = [power.device] if power.is_cuda else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        wave = griffin_lim(frames, hann, window, hop, window, 2.0, iterations, 0.99, None, True)
    first = ends * hop - window // 2
    return wave[first : first + (power.shape[1] - 1) * hop + window]


def distance_db(
    wave: Tensor,
    values: Tensor,
    settings: LogMelSettings | None = None,
    *,
    mean: float = TYPICAL_MEAN_DB,
    deviation: float = TYPICAL_DEVIATION_DB,
    floor_db: float = -60.0,
) -> float:
    """Say how far a wave's own log-mel spectrogram is from the one that was asked for.

    Both in dB re their loudest band, and raised to a floor that is about as far down as one
    hears beside it; the root of the mean square difference, without the mean difference,
    since a gain is no error.

    Args:
        wave: ``[N]``, such as of ``to_wave``.
        values: asked for, ``[T, F]``; of a wave with more or fewer frames the common ones.
        settings: how the values were made.
        mean: of the utterance's levels, in dB.
        deviation: of the utterance's levels, in dB.
        floor_db: what lies lower below the loudest counts as that.

    Raises:
        RecordingError: the wave is silent, or shorter than a window.
    """
    anything = replace(settings or LogMelSettings(), min_s=0.0, longest_s=None, min_peak=0.0)
    reached = log_mel(wave, anything)
    frames = min(len(reached.values), len(values))
    levels = reached.values[:frames].double() * reached.deviation + reached.mean
    asked = values[:frames].double() * deviation + mean
    pair = [(one - one.max()).clamp(min=floor_db) for one in (levels, asked)]
    difference = pair[0] - pair[1]
    return float((difference - difference.mean()).square().mean().sqrt())
