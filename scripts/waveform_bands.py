"""What a network of waveforms needs of the spectrum: relevance, energy, and answers without it.

    python scripts/waveform_bands.py outputs/audiomnist_gender_waveform

needs the run's `explain` with ``explainer.view=stft``. Prints, of the test split, the shares of
energy and of positive relevance in ranges of frequency, and the accuracy of each class when all
bins of a range are set to 0 through the transform, and when they alone are left.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import numpy as np
import torch

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.relevance import Maps
from speechlrp.data.seen import section_of
from speechlrp.lrp import STFTView
from speechlrp.training.checkpoint import load_model

RANGES = ((0, 75), (85, 155), (165, 255), (0, 250), (250, 500), (500, 1000), (1000, 4001))
"""Hz; the second and third are the fundamentals of men and of women."""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    run = parser.parse_args().run
    model, meta = load_model(run / "train/last.safetensors")
    with h5py.File(run / "explain/train-lrp_stft-test/relevance.h5") as file:
        table, relevance = read_table(file), Maps(file)[:][:, 0]
        section, frequency = section_of(file), file["frequency"][:]
    with h5py.File(run / "preprocess/features.h5") as file:
        place = {name: row for row, name in enumerate(read_table(file).id)}
        waves = np.stack([file["features"][place[name]] for name in table.id])
    inputs, labels = torch.from_numpy(waves) * meta["input_scale"], table.label.to_numpy()
    view = STFTView(section["window_length"], section["hop"])
    bins = view.analysis(inputs)
    energy = bins.square().sum(-1)[:, 0].numpy()

    def accuracy(kept: np.ndarray) -> str:
        mask = torch.from_numpy(kept.astype(np.float32))[:, None, None]
        with torch.inference_mode():
            said = model(view.synthesis(bins * mask, inputs.shape)).argmax(1).numpy()
        return ", ".join(f"{(said[labels == k] == k).mean():.3f}" for k in np.unique(labels))

    print(f"classes {', '.join(meta['classes'])}; everything: {accuracy(frequency >= 0)}")
    for k in np.unique(labels):
        mean = relevance[labels == k].sum((1, 2)).mean()
        print(f"sum of relevance, {meta['classes'][k]}: {mean:.1f}")
    for low, high in RANGES:
        inside = (frequency >= low) & (frequency < high)
        shares = [
            f"{name} {np.mean(v[own][:, inside].sum((1, 2)) / v[own].sum((1, 2))):.3f}"
            for own in (labels == k for k in np.unique(labels))
            for name, v in (("energy", energy), ("relevance", relevance.clip(min=0)))
        ]
        print(f"{low}-{high} Hz: {', '.join(shares)}; without it {accuracy(~inside)}; alone "
              f"{accuracy(inside)}")  # fmt: skip


if __name__ == "__main__":
    main()
