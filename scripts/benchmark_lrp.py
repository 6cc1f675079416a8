"""Time and memory of an explanation against a plain input gradient, in one run.

    python scripts/benchmark_lrp.py [--nets alexnet,wav2letter,resnet34,wav2vec]
        [--rules epsilon,gamma] [--batch 8] [--pairs 15] [--threads 2] [--device cpu]
        [--dtype float32,bfloat16] [--compile] [--calls 0] [--depths 8,32,128] [--processor]
        [--products]

Gradient and explanation are measured in turn and the median of the ratios of neighbours is
printed, so that what else the machine does falls on both alike. Memory is the largest sum of
tensors alive at once, as torch's allocator sees it. ``--processor`` takes processor time, which
other work on the machine changes less. ``--compile`` measures against the gradient of the
compiled network too; the explanation of a compiled network runs it as the Python it is.
``--calls 200`` also repeats each explanation and prints how much its memory grew. ``--depths``
measures nothing but the memory of explanations of plain chains of so many convolutions, with
checkpoint=True and without, over that of the shallowest chain's gradient. ``--products`` prints
what convolutions and matrix products alone take, over what they take of the gradient: no rule can
cost less that needs these. Writes nothing.
"""

import argparse
import gc
import re
import time
from collections.abc import Callable
from functools import partial
from statistics import median

import torch
from lrp_networks import RULES, SIZES, choose, network
from torch import Tensor, nn

from speechlrp.lrp import attribute


def plain_gradient(model: nn.Module, inputs: Tensor) -> Tensor:
    """The input gradient of class 1, with nothing computed for the parameters."""
    x = inputs.clone().requires_grad_()
    return torch.autograd.grad(choose(model(x)).sum(), x)[0]


def seconds(
    function: Callable[[], Tensor], cuda: bool, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Time of one call, to the end of what the device was asked to do."""
    if cuda:
        torch.cuda.synchronize()
    begin = clock()
    function()
    if cuda:
        torch.cuda.synchronize()
    return clock() - begin


def peak_bytes(function: Callable[[], Tensor], cuda: bool) -> int:
    """The most memory that tensors made in a call held at once."""
    gc.collect()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        function()
        return torch.cuda.max_memory_allocated() - before
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as log:
        function()
    held, most = 0, 0
    for event in log.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


PRODUCTS = re.compile(
    r"aten::(_?(mkldnn_)?convolution(_backward)?|_slow_conv2d_(forward|backward)|(add)?mm|(badd)?bmm"
    r"|(mkldnn_)?linear|_scaled_dot_product_\w+)"
)
"""The operations that multiply matrices."""


def products(function: Callable[[], Tensor]) -> float:
    """Least microseconds of a call that convolutions and matrix products take, of five."""
    times = []
    for _ in range(5):
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as log:
            function()
        events = (e for e in log.events() if PRODUCTS.fullmatch(e.name))
        times.append(sum(event.self_cpu_time_total for event in events))
    return min(times)


def growth(function: Callable[[], Tensor], calls: int) -> int:
    """Bytes of tensors alive after many calls that were not alive after the first few."""

    def alive() -> int:
        gc.collect()
        tensors = [one for one in gc.get_objects() if type(one) is Tensor]
        return sum(one.untyped_storage().nbytes() for one in tensors)

    for _ in range(3):
        function()
    before = alive()
    for _ in range(calls):
        function()
    return alive() - before


def chain(depth: int) -> nn.Sequential:
    """So many convolutions of one size, each with a ReLU, and two classes."""
    layers = [layer for _ in range(depth) for layer in (nn.Conv1d(16, 16, 3, padding=1), nn.ReLU())]
    for layer in layers[::2]:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    head = nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 2)
    return nn.Sequential(*layers, *head).eval().requires_grad_(False)


def print_depths(depths: list[int], batch: int, device: str) -> None:
    """Peak memory by depth: of the gradient, of LRP-epsilon, of LRP that runs the pass again."""
    composite, cuda, least = RULES["epsilon"], device.startswith("cuda"), 0
    x = torch.randn(batch, 16, 4000, device=device)
    print("epsilon; peak memory over that of the first gradient")
    print(f"{'depth':8}{'gradient':>9}{'LRP':>9}{'checkpoint':>12}")
    for depth in depths:
        model = chain(depth).to(device)

        def lrp(checkpoint: bool, model=model) -> Tensor:
            return attribute(model, x, choose, composite, checkpoint=checkpoint)[1]

        calls = partial(plain_gradient, model, x), partial(lrp, False), partial(lrp, True)
        peaks = [peak_bytes(call, cuda) for call in calls]
        least = least or peaks[0]
        plain, whole, again = (peak / least for peak in peaks)
        print(f"{depth:<8}{plain:9.2f}{whole:9.2f}{again:12.2f}", flush=True)


def print_rows(
    name: str, model: nn.Module, x: Tensor, options: argparse.Namespace, memory: bool = True
) -> None:
    """A line for every rule: time, and memory, over those of the gradient."""
    cuda = options.device.startswith("cuda")
    clock = time.process_time if options.processor else time.perf_counter
    base = partial(plain_gradient, model, x)
    least = peak_bytes(base, cuda) if memory else 0
    plain = products(base) if options.products else 0
    for rules in options.rules.split(","):

        def lrp(composite=RULES[rules]) -> Tensor:
            return attribute(model, x, choose, composite)[1]

        pairs = [
            (seconds(base, cuda, clock), seconds(lrp, cuda, clock))
            for _ in range(options.pairs + 2)
        ]
        ratio = median(late / early for early, late in pairs[2:])
        early, late = (1000 * median(times) for times in zip(*pairs[2:], strict=True))
        line = f"{name:26}{rules:16}{early:12.1f}{late:9.1f}{ratio:7.2f}"
        line += f"{peak_bytes(lrp, cuda) / least:8.2f}" if memory else ""
        line += f"{products(lrp) / plain:10.2f}" if options.products else ""
        line += f"  grew by {growth(lrp, options.calls)} bytes" if options.calls else ""
        print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", default=SIZES)
    parser.add_argument("--rules", default=",".join(RULES))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--calls", type=int, default=0)
    parser.add_argument("--processor", action="store_true")
    parser.add_argument("--products", action="store_true")
    parser.add_argument("--depths", help="such as 8,32,128")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.depths:
        depths = [int(depth) for depth in options.depths.split(",")]
        print_depths(depths, options.batch, options.device)
        return
    print(f"batch {options.batch}, {options.pairs} pairs, {options.device}")
    head = f"{'net':26}{'rules':16}{'gradient ms':>12}{'LRP ms':>9}{'time':>7}{'memory':>8}"
    print(head + ("  products" if options.products else ""))
    for dtype in options.dtype.split(","):
        for net in options.nets.split(","):
            model, x = network(net, options.batch, options.device, getattr(torch, dtype))
            print_rows(f"{net} {dtype}", model, x, options)
            if options.compile:
                compiled = torch.compile(model)
                print_rows(f"{net} {dtype} compiled", compiled, x, options, memory=False)


if __name__ == "__main__":
    main()
