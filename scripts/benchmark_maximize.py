"""Time of maximising many neurons in one batch against one after the other.

Both in one run, in alternation, so that a busy machine slows both; of one after the other
only a part is run (`--alone`) and its time scaled up, since all neurons cost the same.

    PYTHONPATH=. python scripts/benchmark_maximize.py [--neurons 64] [--layer 8] [--steps 10]
        [--repeats 3] [--alone 8] [--width 128] [--wide 384] [--threads 2] [--device auto]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time

import torch

from speechlrp.models.wav2letter import Wav2Letter
from speechlrp.neurons.layers import before_activation, find_layer, sight
from speechlrp.neurons.maximize import MaximizeSettings, maximize
from speechlrp.neurons.neurons import Neuron
from speechlrp.training.seeding import device as pick_device


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neurons", type=int, default=64)
    parser.add_argument("--layer", default="8")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--alone", type=int, default=8, help="neurons of one after the other")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--wide", type=int, default=384)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--device", default="auto")
    return parser.parse_args()


def timed(model: torch.nn.Module, batches: list[list[Neuron]], steps: int) -> float:
    """Seconds to maximise batches of neurons, one batch after the other."""
    settings = MaximizeSettings(steps=steps)
    started = time.perf_counter()
    for batch in batches:
        maximize(model, batch, settings=settings)
    if next(model.parameters()).is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - started


def main() -> None:
    """Print one JSON object."""
    given = arguments()
    torch.set_num_threads(given.threads)
    torch.manual_seed(1)
    place = pick_device(given.device)
    model = Wav2Letter(31, width=given.width, wide=given.wide, padding="none").to(place).eval()
    target = before_activation(model, find_layer(model, given.layer))
    seen = sight(model, target, (128, model.receptive_field))
    step = seen.step if seen.steps > 1 else None
    neurons = [Neuron(target, channel, step) for channel in range(given.neurons)]
    few = [[neuron] for neuron in neurons[: given.alone]]
    timed(model, [neurons], 1), timed(model, few[:1], 1)  # first calls
    together, alone = [], []
    for _ in range(given.repeats):
        together.append(timed(model, [neurons], given.steps))
        alone.append(timed(model, few, given.steps) * given.neurons / len(few))
    ratios = [one / both for one, both in zip(alone, together, strict=True)]
    found = {
        "device": str(place),
        "threads": given.threads,
        "layer": given.layer,
        "neurons": given.neurons,
        "steps": given.steps,
        "together_s": round(statistics.median(together), 3),
        "one_after_the_other_s": round(statistics.median(alone), 3),
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
