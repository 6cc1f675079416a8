r"""Bench: wall time of its units against their forward and backward passes alone, and its memory.

An untrained network on random spectrograms; what the tables take is left out. Every
example that goes through the network is counted; beside the units' time stands that of as many
examples in batches, forward, and backward by torch's own gradient. The peak memory is that of a
process of its own for each number of recordings. Options beyond are overrides:

    PYTHONPATH=. python scripts/benchmark_bench.py 16 64 bench.explainers=\'lrp,random\'
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

import torch
from benchmark_flip import forward_seconds, network, prepare
from hydra import compose, initialize_config_dir

from speechlrp.cli.explainers import with_explainers
from speechlrp.config.names import conf_dir
from speechlrp.config.schema import Config, typed
from speechlrp.data.dataset import feature_settings
from speechlrp.explainers.counting import counting
from speechlrp.pipeline.stage import Context
from speechlrp.stages.bench.ingredients import Bench, explained
from speechlrp.stages.bench.networks import Member
from speechlrp.stages.bench.units import Cell


def configuration(outputs: Path, recordings: int, overrides: list[str]) -> Config:
    ours = ["experiment=planted_cue", "bench=quick", f"paths.outputs={outputs}", "run=bench"]
    ours += ["data_run=bench", f"bench.examples={recordings}", "bench.batch_size=16", *overrides]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return typed(with_explainers(compose("bench", ours), "bench", ours))


def backward_seconds(config: Config, batch: int, times: int) -> float:
    """Median seconds of the backward pass of a batch, to the input."""
    model, measured = network(config), []
    inputs = torch.rand(batch, 1, *feature_settings(config).shape, requires_grad=True)
    for _ in range(times + 1):
        total = model(inputs).sum()
        start = time.perf_counter()
        torch.autograd.grad(total, inputs)
        measured.append(time.perf_counter() - start)
    return statistics.median(measured[1:])


def measure(recordings: int, overrides: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        config = configuration(Path(folder), recordings, overrides)
        prepare(config, recordings)
        batch = config.bench.batch_size
        bench = Bench(
            Context(config, Path(folder), Path(folder), {}, {}),
            Member("planted_cue", 1, False, config, ()),
        )
        before = forward_seconds(config, batch, 5), backward_seconds(config, batch, 5)
        with counting(bench.network.model) as passes:
            start = time.perf_counter()
            for one in explained(config):
                Cell(bench, one).work()
            seconds = time.perf_counter() - start
        after = forward_seconds(config, batch, 5), backward_seconds(config, batch, 5)
    forward, backward = ((a + b) / 2 / batch for a, b in zip(before, after, strict=True))
    swept = passes.backward + passes.watched
    alone = passes.forward * forward + swept * backward
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{recordings} recordings: units {seconds:.1f} s, {passes.forward} examples forward and "
        f"{swept} backward alone {alone:.1f} s: {seconds / alone:.3f} times; "
        f"peak memory {peak:.0f} MiB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recordings", type=int, nargs="*", default=[16, 64])
    overrides = [word for word in sys.argv[1:] if "=" in word]
    asked = parser.parse_args([word for word in sys.argv[1:] if "=" not in word])
    if len(asked.recordings) == 1:
        measure(asked.recordings[0], overrides)
        return
    for number in asked.recordings:
        more = [str(number), *overrides]
        subprocess.run([sys.executable, __file__, *more], check=True)


if __name__ == "__main__":
    main()
