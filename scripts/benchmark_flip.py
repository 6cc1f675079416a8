"""Flipping: wall time of the stage against its forward passes alone, and its memory.

Untrained AlexNet of T's size on random spectrograms: what is measured is the work
around the network. Prints ratios within one run; the peak memory is that of a
process of its own for each number of recordings.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import torch
from hydra import compose, initialize_config_dir

from speechlrp.artifacts.hdf5 import describe, write_table
from speechlrp.config.names import conf_dir
from speechlrp.config.schema import Config, typed
from speechlrp.models import MODELS
from speechlrp.stages import STAGES
from speechlrp.stages.runner import perform
from speechlrp.training.checkpoint import save_model

CLASSES = ["male", "female"]


def configuration(outputs: Path) -> Config:
    overrides = [f"paths.outputs={outputs}", "run=bench", "data_run=bench", "flipping.repeats=1"]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return typed(compose("flip", overrides))


def prepare(config: Config, recordings: int) -> None:
    """Write features and untrained weights where the stages look for them, and explain."""
    run = Path(config.paths.outputs) / "bench"
    (run / "preprocess").mkdir(parents=True)
    generator = np.random.default_rng(0)
    names = [f"r{i:04d}" for i in range(recordings)]
    table = pd.DataFrame({"id": names, "source": names, "speaker": names, "path": names})
    table = table.assign(label=np.arange(recordings) % 2, subset="test", start_s=0.0)
    table = table.assign(onset_s=0.1, duration_s=0.6)
    with h5py.File(run / "preprocess/features.h5", "w") as file:
        features = generator.uniform(-80, 0, (recordings, 1, 227, 227)).astype(np.float32)
        file.create_dataset("features", data=features, chunks=(1, 1, 227, 227))
        file["train_mean"] = features.mean(axis=0)
        file["frequency"], file["time"] = np.arange(227) * 17.58, np.arange(227) * 0.004375
        write_table(file, table)
        describe(file, {"kind": "features", "classes": CLASSES, "settings": config.features})
        describe(file, {"silence": -80.0, "task": "gender"})
    torch.manual_seed(0)
    model = MODELS["alexnet"](2)
    meta = {"model": "alexnet", "kwargs": {}, "classes": CLASSES, "input_scale": 1.0}
    meta |= {"features": config.features, "loss": "bce"}
    save_model(run / "train/last.safetensors", model, meta)
    perform(STAGES["explain"], config, "benchmark")


def forward_seconds(batch: int, times: int) -> float:
    """Median seconds of a forward pass of a batch."""
    model, inputs = MODELS["alexnet"](2).eval(), torch.rand(batch, 1, 227, 227)
    measured = []
    with torch.inference_mode():
        for _ in range(times + 1):
            start = time.perf_counter()
            model(inputs)
            measured.append(time.perf_counter() - start)
    return statistics.median(measured[1:])


def measure(recordings: int) -> None:
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        config = configuration(Path(folder))
        prepare(config, recordings)
        batch = config.flipping.batch_size
        before = forward_seconds(batch, 5)
        start = time.perf_counter()
        place = perform(STAGES["flip"], config, "benchmark")
        seconds = time.perf_counter() - start
        alone = (before + forward_seconds(batch, 5)) / 2
        points = len(pd.read_csv(place / "curve.csv")) - 2  # 0 % once, not for each strategy
    forwards = points * recordings / batch
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{recordings} recordings: flip {seconds:.1f} s, {forwards:.0f} forward passes of {batch} "
        f"alone {forwards * alone:.1f} s: {seconds / (forwards * alone):.3f} times; "
        f"peak memory {peak:.0f} MiB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", type=int, nargs="*", default=[64, 256])
    asked = parser.parse_args().recordings
    if len(asked) == 1:
        measure(asked[0])
        return
    for number in asked:
        subprocess.run([sys.executable, __file__, str(number)], check=True)


if __name__ == "__main__":
    main()
