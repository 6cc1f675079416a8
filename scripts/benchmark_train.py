"""Share of a training's wall time that is not the model's forward, backward and step.

Times `fit` on features in an HDF5 file against the same number of forward,
backward and step calls on tensors that are in memory already, in one run, in
alternation, so that a busy machine slows both. `fit` also validates and saves;
the validation's forward passes are counted as the model's.

    PYTHONPATH=. python scripts/benchmark_train.py [--examples 500] [--epochs 2] [--device auto]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn

from speechlrp.training import loop
from speechlrp.training.loaders import Batches
from speechlrp.training.losses import losses
from speechlrp.training.schedules import build_optimizer
from speechlrp.training.seeding import device as pick_device
from speechlrp.training.settings import TrainSettings

SIDE = 227
META = {"model": "alexnet", "kwargs": {}, "classes": ["male", "female"], "input_scale": 1 / 80}


def stand_in() -> nn.Sequential:
    """A network of the size of T's AlexNet, for where the model room is empty."""

    def block(i: int, o: int, k: int, **options: int) -> list[nn.Module]:
        return [nn.Conv2d(i, o, k, **options), nn.ReLU()]

    return nn.Sequential(
        *block(1, 64, 11, stride=4, padding=2),
        nn.MaxPool2d(3, 2),
        *block(64, 192, 5, padding=2),
        nn.MaxPool2d(3, 2),
        *block(192, 384, 3, padding=1),
        *block(384, 256, 3, padding=1),
        *block(256, 256, 3, padding=1),
        nn.MaxPool2d(3, 2),
        nn.AdaptiveAvgPool2d(6),
        nn.Flatten(),
        *[nn.Dropout(), nn.Linear(9216, 4096), nn.ReLU()],
        *[nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU()],
        nn.Linear(4096, 2),
    )


def make_model(device: torch.device) -> tuple[str, nn.Module]:
    torch.manual_seed(0)
    try:
        from speechlrp.models.alexnet import AlexNet
    except ModuleNotFoundError:
        return "stand-in", stand_in().to(device)
    return "speechlrp.models.alexnet", AlexNet(classes=2).to(device)


def write_features(path: Path, examples: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        shape = (examples, 1, SIDE, SIDE)
        values = file.create_dataset("features", shape, "f4", chunks=(1, 1, SIDE, SIDE))
        for row in range(examples):
            values[row] = -80 * rng.random((1, SIDE, SIDE), dtype=np.float32)
    return rng.integers(2, size=examples)


class Plain:
    """The model's own work on tensors that lie ready, one step after each of `fit`'s.

    As `fit`'s callback it takes turns with it, step by step, so that other work on
    the machine slows both; its time is taken off `fit`'s.
    """

    def __init__(self, model: nn.Module, device: torch.device, settings: TrainSettings) -> None:
        self.model, self.settings, self.device = model, settings, device
        self.inputs = torch.rand(settings.batch_size, 1, SIDE, SIDE, device=device) - 1
        self.labels = torch.randint(2, (settings.batch_size,), device=device)
        self.optimizer = build_optimizer(model, settings)
        self.seconds = 0.0

    def step(self, *ignored: int) -> None:
        """Forward, backward and step once."""
        self.wait()
        started = time.perf_counter()
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        losses(self.settings.loss, self.model(self.inputs), self.labels).mean().backward()
        self.optimizer.step()
        self.wait()
        self.seconds += time.perf_counter() - started

    def forward(self, times: int) -> None:
        """Forward alone, as in validation."""
        started = time.perf_counter()
        self.model.eval()
        with torch.inference_mode():
            for _ in range(times):
                self.model(self.inputs)
        self.wait()
        self.seconds += time.perf_counter() - started

    def wait(self) -> None:
        """Let a GPU finish what it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()


class Saving:
    """Times what `fit` spends on files."""

    def __init__(self) -> None:
        self.seconds = 0.0
        for name in ("save_weights", "save_state", "write_csv"):
            setattr(loop, name, self.timed(getattr(loop, name)))

    def timed(self, function: Callable) -> Callable:
        """Wrap a function so that its time is added up."""

        def run(*args: object) -> object:
            started = time.perf_counter()
            result = function(*args)
            self.seconds += time.perf_counter() - started
            return result

        return run


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    device = pick_device(arguments.device)
    settings = TrainSettings(epochs=arguments.epochs, batch_size=arguments.batch_size)
    count, size = arguments.examples, settings.batch_size
    labels = write_features(folder / "features.h5", count + size)
    options = {"batch_size": size, "input_scale": 1 / 80, "cache_mb": arguments.cache_mb}
    train = Batches(folder / "features.h5", labels, range(count), shuffle=True, **options)
    validate = Batches(folder / "features.h5", labels, range(count, count + size), **options)
    name, model = make_model(device)
    plain, saving = Plain(make_model(device)[1], device, settings), Saving()
    plain.step()
    plain.seconds = 0.0
    load, started = os.getloadavg()[0], time.perf_counter()
    metrics = loop.fit(
        model, train, validate, settings, folder / "run", device, meta=META, on_step=plain.step
    )
    fit = time.perf_counter() - started - plain.seconds
    plain.forward(settings.epochs * len(validate))
    return {
        "model": name,
        "device": str(device),
        "threads": torch.get_num_threads(),
        "load_before": round(load, 2),
        "examples": count,
        "epochs": settings.epochs,
        "rows_kept_in_memory": train.in_memory,
        "fit_seconds": round(fit, 2),
        "plain_seconds": round(plain.seconds, 2),
        "clocked_model_seconds": round(float(metrics["model_seconds"].sum()), 2),
        "saving_seconds": round(saving.seconds, 2),
        "share": round(1 - plain.seconds / fit, 4),
        "share_without_saving": round(1 - plain.seconds / (fit - saving.seconds), 4),
        "share_by_own_clock": round(1 - float(metrics["model_seconds"].sum()) / fit, 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--cache-mb", type=float, default=0.0, help="0: read the file each epoch")
    parser.add_argument("--device", default="auto")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(parser.parse_args(), Path(folder)), indent=2))


if __name__ == "__main__":
    main()
