"""Share of a training's time that is spent waiting for windows of recordings.

Trains a ResNet34 on windows that loader threads cut from files, mix noise into and turn
into filterbanks, and times, batch by batch, how long the model waits for the next. Beside
it stand the seconds of processor time that making a window takes, and its step.

    PYTHONPATH=. python scripts/benchmark_crops.py [--recordings 64] [--model small] [--device auto]
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch.nn import functional

from speechlrp.audio.augmentation import Augmentation
from speechlrp.audio.fbank import FbankSettings
from speechlrp.audio.mixing import Mixer
from speechlrp.audio.noises import synthesised, synthesiser
from speechlrp.audio.random_windows import Crops, Source
from speechlrp.models.resnet34 import ResNet34
from speechlrp.training.prediction import autocast
from speechlrp.training.seeding import device as pick_device
from speechlrp.training.window_batches import CropBatches

RATE, SECONDS, SPEAKERS = 16000, 8.0, 24
SIZES = {"full": (32, 64, 128, 256), "small": (8, 16, 32, 64)}


def write(folder: Path, count: int) -> list[Source]:
    """Recordings of noise as long as VoxCeleb's, FLAC."""
    rng = np.random.default_rng(0)
    for i in range(count):
        wave = 0.1 * rng.normal(size=round(SECONDS * RATE)).clip(-5, 5)
        soundfile.write(folder / f"{i}.flac", wave, RATE)
    return [Source(str(i), folder / f"{i}.flac", SECONDS, -20.0) for i in range(count)]


def reading(crops: Crops, sources: list[Source]) -> float:
    """Processor seconds that a window takes: read, mixed, transformed."""
    started = time.process_time()
    with torch.inference_mode():
        crops.settings.transform(torch.stack([crops(source, 99)[0] for source in sources]))
    return (time.process_time() - started) / len(sources)


def measure(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    device = pick_device(arguments.device)
    sources = write(folder, arguments.recordings)
    mixer = Mixer(synthesised(), synthesiser(RATE), seed=1)
    crops = Crops(FbankSettings(), seed=1, augmentation=Augmentation(seed=1, mixer=mixer))
    reading(crops, sources)  # noise is made when it is first drawn
    each = reading(crops, sources)
    labels = [i % SPEAKERS for i in range(len(sources))]
    about = {"batch_size": arguments.batch_size, "threads": arguments.threads}
    batches = CropBatches(sources, labels, crops, **about)
    model = ResNet34(SPEAKERS, channels=SIZES[arguments.model]).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    waited, stepped, busy, seen = [], [], 0.0, 0
    last = time.perf_counter()
    for batch in batches.epoch(0, device):
        waited.append(time.perf_counter() - last)
        started, worked = time.perf_counter(), time.thread_time()
        with autocast(device, arguments.precision):
            logits = model(batch.inputs)
        functional.cross_entropy(logits.float(), batch.labels).backward()
        optimizer.step()
        optimizer.zero_grad()
        if device.type == "cuda":
            torch.cuda.synchronize()
        last, busy = time.perf_counter(), busy + time.thread_time() - worked
        stepped.append(last - started)
        seen += len(batch.labels)
    return {
        "model": f"ResNet34 {arguments.model}, {arguments.precision}",
        "device": str(device),
        "load_before": round(os.getloadavg()[0], 1),
        "loader_threads": arguments.threads,
        "first_batch_waited_seconds": round(waited[0], 3),
        "processor_seconds_a_window": round(each, 4),
        "processor_seconds_a_step_example": round(busy / seen, 4),
        "step_seconds_an_example": round(sum(stepped) / seen, 4),
        "share_waiting": round(sum(waited[1:]) / (sum(waited[1:]) + sum(stepped)), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--model", choices=tuple(SIZES), default="small")
    parser.add_argument("--precision", choices=("float32", "bf16"), default="float32")
    parser.add_argument("--device", default="auto")
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure(parser.parse_args(), Path(folder)), indent=2))


if __name__ == "__main__":
    main()
