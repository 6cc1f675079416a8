r"""Bench: time of its units against their forward and backward passes alone, and its memory.

An untrained network on random spectrograms; what the tables take is left out. Every
example that goes through the network is counted; beside the units' time stands that of as many
examples in batches, forward, and backward by torch's own gradient. The peak memory is that of a
process of its own for each number of recordings. Time is the clock's; `--processor` takes the
processor's, for a machine that does other work too (results/speed.md has what was measured).
Options beyond are overrides:

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
from benchmark_flip import Clock, forward_seconds, network, prepare
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


def backward_seconds(config: Config, batch: int, times: int, clock: Clock) -> float:
    """Median seconds of the backward pass of a batch, to the input."""
    model, measured = network(config), []
    inputs = torch.rand(batch, 1, *feature_settings(config).shape, requires_grad=True)
    for _ in range(times + 1):
        total = model(inputs).sum()
        start = clock()
        torch.autograd.grad(total, inputs)
        measured.append(clock() - start)
    return statistics.median(measured[1:])


def measure(recordings: int, overrides: list[str], clock: Clock) -> None:
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(StringIO()):
        config = configuration(Path(folder), recordings, overrides)
        prepare(config, recordings)
        batch = config.bench.batch_size
        bench = Bench(
            Context(config, Path(folder), Path(folder), {}, {}),
            Member("planted_cue", 1, False, config, ()),
        )
        seconds, batches = 0.0, []
        with counting(bench.network.model) as passes:
            for one in explained(config):
                taken = (
                    work(config, batch, 5, clock) for work in (forward_seconds, backward_seconds)
                )
                batches.append(list(taken))
                start = clock()
                Cell(bench, one).work()
                seconds += clock() - start
    forward, backward = (statistics.mean(one) / batch for one in zip(*batches, strict=True))
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
    parser.add_argument("--processor", action="store_true")
    overrides = [word for word in sys.argv[1:] if "=" in word]
    asked = parser.parse_args([word for word in sys.argv[1:] if "=" not in word])
    if len(asked.recordings) == 1:
        clock = time.process_time if asked.processor else time.perf_counter
        measure(asked.recordings[0], overrides, clock)
        return
    for number in asked.recordings:
        more = [str(number), *overrides, *["--processor"] * asked.processor]
        subprocess.run([sys.executable, __file__, *more], check=True)


if __name__ == "__main__":
    main()
