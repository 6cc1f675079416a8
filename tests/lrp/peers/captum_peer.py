"""captum's relevance of a case.

captum is given a rule for every layer, also for the kinds that it has none for by itself
(1-D convolutions and norms, flatten), and its own module for additions.
"""

import copy
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from speechlrp.lrp import Composite, Epsilon, Rule
from tests.lrp.peers import zoo
from tests.lrp.peers.zennit_peer import POOLS, TINY


def visible(captum: ModuleType, model: nn.Module) -> nn.Module:
    """A copy of a model whose additions are captum's modules."""
    from captum.attr._utils.custom_modules import Addition_Module

    model = copy.deepcopy(model)
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
        if isinstance(getattr(module, "join", None), nn.Module):
            module.join = Addition_Module()
    return model


def relevance(
    captum: ModuleType, model: nn.Module, case: zoo.Case, conv: Callable[[], Any]
) -> Tensor:
    """What captum gives the input of a case, from the target's output.

    Args:
        captum: the module ``captum.attr``.
        model: made by ``visible``; captum leaves things on it.
        case: inputs and target.
        conv: makes the rule of a convolution; all else gets its rule with no epsilon to
            speak of.
    """
    from captum.attr._utils.lrp_rules import EpsilonRule

    for module in model.modules():
        if not list(module.children()) and not isinstance(module, nn.ReLU | nn.Dropout):
            module.rule = conv() if isinstance(module, _ConvNd) else EpsilonRule(TINY)
    target = case.target if len(case.target) > 1 else case.target[0]
    x = case.x.clone().requires_grad_()
    return captum.LRP(model).attribute(x, target=target).detach()


def ours(conv: Rule) -> Composite:
    """The same in our rules; a norm is a layer with a rule, as in captum and the thesis."""
    rest = [(kind, Epsilon(TINY)) for kind in (nn.Linear, _BatchNorm, *POOLS)]
    return Composite([(_ConvNd, conv), *rest], general=True)


def positive(case: zoo.Case) -> zoo.Case:
    """The case with inputs of at least 0, for which captum's rules are meant."""
    return zoo.Case(case.model, torch.abs(case.x), case.target)
