"""The sign-corrected rule for convolution, batch norm and ReLU."""

from typing import ClassVar

import torch
from torch import Tensor

from speechlrp.lrp.layer import Layer
from speechlrp.lrp.rules.rule import Rule, finite
from speechlrp.lrp.scaling import Merged


class SignCorrected(Rule):
    r"""LRP-0 before a batch norm, with the sign that the norm gives to the output.

    .. math:: R_i = \sum_j \frac{z_{ij}}{|z_j| + \epsilon}\,
        \mathrm{sgn}(\mathrm{bn}(z_j))\, R_j, \qquad z_j = \sum_i z_{ij} + b_j

    with ``z`` the output before the norm, whose own scale and shift take no share. The norm
    may turn a negative ``z`` into an active neuron; the sign corrects for it. Without a
    batch norm behind the layer ``bn`` is the identity, and the rule is LRP-0.

    The rule of the NAvAI paper for its speech recogniser. As shares are not bounded,
    relevance may grow without bound from layer to layer; so each layer's is divided by its
    largest absolute value, example by example. Only proportions within an example have
    a meaning, sums are not conserved, and branches that are added lose their proportion.

    Args:
        eps: keeps the denominator from 0.
        scale: whether each layer's relevance is divided by its largest absolute value.

    Raises:
        LRPError: ``eps`` is not a finite number above 0.

    Source: Krug & Stober 2018, the definition of relevance and its scaling.
    """

    spans_batch_norm: ClassVar = True

    def __init__(self, eps: float = 1e-21, scale: bool = True) -> None:
        self.eps, self.scale = finite("eps", eps, above=0), scale

    def backward(self, layer: Layer, c: Tensor) -> Tensor:
        """``c_in = w^T [c_out bn(z) sgn(bn(z)) / (|z| + eps)]``, scaled."""
        inner = layer.inner if isinstance(layer, Merged) else layer
        z = layer.z if inner is layer else inner.z
        eps = max(self.eps, torch.finfo(z.dtype).tiny)
        share = layer.z.abs().mul_(c).div_(z.abs().add_(eps))
        passed = inner.transpose(share)
        if self.scale:
            passed = passed.div_(_largest(passed * layer.x))
        return passed

    def __repr__(self) -> str:
        return f"SignCorrected({self.eps:g}, scale={self.scale})"


def _largest(relevance: Tensor) -> Tensor:
    """The largest absolute value of each example, or 1 where all are 0; broadcasts."""
    largest = relevance.abs_().flatten(1).amax(1)
    largest = torch.where(largest == 0, 1, largest)
    return largest.reshape(-1, *[1] * (relevance.dim() - 1))
