"""Explainers of many passes against the passes alone, and LRP (c) against a gradient.

    python scripts/benchmark_explainers.py [--nets alexnet,resnet34] [--batch 4] [--pairs 7]
        [--variants 32] [--pass-size 16] [--threads 1] [--device cpu]

Every explainer is called once to note the sizes of its forward and backward passes; these
alone, on inputs made beforehand, are then measured in turn with the explainer: wall time on a
GPU, processor time of this process elsewhere. Printed is the median of the ratios of
neighbours, so that what else the machine does falls on both alike: the share of the throughput
that the passes allow, and for T's assignment (c) the time of LRP over that of a plain input
gradient. Writes nothing.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from benchmark_lrp import plain_gradient, seconds
from lrp_networks import choose, network
from torch import Tensor, nn

from speechlrp.explainers.integrated_gradients import IntegratedGradients
from speechlrp.explainers.lrp import LRP
from speechlrp.explainers.occlusion import Occlusion
from speechlrp.explainers.sensitivity import SmoothGrad

RULES = {"alexnet": "thesis_alexnet", "resnet34": "resnet_eps_gamma"}
"""Net -> its preset in the thesis; the last is T 6.3 (c)."""


def explainers(shape: tuple[int, int], variants: int, size: int) -> dict[str, object]:
    """Explainers with about as many variants of each example, `size` inputs at once."""
    rows = max(1, round(variants**0.5))
    patch = [-(-n // rows) for n in shape]
    return {
        "occlusion": Occlusion(patch, pass_size=size),
        "integrated_gradients": IntegratedGradients(variants, pass_size=size),
        "smoothgrad": SmoothGrad(variants, pass_size=size),
    }


def passes_of(function: Callable[[], object], model: nn.Module) -> list[tuple[int, bool]]:
    """The number of inputs of each pass, and whether a gradient was taken of it."""
    found = []
    hook = model.register_forward_pre_hook(
        lambda _, given: found.append((len(given[0]), given[0].requires_grad))
    )
    function()
    hook.remove()
    return found


def alone(model: nn.Module, x: Tensor, passes: list[tuple[int, bool]]) -> Callable[[], None]:
    """The passes without what the explainer does around them."""
    ready = {n: x.repeat(-(-n // len(x)), *[1] * (x.dim() - 1))[:n] for n, _ in passes}

    def run() -> None:
        for count, gradient in passes:
            if gradient:
                plain_gradient(model, ready[count])
            else:
                with torch.no_grad():
                    model(ready[count])

    return run


def spent(function: Callable[[], object], cuda: bool) -> float:
    """Seconds of one call, see above."""
    if cuda:
        return seconds(function, cuda)
    begin = time.process_time()
    function()
    return time.process_time() - begin


def ratio(early: Callable, late: Callable, pairs: int, cuda: bool) -> tuple[float, float, float]:
    """Median of early over late, and of each in ms; the first pair warms up."""
    times = [(spent(early, cuda), spent(late, cuda)) for _ in range(pairs + 1)][1:]
    first, second = (1000 * median(column) for column in zip(*times, strict=True))
    return median(a / b for a, b in times), first, second


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", default="alexnet,resnet34")
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--variants", type=int, default=32)
    parser.add_argument("--pass-size", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    cuda = asked.device.startswith("cuda")
    print(f"batch {asked.batch}, {asked.pairs} pairs, {asked.device}, {asked.threads} thread(s)")
    for net in asked.nets.split(","):
        model, x = network(net, asked.batch, asked.device, torch.float32)
        for name, one in explainers(x.shape[-2:], asked.variants, asked.pass_size).items():

            def explain(one=one, model=model, x=x) -> Tensor:
                return one.explain(model, x, choose)[1]

            passes = passes_of(explain, model)
            share, bare, whole = ratio(alone(model, x, passes), explain, asked.pairs, cuda)
            print(f"{net:10}{name:22}{len(passes):4} passes alone {bare:8.0f} ms, explainer "
                  f"{whole:8.0f} ms: share {share:.3f}", flush=True)  # fmt: skip
        lrp = LRP(preset=RULES[net])
        late = ratio(lambda m=model, x=x, e=lrp: e.explain(m, x, choose)[1],
                     lambda m=model, x=x: plain_gradient(m, x), 2 * asked.pairs, cuda)  # fmt: skip
        print(f"{net:10}LRP {RULES[net]:18} {late[1]:8.0f} ms, gradient {late[2]:8.0f} ms: "
              f"{late[0]:.2f} times", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
