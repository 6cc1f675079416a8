"""Share of a training's wall time that is not the model's forward, backward and step.

Times `fit` on features in an HDF5 file against the same number of forward,
backward and step calls on tensors that are in memory already, in one run, in
alternation, so that a busy machine slows both. `fit` also validates and saves;
the validation's forward passes are counted as the model's.

    python scripts/benchmark_train.py [--examples 500] [--rounds 3] [--device auto]
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import torch
from speechlrp.training import loop
from speechlrp.training.loaders import Batches
from speechlrp.training.losses import losses
from speechlrp.training.schedules import build_optimizer
from speechlrp.training.seeding import device as pick_device
from speechlrp.training.settings import TrainSettings
from torch import nn

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


def plain(
    model: nn.Module, device: torch.device, settings: TrainSettings, steps: int, forwards: int
) -> float:
    """Time the model's own work on tensors that lie ready."""
    inputs = torch.rand(settings.batch_size, 1, SIDE, SIDE, device=device) - 1
    labels = torch.randint(2, (settings.batch_size,), device=device)
    optimizer = build_optimizer(model, settings)
    started = time.perf_counter()
    model.train()
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=True)
        losses(settings.loss, model(inputs), labels).mean().backward()
        optimizer.step()
    model.eval()
    with torch.inference_mode():
        for _ in range(forwards):
            model(inputs)
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    device = pick_device(arguments.device)
    settings = TrainSettings(epochs=arguments.epochs, batch_size=arguments.batch_size)
    count, size = arguments.examples, settings.batch_size
    labels = write_features(folder / "features.h5", count + size)
    options = {"batch_size": size, "input_scale": 1 / 80, "cache_mb": arguments.cache_mb}
    train = Batches(folder / "features.h5", labels, range(count), shuffle=True, **options)
    validate = Batches(folder / "features.h5", labels, range(count, count + size), **options)
    steps, forwards = settings.epochs * len(train), settings.epochs * len(validate)
    name, model = make_model(device)
    plain(model, device, settings, 2, 1)
    fits, plains, own = [], [], []
    for number in range(arguments.rounds):
        started = time.perf_counter()
        metrics = loop.fit(
            model, train, validate, settings, folder / f"run{number}", device, meta=META
        )
        fits.append(time.perf_counter() - started)
        own.append(float(1 - metrics["model_seconds"].sum() / fits[-1]))
        plains.append(plain(model, device, settings, steps, forwards))
    saves = saving_seconds(model, settings, folder)
    return {
        "model": name,
        "device": str(device),
        "threads": torch.get_num_threads(),
        "examples": count,
        "epochs": settings.epochs,
        "rows_kept_in_memory": train.in_memory,
        "fit_seconds": [round(s, 2) for s in fits],
        "plain_seconds": [round(s, 2) for s in plains],
        "share_against_plain": round(1 - sum(plains) / sum(fits), 4),
        "share_by_own_clock": [round(s, 4) for s in own],
        "seconds_of_one_save_of_weights": round(saves, 2),
    }


def saving_seconds(model: nn.Module, settings: TrainSettings, folder: Path) -> float:
    started = time.perf_counter()
    loop.save_model(folder / "one.safetensors", model, META)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cache-mb", type=float, default=0.0, help="0: read the file each epoch")
    parser.add_argument("--device", default="auto")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(parser.parse_args(), Path(folder)), indent=2))


if __name__ == "__main__":
    main()
