"""Ready composites: the papers' assignments, and those that are customary.

The customary ones have zennit's parameters. Where a batch norm follows a convolution they
merge it, as zennit's users do with a canonizer; a batch norm that stands alone passes
relevance on (``Pass``). Sums and average pools follow their gradient, which is zennit's
norm without its stabiliser. In all of them "convolution" means transposed ones, too.

Every preset takes two options more: ``products``, the rule for products of two tensors of the
input, ``"signal_takes_all"`` (gates and attention weights are constants) or ``"uniform"``, the
default of ``attnlrp`` alone; and ``constant_mean``, whether the means of layer, group and
instance norms are constants. Most take a third, ``merge_batch_norm``.
"""

import inspect
from collections.abc import Callable
from functools import wraps
from types import MappingProxyType
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm
from torch.nn.modules.conv import _ConvNd as Convolution

from speechlrp.lrp.composite import Composite
from speechlrp.lrp.refusals import LRPError
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
_presets: dict[str, Callable[..., Composite]] = {}
PRESETS = MappingProxyType(_presets)
"""Name -> function of options that makes the composite."""


def _preset(
    merge: bool | None = True, products: str = "signal_takes_all"
) -> Callable[[Callable[..., Pairs]], Callable[..., Composite]]:
    """Register what gives pairs as a preset, with the options that all have.

    ``merge`` is the default of ``merge_batch_norm``; with ``None`` that is no option.
    """
    common = {"products": products, "constant_mean": False}
    common |= {} if merge is None else {"merge_batch_norm": merge}

    def register(pairs: Callable[..., Pairs]) -> Callable[..., Composite]:
        @wraps(pairs)
        def make(*args: Any, **options: Any) -> Composite:
            settings = {key: options.pop(key, value) for key, value in common.items()}
            chosen = settings.pop("products")
            if chosen not in ("signal_takes_all", "uniform"):
                raise LRPError(f"products must be signal_takes_all or uniform; found {chosen!r}")
            first: Pairs = [(nn.Module, Uniform())] if chosen == "uniform" else []
            return Composite([*first, *pairs(*args, **options)], general=True, **settings)

        signature, kind = inspect.signature(pairs), inspect.Parameter.KEYWORD_ONLY
        added = [inspect.Parameter(key, kind, default=value) for key, value in common.items()]
        parameters = [*signature.parameters.values(), *added]
        make.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        _presets[pairs.__name__] = make
        return make

    return register


@_preset(merge=None)
def thesis_alexnet(epsilon: float = 0.8) -> Pairs:
    """LRP-0 in dense layers, LRP-epsilon in convolutions; average pools follow their gradient.

    For AlexNet-like networks on spectrograms. Source: T 6.1, with epsilon 0.8 "elsewhere",
    which we read as the convolutions: a pool to the size that there is already would
    otherwise absorb relevance by doing nothing.
    """
    return [(nn.Linear, Zero()), (Convolution, Epsilon(epsilon))]


@_preset(merge=None)
def resnet_zero() -> Pairs:
    """LRP-0 everywhere, batch norms by T 3.16 included.

    The speaker model's baseline: noisy, with a checkerboard. Source: T 6.3 (a).
    """
    return [(nn.Module, Zero())]


@_preset(merge=False)
def resnet_eps(epsilon: float = 0.5) -> Pairs:
    """LRP-0 in dense layers, 1-D batch norm and pooling; LRP-epsilon below.

    LRP-epsilon is that of convolutions and 2-D batch norms (T 3.16 with a stabiliser).
    For the speaker model where flipping shall find what speaks for a speaker. Merging
    the norms is not the thesis's way. Source: T 6.3 (b); epsilon 0.5 in its text, 0.8 in
    its captions.
    """
    return _speaker(Epsilon(epsilon))


@_preset(merge=False)
def resnet_eps_gamma(epsilon: float = 0.5, gamma: float = 5.0, depth: float = 1 / 3) -> Pairs:
    """As ``resnet_eps``, with LRP-gamma in the convolutions nearest the input.

    ``depth`` is their part of all layers; batch norms keep LRP-epsilon. The least noisy of
    the three, above all on what speaks against the speaker. Source: T 6.3 (c).
    """
    first: Pairs = [(All(Convolution, Depth(0, depth)), Gamma(gamma))]
    return first + _speaker(Epsilon(epsilon))


@_preset(merge=None)
def navai(eps: float = 1e-21, scale: bool = True) -> Pairs:
    """The sign-corrected rule in every dense layer and convolution, over its batch norm.

    For Wav2Letter and the averages of NAvAI. Only proportions within an example have a
    meaning. Source: Krug & Stober 2018.
    """
    rule = SignCorrected(eps, scale)
    return [(Convolution, rule), (nn.Linear, rule)]


