"""Ready composites: the papers' assignments, and those that are customary.

The customary ones have zennit's parameters. Where a batch norm follows a convolution they
merge it, as zennit's users do with a canonizer; a batch norm that stands alone passes
relevance on (``Pass``). Sums and average pools follow their gradient, which is zennit's
norm without its stabiliser. In all of them "convolution" means transposed ones, too.

Every preset takes two options more: ``products``, the rule for products of two tensors of the
input, ``"signal_takes_all"`` (gates and attention weights are constants) or ``"uniform"``, the
default of ``attnlrp`` alone; and ``constant_mean``, whether the means of layer, group and
instance norms are constants.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from types import MappingProxyType
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm
from torch.nn.modules.conv import _ConvNd as Convolution

from speechlrp.lrp.composite import Composite
from speechlrp.lrp.errors import LRPError
from speechlrp.lrp.rules import (
    AlphaBeta,
    Epsilon,
    Flat,
    Gamma,
    Pass,
    Rule,
    SignCorrected,
    Uniform,
    ZBox,
    Zero,
    ZPlus,
)
from speechlrp.lrp.rules.z_box import Bound
from speechlrp.lrp.selectors import All, Depth, First, Selector

Pairs = list[tuple[Selector, Rule]]


def thesis_alexnet(epsilon: float = 0.8) -> Composite:
    """LRP-0 in dense layers, LRP-epsilon in convolutions; average pools follow their gradient.

    For AlexNet-like networks on spectrograms. Source: T 6.1, with epsilon 0.8 "elsewhere",
    which we read as the convolutions: a pool to the size that there is already would
    otherwise absorb relevance by doing nothing.
    """
    return Composite([(nn.Linear, Zero()), (Convolution, Epsilon(epsilon))])


def resnet_zero() -> Composite:
    """LRP-0 everywhere, batch norms by T 3.16 included.

    The speaker model's baseline: noisy, with a checkerboard. Source: T 6.3 (a).
    """
    return Composite([(nn.Module, Zero())])


def resnet_eps(epsilon: float = 0.5, merge_batch_norm: bool = False) -> Composite:
    """LRP-0 in dense layers, 1-D batch norm and pooling; LRP-epsilon below.

    LRP-epsilon is that of convolutions and 2-D batch norms (T 3.16 with a stabiliser).
    For the speaker model where flipping shall find what speaks for a speaker. Merging
    the norms is not the thesis's way. Source: T 6.3 (b); epsilon 0.5 in its text, 0.8 in
    its captions.
    """
    return Composite(_speaker(Epsilon(epsilon)), merge_batch_norm=merge_batch_norm)


def resnet_eps_gamma(
    epsilon: float = 0.5,
    gamma: float = 5.0,
    depth: float = 1 / 3,
    merge_batch_norm: bool = False,
) -> Composite:
    """As ``resnet_eps``, with LRP-gamma in the convolutions nearest the input.

    ``depth`` is their part of all layers; batch norms keep LRP-epsilon. The least noisy of
    the three, above all on what speaks against the speaker. Source: T 6.3 (c).
    """
    first: Pairs = [(All(Convolution, Depth(0, depth)), Gamma(gamma))]
    return Composite(first + _speaker(Epsilon(epsilon)), merge_batch_norm=merge_batch_norm)


def navai(eps: float = 1e-21, scale: bool = True) -> Composite:
    """The sign-corrected rule in every dense layer and convolution, over its batch norm.

    For Wav2Letter and the averages of NAvAI. Only proportions within an example have a
    meaning. Source: Krug & Stober 2018.
    """
    rule = SignCorrected(eps, scale)
    return Composite([(Convolution, rule), (nn.Linear, rule)])


def gradient_x_input() -> Composite:
    """LRP-0 everywhere: gradient times input, for networks of ReLUs. The baseline to beat.

    Source: Shrikumar et al. 2016, "Not just a black box", for the equality.
    """
    return Composite([(nn.Module, Zero())])


def epsilon(epsilon: float = 1e-6, merge_batch_norm: bool = True) -> Composite:
    """LRP-epsilon everywhere, in average pools and norms too, as captum does.

    With a small epsilon, gradient times input without its poles; a larger one is quieter.
    Source: Bach et al. 2015.
    """
    return Composite([(nn.Module, Epsilon(epsilon))], merge_batch_norm=merge_batch_norm)


def epsilon_plus(
    epsilon: float = 1e-6, stabilizer: float = 1e-6, merge_batch_norm: bool = True
) -> Composite:
    """LRP-z+ in convolutions, LRP-epsilon in dense layers.

    Smooth; below the dense layers nothing new speaks against the decision. The customary
    first choice for image networks. Source: Montavon et al. 2019.
    """
    return _customary(ZPlus(stabilizer), epsilon, merge_batch_norm)


def epsilon_plus_flat(
    epsilon: float = 1e-6, stabilizer: float = 1e-6, merge_batch_norm: bool = True
) -> Composite:
    """As ``epsilon_plus``, with LRP-flat in the first layer: where, not which values.

    Source: Lapuschkin et al. 2019, "Unmasking Clever Hans predictors".
    """
    first: Pairs = [(First(), Flat(stabilizer))]
    return _customary(ZPlus(stabilizer), epsilon, merge_batch_norm, first)


def epsilon_gamma(
    epsilon: float = 1e-6,
    gamma: float = 0.25,
    stabilizer: float = 1e-6,
    merge_batch_norm: bool = True,
) -> Composite:
    """LRP-gamma in convolutions, LRP-epsilon in dense layers.

    Between ``epsilon`` and ``epsilon_plus``: less noise than the one, and evidence against
    that the other hides. Source: Montavon et al. 2019.
    """
    return _customary(Gamma(gamma, stabilizer), epsilon, merge_batch_norm)


def epsilon_gamma_box(
    low: Bound,
    high: Bound,
    epsilon: float = 1e-6,
    gamma: float = 0.25,
    stabilizer: float = 1e-6,
    merge_batch_norm: bool = True,
) -> Composite:
    """As ``epsilon_gamma``, with z-box in the first layer if that is a convolution.

    For inputs between known bounds, as pixels or decibels above a floor; see ``ZBox`` for
    ``low`` and ``high``. Source: Montavon et al. 2019.
    """
    first: Pairs = [(All(Convolution, First()), ZBox(low, high, stabilizer))]
    return _customary(Gamma(gamma, stabilizer), epsilon, merge_batch_norm, first)


def epsilon_alpha2_beta1(
    epsilon: float = 1e-6, stabilizer: float = 1e-6, merge_batch_norm: bool = True
) -> Composite:
    """LRP-alpha-beta (2, 1) in convolutions, LRP-epsilon in dense layers.

    Shows evidence against in a fixed proportion to that for. Source: Bach et al. 2015.
    """
    return _customary(AlphaBeta(2, 1, stabilizer), epsilon, merge_batch_norm)


def epsilon_alpha2_beta1_flat(
    epsilon: float = 1e-6, stabilizer: float = 1e-6, merge_batch_norm: bool = True
) -> Composite:
    """As ``epsilon_alpha2_beta1``, with LRP-flat in the first layer.

    Source: Lapuschkin et al. 2019, "Unmasking Clever Hans predictors".
    """
    first: Pairs = [(First(), Flat(stabilizer))]
    return _customary(AlphaBeta(2, 1, stabilizer), epsilon, merge_batch_norm, first)


def attnlrp(epsilon: float = 1e-6, merge_batch_norm: bool = True) -> Composite:
    """LRP-epsilon in all layers; products in equal halves, softmaxes by their expansion.

    For transformers: what queries and keys look for is explained along with what is passed.
    Not for recurrent networks, where halves grow with every step. Source: Achtibat et al.
    2024, "AttnLRP: attention-aware layer-wise relevance propagation for transformers".
    """
    return _customary(Epsilon(epsilon), epsilon, merge_batch_norm)


def cp_lrp(epsilon: float = 1e-6, merge_batch_norm: bool = True) -> Composite:
    """LRP-epsilon in all layers; attention weights and gates are constants.

    For transformers and recurrent networks: quieter than ``attnlrp``, but for what decided
    where to look. Source: Ali et al. 2022, "XAI for transformers: better explanations through
    conservative propagation"; for gates Arras et al. 2017.
    """
    return _customary(Epsilon(epsilon), epsilon, merge_batch_norm)


def _speaker(rule: Rule) -> Pairs:
    dense: Pairs = [(nn.Linear, Zero()), (nn.BatchNorm1d, Zero())]
    return [*dense, (Convolution, rule), (BatchNorm, rule)]


def _customary(
    convolution: Rule, epsilon: float, merge_batch_norm: bool, first: Pairs | None = None
) -> Composite:
    pairs: Pairs = [
        *(first or []),
        (Convolution, convolution),
        (nn.Linear, Epsilon(epsilon)),
        (BatchNorm, Pass()),
    ]
    return Composite(pairs, merge_batch_norm=merge_batch_norm)


def _with_options(
    preset: Callable[..., Composite], default: str = "signal_takes_all"
) -> Callable[..., Composite]:
    """The preset with the options ``products``, by default as given, and ``constant_mean``."""

    @wraps(preset)
    def make(
        *args: Any, products: str = default, constant_mean: bool = False, **options: Any
    ) -> Composite:
        if products not in ("signal_takes_all", "uniform"):
            raise LRPError(f"products must be signal_takes_all or uniform; found {products!r}")
        made = preset(*args, **options)
        first: Pairs = [(nn.Module, Uniform())] if products == "uniform" else []
        return Composite(
            [*first, *made.rules],
            merge_batch_norm=made.merge_batch_norm,
            constant_mean=constant_mean,
            general=True,
        )

    signature, more = inspect.signature(preset), inspect.signature(make, follow_wrapped=False)
    added = [more.parameters[name] for name in ("products", "constant_mean")]
    parameters = [*signature.parameters.values(), *added]
    shown: Any = make
    shown.__signature__ = signature.replace(parameters=parameters)
    return make


_PLAIN = (
    thesis_alexnet,
    resnet_zero,
    resnet_eps,
    resnet_eps_gamma,
    navai,
    gradient_x_input,
    epsilon,
    epsilon_plus,
    epsilon_plus_flat,
    epsilon_gamma,
    epsilon_gamma_box,
    epsilon_alpha2_beta1,
    epsilon_alpha2_beta1_flat,
    cp_lrp,
)
PRESETS: MappingProxyType[str, Callable[..., Composite]] = MappingProxyType(
    {preset.__name__: _with_options(preset) for preset in _PLAIN}
    | {"attnlrp": _with_options(attnlrp, "uniform")}
)
"""Name -> function of options that makes the composite."""
