"""Flipping: wall time of the stage against its forward passes alone, and its memory.

An untrained network on random spectrograms (`--net`): what is measured is the work around
the network. Prints ratios within one run; the peak memory is that of a process of its own
for each number of recordings, in which they are explained too. Options beyond are overrides:

    PYTHONPATH=. python scripts/benchmark_flip.py 1000 20000 --net resnet34_small \
        flipping.strategy=lrp model.channels=[4,8,16,32]
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import torch
from hydra import compose, initialize_config_dir

from speechlrp.artifacts.hdf5 import describe, label_axes, write_table
from speechlrp.artifacts.tables import read_csv
from speechlrp.config.names import conf_dir
from speechlrp.config.schema import Config, options, typed
from speechlrp.data.dataset import feature_settings
from speechlrp.models import MODELS
from speechlrp.pipeline.identity import Invocation
from speechlrp.pipeline.runner import perform
from speechlrp.stages import stage_of
from speechlrp.stages.train.foreign import model_options
from speechlrp.training.checkpoint import save_model

Clock = Callable[[], float]
"""Gives seconds."""
CLASSES = ["a", "b"]
NETS = {"alexnet": "audiomnist_gender", "resnet34": "voxceleb_speaker",
        "resnet34_small": "demo_speaker"}  # fmt: skip
"""Network -> the experiment that it belongs to."""


def configuration(outputs: Path, net: str, overrides: list[str]) -> Config:
    ours = [f"experiment={NETS[net]}", f"paths.outputs={outputs}", "run=bench", "data_run=bench"]
    ours += ["flipping.repeats=1", "flipping.limit=null", f"model={net}", *overrides]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return typed(compose("flip", ours))


def prepare(config: Config, recordings: int) -> None:
    """Write features and untrained weights where the stages look for them."""
    run = Path(config.paths.outputs) / "bench"
    (run / "preprocess").mkdir(parents=True)
    generator, settings = (
        np.random.default_rng(0),
        feature_settings(config),
    )
    names = [f"r{i:05d}" for i in range(recordings)]
    table = pd.DataFrame({"id": names, "source": names, "speaker": names, "path": names})
    table = table.assign(label=np.arange(recordings) % 2, subset="test", start_s=0.0)
    table = table.assign(onset_s=0.1, duration_s=0.6)
    table = table.assign(true_start_s=0.3, true_end_s=0.5, true_low_hz=600.0, true_high_hz=700.0)
    with h5py.File(run / "preprocess/features.h5", "w") as file:
        shape = (1, *settings.shape)
        held = file.create_dataset("features", (recordings, *shape), "f4", chunks=(1, *shape))
        for i in range(0, recordings, 64):
            held[i : i + 64] = generator.uniform(-80, 0, (min(64, recordings - i), *shape))
        file["train_mean"] = np.full(shape, -40, np.float32)
        file["frequency"], file["time"] = settings.frequencies(), settings.times()
        write_table(file, table)
        label_axes(held, ("recording", "channel", "frequency", "time"), settings.units)
        described = options(config.features, "train_from")
        describe(file, {"kind": "features", "classes": CLASSES, "settings": described})
        describe(file, {"silence": -80.0, "task": config.task.name})
    model = network(config)
    meta = {"model": config.model["name"], "kwargs": model_options(config)}
    meta |= {
        "classes": CLASSES,
        "input_scale": 1.0,
        "features": described,
        "loss": "bce",
        "task": config.task.name,
    }
    save_model(run / "train/last.safetensors", model, meta)


def network(config: Config) -> torch.nn.Module:
    """An untrained one."""
    torch.manual_seed(0)
    return MODELS[config.model["name"]](len(CLASSES), **model_options(config)).eval()


def forward_seconds(
    config: Config, batch: int, times: int, clock: Clock = time.perf_counter
) -> float:
    """Median seconds of a forward pass of a batch."""
    model, inputs = (
        network(config),
        torch.rand(batch, 1, *feature_settings(config).shape),
    )
    measured = []
    with torch.inference_mode():
        for _ in range(times + 1):
            start = clock()
            model(inputs)
            measured.append(clock() - start)
    return statistics.median(measured[1:])


def measure(recordings: int, net: str, overrides: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        config = configuration(Path(folder), net, overrides)
        prepare(config, recordings)
        perform(stage_of("explain", config.task.name), config, Invocation("benchmark"))
        batch = config.flipping.batch_size
        before = forward_seconds(config, batch, 5)
        start = time.perf_counter()
        place = perform(stage_of("flip", config.task.name), config, Invocation("benchmark"))
        seconds = time.perf_counter() - start
        alone = (before + forward_seconds(config, batch, 5)) / 2
        curve = read_csv(place / "curve.csv", "run the benchmark again")
        points = len(curve) - curve.strategy.nunique() + 1  # 0 % once, not for each strategy
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
    parser.add_argument("--net", choices=NETS, default="alexnet")
    asked, overrides = parser.parse_known_args()
    if len(asked.recordings) == 1:
        measure(asked.recordings[0], asked.net, overrides)
        return
    for number in asked.recordings:
        more = [str(number), "--net", asked.net, *overrides]
        subprocess.run([sys.executable, __file__, *more], check=True)


if __name__ == "__main__":
    main()
