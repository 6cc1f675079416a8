"""What a training costs beside its model, how many cores it uses, and whether reading ahead pays.

Times `fit` on features in an HDF5 file against the same number of forward, backward and step
calls on tensors that are in memory already: after each step of `fit` comes one of those, so
that a busy machine slows both. Then epochs of the same steps on batches that are read ahead
stand against epochs on batches that are read when the model asks, in alternation. Processor
time over wall time says how many cores were busy; a core that waits for another in OpenMP's
own loop counts as busy.

    PYTHONPATH=. python scripts/benchmark_train.py [--model alexnet] [--examples 300] [--epochs 2]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import torch
from torch import nn

from speechlrp.artifacts.relevance import FEATURES
from speechlrp.models.alexnet import AlexNet
from speechlrp.models.resnet34 import ResNet34
from speechlrp.training import epochs, loaders, loop
from speechlrp.training.callbacks import Calling
from speechlrp.training.losses import losses
from speechlrp.training.recipe import TrainSettings, build_optimizer
from speechlrp.training.seeding import device as pick_device

META = {"model": "any", "kwargs": {}, "classes": ["male", "female"], "input_scale": 1 / 80}
MODELS: dict[str, tuple[tuple[int, int], Callable[[], nn.Module]]] = {
    "alexnet": ((227, 227), lambda: AlexNet(2)),
    "alexnet_small": (
        (227, 227),
        lambda: AlexNet(2, channels=(16, 48, 96, 64, 64), dense=(256, 256)),
    ),
    "resnet34_small": ((64, 200), lambda: ResNet34(2, channels=(8, 16, 32, 64), embedding=64)),
}
"""Name -> bins of an input, and what makes the model."""
FILES = ("save_weights", "save_state", "write_csv")


class Clock:
    """Adds up wall and processor seconds of the blocks that it wraps in a ``with``."""

    def __init__(self, device: torch.device) -> None:
        self.wall = self.processor = 0.0
        self._device = device

    def __enter__(self) -> None:
        self._wait()
        self._started = time.perf_counter(), time.process_time()

    def __exit__(self, *error: object) -> None:
        self._wait()
        self.wall += time.perf_counter() - self._started[0]
        self.processor += time.process_time() - self._started[1]

    def _wait(self) -> None:
        """Let a GPU finish what it was given."""
        if self._device.type == "cuda":
            torch.cuda.synchronize()

    def timed(self, function: Callable) -> Callable:
        """Wrap a function so that its time is added up."""

        def call(*args: object, **kwargs: object) -> object:
            with self:
                return function(*args, **kwargs)

        return call


class Plain:
    """The model's own work, and no other."""

    def __init__(self, model: nn.Module, device: torch.device, settings: TrainSettings) -> None:
        self.model, self.settings = model.to(device), settings
        self.optimizer = build_optimizer(self.model, settings)

    def step(self, inputs: torch.Tensor, labels: torch.Tensor) -> None:
        """Forward, backward and step once."""
        self.model.train()
        losses(self.settings.loss, self.model(inputs), labels).mean().backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)

    @torch.inference_mode()
    def forward(self, inputs: torch.Tensor) -> None:
        """Forward alone, as in validation."""
        self.model.eval()(inputs)


def write_features(path: Path, shape: tuple[int, int, int, int]) -> np.ndarray:
    """Write features [N, 1, F, T] an example a chunk, and give their labels."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file.attrs["kind"] = FEATURES.kind
        values = file.create_dataset("features", shape, "f4", chunks=(1, *shape[1:]))
        for row in range(shape[0]):
            values[row] = -80 * rng.random(shape[1:], dtype=np.float32)
    return rng.integers(2, size=shape[0])


def read_at_its_turn(read: Callable, items: Iterator, **_: int) -> Iterator:
    """Stand in for `ordered_map`: nothing is read before it is asked for."""
    yield from map(read, items)


def measure(asked: argparse.Namespace, folder: Path) -> dict[str, object]:
    device, (bins, make) = pick_device(asked.device), MODELS[asked.model]
    settings = TrainSettings(epochs=asked.epochs, batch_size=asked.batch_size)
    count, size = asked.examples, settings.batch_size
    labels = write_features(folder / "features.h5", (count + size, 1, *bins))
    options = {"batch_size": size, "input_scale": 1 / 80, "cache_mb": asked.cache_mb}
    train = loaders.Batches(folder / "features.h5", labels, range(count), shuffle=True, **options)
    validate = loaders.Batches(folder / "features.h5", labels, range(count, len(labels)), **options)
    plain, ready = Plain(make(), device, settings), next(validate.epoch(0, device))
    plain.step(ready.inputs, ready.labels)
    fit, model, files = Clock(device), Clock(device), Clock(device)
    step = model.timed(lambda *_: plain.step(ready.inputs, ready.labels))
    writers = {name: files.timed(getattr(epochs, name)) for name in FILES}
    with mock.patch.multiple(epochs, **writers), fit:
        loop.fit(
            make(),
            train,
            validate,
            settings,
            folder / "run",
            device,
            meta=META,
            callbacks=[Calling(step=step)],
        )
    alone, cores = fit.wall - model.wall, fit.processor - model.processor
    for _ in range(settings.epochs * len(validate)):
        model.timed(plain.forward)(ready.inputs)
    ahead, turn = Clock(device), Clock(device)
    for epoch in range(2 * settings.epochs):
        reader = mock.patch.object(loaders, "ordered_map", read_at_its_turn)
        with ahead if epoch % 2 else turn, mock.MagicMock() if epoch % 2 else reader:
            for batch in train.epoch(epoch // 2, device):
                plain.step(batch.inputs, batch.labels)
    return {
        "model": asked.model,
        "device": str(device),
        "threads": torch.get_num_threads(),
        "load_before": round(os.getloadavg()[0], 1),
        "rows_kept_in_memory": train.in_memory,
        "fit_processor_over_wall": round(cores / alone, 2),
        "model_processor_over_wall": round(model.processor / model.wall, 2),
        "fit_over_model": round(alone / model.wall, 3),
        "fit_without_files_over_model": round((alone - files.wall) / model.wall, 3),
        "read_ahead_over_read_at_its_turn": round(ahead.wall / turn.wall, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=MODELS, default="alexnet")
    parser.add_argument("--examples", type=int, default=300)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch-size", type=int, default=50)
    parser.add_argument("--cache-mb", type=float, default=0.0, help="0: read the file each epoch")
    parser.add_argument("--device", default="auto")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(parser.parse_args(), Path(folder)), indent=2))


if __name__ == "__main__":
    main()
