"""Time an explanation against a plain input gradient, both on AlexNet, in one run.

    python scripts/benchmark_lrp.py [--batch 8] [--pairs 15] [--threads 2] [--device cpu]

The two are measured in turn and the median of the ratios of neighbours is printed, so
that what else the machine does falls on both alike. Writes nothing.
"""

import argparse
import time
from statistics import median

import torch
from torch import Tensor, nn

from speechlrp.lrp import Composite, Epsilon, Zero, attribute
from speechlrp.models.alexnet import AlexNet

COMPOSITES = {
    "LRP-0 everywhere": Composite([(nn.Module, Zero())]),
    "epsilon everywhere": Composite([(nn.Module, Epsilon(0.8))]),
    "thesis: 0 dense, epsilon else": Composite([(nn.Linear, Zero()), (nn.Module, Epsilon(0.8))]),
}


def plain_gradient(model: nn.Module, inputs: Tensor) -> Tensor:
    """The input gradient of class 1, with nothing computed for the parameters."""
    x = inputs.clone().requires_grad_()
    return torch.autograd.grad(model(x)[:, 1].sum(), x)[0]


def seconds(function, *arguments) -> float:
    """Wall time of one call, to the end of what the device was asked to do."""
    if arguments[1].is_cuda:
        torch.cuda.synchronize()
    begin = time.perf_counter()
    function(*arguments)
    if arguments[1].is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = AlexNet(2).eval().requires_grad_(False).to(options.device)
    inputs = -80 * torch.rand(options.batch, 1, 227, 227, device=options.device)
    print(f"AlexNet, batch {options.batch}, {options.pairs} pairs, {options.device}")
    print(f"{'rules':32}{'gradient ms':>12}{'LRP ms':>9}{'ratio':>8}")
    for name, composite in COMPOSITES.items():
        pairs = []
        for _ in range(options.pairs + 2):
            base = seconds(plain_gradient, model, inputs)
            pairs.append((base, seconds(attribute, model, inputs, 1, composite)))
        pairs = pairs[2:]
        ratio = median(lrp / base for base, lrp in pairs)
        base, lrp = (1000 * median(times) for times in zip(*pairs, strict=True))
        print(f"{name:32}{base:12.1f}{lrp:9.1f}{ratio:8.2f}")


if __name__ == "__main__":
    main()
