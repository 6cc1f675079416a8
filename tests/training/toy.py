"""A small model and data set; run as a script it trains, and can be killed on the way.

Usage: toy.py FOLDER FEATURES DEATH, with DEATH one of none, step, best, state.
"""

import os
import signal
import sys
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn

from speechlrp.training import epochs, loop, state
from speechlrp.training.callbacks import Calling
from speechlrp.training.loaders import Batches
from speechlrp.training.recipe import TrainSettings

N, F, T = 30, 6, 5
META = {"model": "toy", "kwargs": {"width": 4}, "classes": ["a", "b"], "input_scale": 0.5}
SETTINGS = TrainSettings(
    epochs=6, batch_size=4, lr=0.05, optimizer="adam", schedule="cosine", warmup=3, seed=3, clip=1.0
)


class Toy(nn.Module):
    """A network with dropout and batch norm, so that both their states matter."""

    def __init__(self, classes: int, width: int = 4):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Dropout(0.5), nn.Flatten()
        )
        self.head = nn.Linear(width * (F - 2) * (T - 2), classes)

    def forward(self, x):
        return self.head(self.body(x))


def toy_model(seed: int = 0) -> Toy:
    torch.manual_seed(seed)
    return Toy(2)


def data(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features [N, 1, F, T] whose mean leans towards the label, and labels [N]."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=N)
    features = rng.normal(size=(N, 1, F, T)) + 0.3 * labels[:, None, None, None]
    return features.astype("f4"), labels


def write(path: Path) -> None:
    features, labels = data()
    with h5py.File(path, "w") as file:
        file.create_dataset("features", data=features, chunks=(1, 1, F, T))
        file["label"], file.attrs["kind"] = labels, "features"


def batches(source, settings=SETTINGS, **options) -> tuple[Batches, Batches]:
    """Training batches over rows 0..21 and validation batches over the rest."""
    options = {"batch_size": settings.batch_size, "input_scale": 0.5, **options}
    _, labels = data()
    train = Batches(source, labels, range(22), shuffle=True, seed=settings.seed, **options)
    return train, Batches(source, labels, range(22, N), **options)


def train(folder: Path, source, settings=SETTINGS, **options):
    train_batches, validate = batches(source, settings)
    model = toy_model()
    calling = Calling(options.pop("on_epoch", None), options.pop("on_step", None))
    options = {"meta": META, "save_seconds": 0.0, "callbacks": [calling], **options}
    device = torch.device("cpu")
    return model, loop.fit(model, train_batches, validate, settings, folder, device, **options)


def die(*ignored) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_step(epoch: int, step: int, steps: int) -> None:
    if (epoch, step) == (4, 3):
        die()


def arm(death: str) -> dict:
    """Make the process kill itself at one moment of epoch 4 or after its first epoch."""
    if death == "step":
        return {"on_step": die_at_step}
    if death == "best":  # the best model is on disk, the state is not

        def save_state(path, value):
            return die() if value["epoch"] == 4 else state.save_state(path, value)

        epochs.save_state = save_state
    if death == "state":  # half of the state is written
        save = torch.save

        def half(value, file):
            save(value, file)
            if value["epoch"] == 3:
                file.truncate(file.tell() // 2)
                file.flush()
                die()

        torch.save = half
    return {}


if __name__ == "__main__":
    torch.set_num_threads(1)
    train(Path(sys.argv[1]), Path(sys.argv[2]), **arm(sys.argv[3]))
