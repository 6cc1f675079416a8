"""Time zennit and captum against a plain input gradient, as benchmark_lrp.py times our LRP.

    python scripts/benchmark_peers.py [--batch 8] [--pairs 9] [--threads 2]

Needs both (make install brings them). The peers get what they can explain: no in-place ReLU,
batch norm merged beforehand, and for captum no flattening module. ResNets are left out,
whose additions in the forward zennit and captum do not see. Writes nothing.
"""

import argparse
import copy
import sys
from collections.abc import Callable
from statistics import median
from types import ModuleType

import torch
from benchmark_lrp import plain_gradient, seconds
from lrp_networks import RULES, choose, network
from torch import Tensor, nn

from speechlrp.lrp import attribute


def zennit_explains(rules: str) -> Callable[[nn.Module, Tensor], Tensor]:
    """Explain with a rule of zennit in convolutions and its epsilon in dense layers."""
    names = ("torchvision", "torchvision.models", "torchvision.models.resnet")
    stubs = {name: ModuleType(name) for name in names}  # zennit imports two names from it
    for kind in ("BasicBlock", "Bottleneck"):
        setattr(stubs[names[-1]], kind, type(kind, (), {}))
    sys.modules.update({name: stub for name, stub in stubs.items() if name not in sys.modules})
    from zennit.attribution import Gradient
    from zennit.composites import LayerMapComposite, layer_map_base
    from zennit.rules import AlphaBeta, Epsilon, Gamma, ZPlus
    from zennit.types import Convolution

    rule = {"epsilon": Epsilon(0.5), "gamma": Gamma(0.25), "z_plus": ZPlus()}
    rule |= {"alpha_beta": AlphaBeta(2, 1)}
    entries = [(Convolution, rule[rules]), (nn.Linear, Epsilon())]
    composite = LayerMapComposite(layer_map_base() + entries)

    def explain(model: nn.Module, x: Tensor) -> Tensor:
        def start(output: Tensor) -> Tensor:
            leaf = output.detach().requires_grad_()
            return torch.autograd.grad(choose(leaf).sum(), leaf)[0] * output

        with Gradient(model, composite) as attributor:
            return attributor(x, start)[1]

    return explain


def captum_explains(rules: str) -> Callable[[nn.Module, Tensor], Tensor]:
    """Explain with the epsilon rule of captum, the only one of the table that it has."""
    from captum.attr import LRP
    from captum.attr._utils.lrp_rules import EpsilonRule

    def explain(model: nn.Module, x: Tensor) -> Tensor:
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear | nn.AdaptiveAvgPool2d):
                module.rule = EpsilonRule(0.5)
        return LRP(model).attribute(x, target=1)

    return explain


class Flattened(nn.Module):
    """AlexNet with its flattening in the forward, for captum."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.body, self.pool, self.head = model.features, model.pool, model.classifier

    def forward(self, x: Tensor) -> Tensor:
        """As the network's."""
        return self.head(self.pool(self.body(x)).flatten(1))


def prepared(model: nn.Module, merge: bool) -> nn.Module:
    """A copy without in-place ReLU, and with batch norm merged."""
    model = copy.deepcopy(model)
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    if merge:
        from zennit.canonizers import SequentialMergeBatchNorm

        SequentialMergeBatchNorm().apply(model)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"batch {options.batch}, {options.pairs} triples, time / plain input gradient")
    print(f"{'net':12}{'rules':12}{'peer':8}{'peer':>8}{'ours':>8}")
    for net in ("alexnet", "wav2letter"):
        model, x = network(net, options.batch, "cpu", torch.float32)
        runs = [("zennit", rules, zennit_explains(rules)) for rules in RULES_OF_PEERS]
        if net == "alexnet":
            runs.append(("captum", "epsilon", captum_explains("epsilon")))
        for peer, rules, explain in runs:
            ready = prepared(model, net == "wav2letter")
            ready = Flattened(ready) if peer == "captum" else ready

            def base(model=model, x=x) -> Tensor:
                return plain_gradient(model, x)

            def theirs(explain=explain, ready=ready, x=x) -> Tensor:
                return explain(ready, x.clone().requires_grad_())

            def ours(model=model, x=x, composite=RULES[rules]) -> Tensor:
                return attribute(model, x, choose, composite)[1]

            times = [
                [seconds(one, False) for one in (base, theirs, ours)]
                for _ in range(options.pairs + 1)
            ][1:]
            ratios = [median(row[i] / row[0] for row in times) for i in (1, 2)]
            print(f"{net:12}{rules:12}{peer:8}{ratios[0]:8.2f}{ratios[1]:8.2f}", flush=True)


RULES_OF_PEERS = ("epsilon", "gamma", "z_plus", "alpha_beta")

if __name__ == "__main__":
    main()
