"""zennit's relevance of a case, and how its rules are called here.

zennit is given what its hooks can see: no in-place ReLU, and every addition as a module.
Two of its conveniences are set aside, each tested by itself: the stabiliser of additions,
and the ``eps`` that a merged batch norm keeps.
"""

import copy
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from speechlrp.lrp import (
    AlphaBeta,
    Composite,
    Epsilon,
    Flat,
    Gamma,
    Pass,
    Rule,
    WSquare,
    ZBox,
    ZPlus,
)
from tests.lrp.peers import zoo

TINY = 1e-30
STABILISER = 1e-6
LOW, HIGH = -6.0, 6.0
POOLS = (nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)


class Stacked(nn.Module):
    """``a + b`` as the module that zennit has a rule for: a sum over one dimension."""

    def __init__(self, total: nn.Module) -> None:
        super().__init__()
        self.total = total

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return self.total(torch.stack([a, b], -1))


def visible(zennit: ModuleType, model: nn.Module) -> nn.Module:
    """A copy of a model whose steps are all modules that zennit knows."""
    model = copy.deepcopy(model)
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
        if isinstance(getattr(module, "join", None), nn.Module):
            module.join = Stacked(zennit.layer.Sum())
    return model


def merged(zennit: ModuleType, model: nn.Module, exact: bool = True) -> nn.Module:
    """The model with zennit's merged batch norms; ``exact`` makes the rest of them 1.

    zennit goes by the order of modules, which fails where a norm reads a ``cat``; a DenseNet's
    are therefore named.
    """
    if isinstance(model, zoo.DenseNet):
        layers = [name for name, one in model.named_modules() if isinstance(one, zoo.DenseLayer)]
        pairs = [([f"{name}.conv1"], f"{name}.norm2") for name in layers]
        zennit.canonizers.NamedMergeBatchNorm([(["stem.0"], "stem.1"), *pairs]).apply(model)
    else:
        zennit.canonizers.SequentialMergeBatchNorm().apply(model)
    for module in model.modules():
        idle = isinstance(module, _BatchNorm) and bool((module.running_var == 1).all())
        if exact and idle:
            module.eps = 0.0
    return model


def relevance(zennit: ModuleType, model: nn.Module, case: zoo.Case, composite: Any) -> Tensor:
    """What zennit gives the input of a case, started from the target's output."""

    def start(output: Tensor) -> Tensor:
        weights = torch.zeros_like(output)
        weights[(slice(None), *case.target)] = 1
        return output.detach() * weights

    with zennit.attribution.Gradient(model, composite) as attributor:
        return attributor(case.x.clone(), start)[1].detach()


def exact_sums(zennit: ModuleType) -> list[tuple[type, Any]]:
    """Entries ahead of zennit's own: additions without a stabiliser to speak of."""
    return [(zennit.layer.Sum, zennit.rules.Norm(stabilizer=TINY))]


def with_rules(zennit: ModuleType, conv: Any, dense: Any) -> Any:
    """zennit's composite with one rule for convolutions and one for dense layers."""
    entries = [*exact_sums(zennit), *zennit.composites.layer_map_base(STABILISER)]
    entries += [(zennit.types.Convolution, conv), (nn.Linear, dense)]
    return zennit.composites.LayerMapComposite(entries)


def _bounds(x: Tensor) -> dict[str, Tensor]:
    return {name: torch.full([1] * x.dim(), end) for name, end in (("low", LOW), ("high", HIGH))}


THEIRS: dict[str, Callable[[ModuleType, Tensor], Any]] = {
    "epsilon": lambda z, x: with_rules(z, z.rules.Epsilon(0.1), z.rules.Epsilon(0.1)),
    "gamma": lambda z, x: with_rules(z, z.rules.Gamma(0.25), z.rules.Gamma(0.25)),
    "w square": lambda z, x: z.composites.SpecialFirstLayerMapComposite(
        with_rules(z, z.rules.Gamma(5.0), z.rules.Epsilon()).layer_map,
        [(z.types.Linear, z.rules.WSquare())],
    ),
    "epsilon plus": lambda z, x: z.composites.EpsilonPlus(layer_map=exact_sums(z)),
    "epsilon plus flat": lambda z, x: z.composites.EpsilonPlusFlat(layer_map=exact_sums(z)),
    "epsilon alpha2 beta1": lambda z, x: z.composites.EpsilonAlpha2Beta1(layer_map=exact_sums(z)),
    "epsilon gamma box": lambda z, x: z.composites.EpsilonGammaBox(
        **_bounds(x), layer_map=exact_sums(z)
    ),
}
"""zennit, input -> composite; the first layer's rule takes the first by registration."""

OURS: dict[str, tuple[Rule, Rule, Rule | None]] = {
    "epsilon": (Epsilon(0.1), Epsilon(0.1), None),
    "gamma": (Gamma(0.25), Gamma(0.25), None),
    "w square": (Gamma(5.0), Epsilon(STABILISER), WSquare()),
    "epsilon plus": (ZPlus(), Epsilon(STABILISER), None),
    "epsilon plus flat": (ZPlus(), Epsilon(STABILISER), Flat()),
    "epsilon alpha2 beta1": (AlphaBeta(2, 1), Epsilon(STABILISER), None),
    "epsilon gamma box": (Gamma(0.25), Epsilon(STABILISER), ZBox(LOW, HIGH)),
}
"""The same in our rules: for convolutions, for dense layers, for the first layer."""


def ours(name: str, model: nn.Module, merge_batch_norm: bool) -> Composite:
    """Our composite of that name."""
    conv, dense, first = OURS[name]
    weighted = [path for path, one in model.named_modules() if isinstance(one, zoo.WEIGHTED)]
    pairs = [] if first is None else [(weighted[0], first)]
    pairs += [(_ConvNd, conv), (nn.Linear, dense), (_BatchNorm, Pass())]
    pairs += [(pool, Epsilon(STABILISER)) for pool in POOLS]
    return Composite(pairs, merge_batch_norm=merge_batch_norm, general=True)
