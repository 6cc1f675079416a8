"""How far an explanation on a GPU lies from that of the CPU in double precision.

    python scripts/cuda_agreement.py [--nets alexnet,resnet34] [--rules epsilon,gamma] [--batch 2]
        [--device cuda]

For the output, its gradient and the relevance of several rules: the norm of the difference over
the norm of what the CPU gives in float64; on the CPU in float32, and on the GPU in float64, in
float32, in float32 as torch multiplies there unless it is told otherwise (TF32 in convolutions),
and in bfloat16. Writes nothing.
"""

import argparse
from collections.abc import Callable

import torch
from benchmark_lrp import plain_gradient
from lrp_networks import RULES, SIZES, choose, network
from torch import Tensor, nn

from speechlrp.lrp import attribute

KINDS = {
    "CPU float32": (torch.float32, False),
    "float64": (torch.float64, False),
    "float32": (torch.float32, False),
    "TF32": (torch.float32, True),
    "bfloat16": (torch.bfloat16, True),
}
"""The dtype, and whether convolutions may take TF32."""

Quantity = Callable[[nn.Module, Tensor], Tensor]


def relevance(rules: str) -> Quantity:
    """The relevance of class 1 by some rules."""
    return lambda model, x: attribute(model, x, choose, RULES[rules])[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", default=SIZES)
    parser.add_argument("--rules", default="zero,epsilon,gamma,z_plus,alpha_beta,attnlrp")
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--device", default="cuda")
    options = parser.parse_args()
    quantities: dict[str, Quantity] = {"output": nn.Module.__call__, "gradient": plain_gradient}
    quantities |= {rules: relevance(rules) for rules in options.rules.split(",")}
    print(f"{'net':12}{'quantity':12}" + "".join(f"{kind:>13}" for kind in KINDS))
    for net in options.nets.split(","):
        model, x = network(net, options.batch, "cpu", torch.float64)
        exact = {name: one(model, x).detach() for name, one in quantities.items()}
        apart: dict[str, list[str]] = {name: [] for name in quantities}
        for kind, (dtype, tf32) in KINDS.items():
            device = "cpu" if kind.startswith("CPU") else options.device
            torch.backends.cudnn.allow_tf32 = tf32
            model, x = network(net, options.batch, device, dtype)
            for name, one in quantities.items():
                there = one(model, x).detach().to("cpu", torch.float64)
                difference = (there - exact[name]).norm() / exact[name].norm()
                apart[name].append(f"{float(difference):13.1e}")
        for name, figures in apart.items():
            print(f"{net:12}{name:12}" + "".join(figures), flush=True)


if __name__ == "__main__":
    main()
