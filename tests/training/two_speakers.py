"""One of two processes that train a small classifier of speakers together; see test_ranks.

Usage: torchrun ... two_speakers.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import torch
from torch import nn

from speechlrp.audio.augmentation import Augmentation
from speechlrp.audio.fbank import FbankSettings
from speechlrp.audio.mixing import Mixer
from speechlrp.audio.noises import synthesised, synthesiser
from speechlrp.audio.random_windows import Crops, Source
from speechlrp.models.resnet34 import ResNet34
from speechlrp.training.loaders import Batches
from speechlrp.training.loop import fit
from speechlrp.training.ranks import Ranks, joined
from speechlrp.training.recipe import TrainSettings
from speechlrp.training.window_batches import CropBatches

RATE, N, LENGTH = 16000, 10, 4080  # 24 frames
FEATURES = FbankSettings(length=LENGTH, segment_s=0.2, min_segment_s=0.1, bands=16)
META = {"model": "resnet34", "kwargs": {}, "classes": ["a", "b"], "input_scale": 0.1}


def write(folder: Path) -> None:
    """Write recordings of two voices: tones with harmonics, an octave apart."""
    rng = np.random.default_rng(0)
    for i in range(N):
        time = np.arange(LENGTH + 800 * i) / RATE
        pitch = 110 * 2 ** (i % 2)
        wave = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 9))
        soundfile.write(folder / f"{i}.wav", 0.1 * wave + 0.01 * rng.normal(size=len(time)), RATE)


def network() -> ResNet34:
    """Without batch norm, whose statistics would be those of a process's own examples."""
    torch.manual_seed(1)
    small = {"channels": (4, 6), "blocks": (1, 1), "strides": (1, 2), "embedding": 5}
    model = ResNet34(2, bands=16, head="cosine", scale=8.0, **small)
    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d | nn.BatchNorm1d):
                setattr(module, name, nn.Identity())
    return model


def batches(folder: Path, ranks: Ranks, size: int, accumulate: int = 1) -> CropBatches:
    mixer = Mixer(synthesised(), synthesiser(RATE), seed=3)
    augmentation = Augmentation(seed=3, mixer=mixer, speeds=(0.9,))
    sources = [
        Source(str(i), folder / f"{i}.wav", (LENGTH + 800 * i) / RATE, -20.0) for i in range(N)
    ]
    return CropBatches(
        sources,
        [i % 2 for i in range(N)],
        Crops(FEATURES, seed=3, augmentation=augmentation),
        batch_size=size,
        seed=3,
        rank=ranks.rank,
        ranks=ranks.ranks,
        accumulate=accumulate,
        input_scale=0.1,
        threads=2,
    )


def train(folder: Path, ranks: Ranks, size: int, into: str, accumulate: int = 1) -> pd.DataFrame:
    """Train for two epochs; validate on five examples, an odd number for two processes."""
    settings = TrainSettings(
        epochs=2, batch_size=size, accumulate=accumulate, loss="aam", margin_warmup=2,
        optimizer="sgd", lr=0.05, schedule="cosine", warmup=2, clip=0.5, seed=3,
    )  # fmt: skip
    values = np.random.default_rng(1).normal(size=(5, 1, 16, 24)).astype("f4")
    own = {"rank": ranks.rank, "ranks": ranks.ranks}
    validate = Batches(values, [0, 1, 0, 1, 1], batch_size=size, **own)
    return fit(
        network(), batches(folder, ranks, size, accumulate), validate, settings, folder / into,
        torch.device("cpu"), meta=META, ranks=ranks, save_seconds=0.0,
    )  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined("cpu") as ours:
        metrics = train(Path(sys.argv[1]), ours, 3, "two")
        metrics.to_csv(Path(sys.argv[1]) / f"rank{ours.rank}.csv", index=False)