@_preset(merge=None)
def gradient_x_input() -> Pairs:
    """LRP-0 everywhere: gradient times input, for networks of ReLUs. The baseline to beat.

    Source: Shrikumar et al. 2016, "Not just a black box", for the equality.
    """
    return [(nn.Module, Zero())]


@_preset()
def epsilon(epsilon: float = 1e-6) -> Pairs:
    """LRP-epsilon everywhere, in average pools and norms too, as captum does.

    With a small epsilon, gradient times input without its poles; a larger one is quieter.
    Source: Bach et al. 2015.
    """
    return [(nn.Module, Epsilon(epsilon))]


@_preset()
def epsilon_plus(epsilon: float = 1e-6, stabilizer: float = 1e-6) -> Pairs:
    """LRP-z+ in convolutions, LRP-epsilon in dense layers.

    Smooth; below the dense layers nothing new speaks against the decision. The customary
    first choice for image networks. Source: Montavon et al. 2019.
    """
    return _customary(ZPlus(stabilizer), epsilon)


@_preset()
def epsilon_plus_flat(epsilon: float = 1e-6, stabilizer: float = 1e-6) -> Pairs:
    """As ``epsilon_plus``, with LRP-flat in the first layer: where, not which values.

    Source: Lapuschkin et al. 2019, "Unmasking Clever Hans predictors".
    """
    first: Pairs = [(First(), Flat(stabilizer))]
    return _customary(ZPlus(stabilizer), epsilon, first)


@_preset()
def epsilon_gamma(epsilon: float = 1e-6, gamma: float = 0.25, stabilizer: float = 1e-6) -> Pairs:
    """LRP-gamma in convolutions, LRP-epsilon in dense layers.

    Between ``epsilon`` and ``epsilon_plus``: less noise than the one, and evidence against
    that the other hides. Source: Montavon et al. 2019.
    """
    return _customary(Gamma(gamma, stabilizer), epsilon)


@_preset()
def epsilon_gamma_box(
    low: Bound, high: Bound, epsilon: float = 1e-6, gamma: float = 0.25, stabilizer: float = 1e-6
) -> Pairs:
    """As ``epsilon_gamma``, with z-box in the first layer if that is a convolution.

    For inputs between known bounds, as pixels or decibels above a floor; see ``ZBox`` for
    ``low`` and ``high``. Source: Montavon et al. 2019.
    """
    first: Pairs = [(All(Convolution, First()), ZBox(low, high, stabilizer))]
    return _customary(Gamma(gamma, stabilizer), epsilon, first)


@_preset()
def epsilon_alpha2_beta1(epsilon: float = 1e-6, stabilizer: float = 1e-6) -> Pairs:
    """LRP-alpha-beta (2, 1) in convolutions, LRP-epsilon in dense layers.

    Shows evidence against in a fixed proportion to that for. Source: Bach et al. 2015.
    """
    return _customary(AlphaBeta(2, 1, stabilizer), epsilon)


@_preset()
def epsilon_alpha2_beta1_flat(epsilon: float = 1e-6, stabilizer: float = 1e-6) -> Pairs:
    """As ``epsilon_alpha2_beta1``, with LRP-flat in the first layer.

    Source: Lapuschkin et al. 2019, "Unmasking Clever Hans predictors".
    """
    first: Pairs = [(First(), Flat(stabilizer))]
    return _customary(AlphaBeta(2, 1, stabilizer), epsilon, first)


@_preset(products="uniform")
def attnlrp(epsilon: float = 1e-6) -> Pairs:
    """LRP-epsilon in all layers; products in equal halves, softmaxes by their expansion.

    For transformers: what queries and keys look for is explained along with what is passed.
    Not for recurrent networks, where halves grow with every step. Source: Achtibat et al.
    2024, "AttnLRP: attention-aware layer-wise relevance propagation for transformers".
    """
    return _customary(Epsilon(epsilon), epsilon)


@_preset()
def cp_lrp(epsilon: float = 1e-6) -> Pairs:
    """LRP-epsilon in all layers; attention weights and gates are constants.

    For transformers and recurrent networks: quieter than ``attnlrp``, but for what decided
    where to look. Source: Ali et al. 2022, "XAI for transformers: better explanations through
    conservative propagation"; for gates Arras et al. 2017.
    """
    return _customary(Epsilon(epsilon), epsilon)


def _speaker(rule: Rule) -> Pairs:
    dense: Pairs = [(nn.Linear, Zero()), (nn.BatchNorm1d, Zero())]
    return [*dense, (Convolution, rule), (BatchNorm, rule)]


def _customary(convolution: Rule, epsilon: float, first: Pairs | None = None) -> Pairs:
    dense: Pairs = [(nn.Linear, Epsilon(epsilon)), (BatchNorm, Pass())]
    return [*(first or []), (Convolution, convolution), *dense]
