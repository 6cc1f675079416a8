"""The table of known operations: torch function -> how it goes on the tape.

An operation that is not here raises ``NotExplainable``. A handler takes the recorder and
the call, computes the result, records the way back, and returns what the model sees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.lrp.constants import forms
from speechlrp.lrp.operations import normalisation
from speechlrp.lrp.operations.activations import (
    activation,
    clamp,
    dropout,
    hardtanh,
    power,
    relu,
    threshold,
)
from speechlrp.lrp.operations.affine import average, weighted
from speechlrp.lrp.operations.arithmetic import (
    added,
    added_factors,
    assigned,
    divided,
    divided_by,
    in_place,
    reshaped,
    scaled,
)
from speechlrp.lrp.operations.attention import attention
from speechlrp.lrp.operations.complex_numbers import magnitude, polar, transform
from speechlrp.lrp.operations.gradient import (
    gradient,
    linear_in_first,
    moved,
    norm,
    scattered,
    typed,
    variance,
)
from speechlrp.lrp.operations.last import logarithm, rearranged, sigmoid, softmax
from speechlrp.lrp.operations.matrix_products import added_product, einsum, matmul
from speechlrp.lrp.operations.multiplied import bilinear, cosine_similarity, glu
from speechlrp.lrp.operations.pools import lp_pool, resized
from speechlrp.lrp.operations.recurrent import handlers as recurrent_handlers
from speechlrp.lrp.operations.stand_ins import AVERAGES, NORMS, WEIGHTED
from speechlrp.lrp.operations.written import written_out

Handler = Callable[[Any, Any], Any]

HANDLERS: dict[Callable[..., Any], Handler] = {}


def _register(handler: Handler, names: str) -> None:
    for name in names.split():
        HANDLERS.update(dict.fromkeys(forms(name), handler))


# Layers: the rule decides.
for _name in WEIGHTED:
    _register(weighted, _name)
for _name in AVERAGES:
    _register(average, _name)
HANDLERS.update((getattr(functional, name), getattr(normalisation, name)) for name in NORMS)
_register(matmul, "matmul mm bmm mv dot inner outer ger tensordot __matmul__ __rmatmul__")
LAYERS: frozenset[Callable[..., Any]] = frozenset(
    forms(" ".join(WEIGHTED) + " matmul mm addmm __matmul__ __rmatmul__")
)
"""What makes a signal, even of constants."""
_register(added_product, "addmm addmv baddbmm addbmm")
_register(einsum, "einsum")

# Number by number: relevance passes on, R_in = R_out.
_ACTIVATIONS = "leaky_relu elu selu celu relu6 tanh"
_register(relu, "relu")
_register(
    activation, "prelu gelu silu mish softplus softsign hardswish hardsigmoid " + _ACTIVATIONS
)
_register(activation, "sqrt square nan_to_num hardshrink softshrink tanhshrink")
_SMOOTH = "exp exp2 expm1 log2 log10 log1p sin cos tan asin arcsin acos arccos atan arctan sinh "
_SMOOTH += "cosh asinh arcsinh acosh atanh arctanh erf erfc rsqrt reciprocal"
_register(activation, f"{_SMOOTH} sinc erfinv digamma i0")
_register(logarithm, "log")
_register(magnitude, "abs absolute __abs__")
HANDLERS[functional.rrelu] = activation
_register(hardtanh, "hardtanh")
_register(threshold, "threshold")
_register(clamp, "clamp clip clamp_min clamp_max")
_register(power, "pow __pow__")
_register(dropout, "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout")

# Numbers that only move, and what each one holds with them.
_MAX_POOLS = [f"{kind}max_pool{n}d" for kind in ("", "adaptive_") for n in (1, 2, 3)]
_register(moved, " ".join([*_MAX_POOLS, *(f"{name}_with_indices" for name in _MAX_POOLS)]))
_register(moved, "max min amax amin maximum minimum fmax fmin topk sort kthvalue median")
_register(rearranged, "flatten unflatten ravel view reshape squeeze unsqueeze")
_register(rearranged, "permute transpose swapaxes swapdims movedim moveaxis t contiguous clone")
_register(moved, "view_as reshape_as")
_register(moved, "chunk split tensor_split unbind narrow select diagonal index_select gather")
_register(moved, "cat concat concatenate stack hstack vstack dstack flip fliplr flipud roll rot90")
_register(moved, "expand expand_as broadcast_to repeat repeat_interleave tile __getitem__ pad")
_register(scattered, "scatter index_put")
_register(moved, "index_copy index_fill masked_scatter slice_scatter select_scatter")
_register(moved, "diag diag_embed hsplit vsplit dsplit split_with_sizes column_stack row_stack")
_register(moved, "broadcast_tensors meshgrid block_diag msort positive")
_register(moved, "diagonal_scatter as_strided atleast_1d atleast_2d atleast_3d")
_register(gradient, "index_add scatter_add")
_register(moved, "where masked_fill masked_select tril triu unfold take_along_dim")
_register(moved, "pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle")
_register(moved, "to as_tensor float double half bfloat16 type_as cpu cuda")
HANDLERS[Tensor.type] = typed
_register(resized, "interpolate upsample upsample_nearest")
# Homogeneous of degree one and without a bias: the gradient is LRP-0 and loses nothing.
_register(gradient, "sum mean nansum nanmean trace neg negative cumsum diff fold std std_mean")
_register(linear_in_first, "lerp grid_sample grid_sampler")
# A soft maximum: its first-order expansion, whose constant absorbs as a bias does.
_register(gradient, "logsumexp logaddexp logcumsumexp")
_register(norm, "norm vector_norm")
_register(lp_pool, "lp_pool1d lp_pool2d lp_pool3d")
_register(variance, "var var_mean")
# A constant that is added counts as a bias and absorbs its share.
_register(added, "add __radd__")
_register(gradient, "sub subtract rsub __rsub__")
_register(scaled, "mul multiply __rmul__")
_register(divided, "div divide true_divide __truediv__ __div__")
_register(divided_by, "__rtruediv__ __rdiv__")
# The stubs know these descriptors for the tensors that they give.
HANDLERS.update(dict.fromkeys((Tensor.T.__get__, Tensor.mT.__get__), rearranged))  # type: ignore[attr-defined]

# Fixed linear transforms, and complex numbers as pairs of real ones.
_register(transform, "stft istft fft ifft rfft irfft hfft ihfft")
_register(transform, "fft2 ifft2 rfft2 irfft2 fftn ifftn rfftn irfftn")
_register(
    gradient, "view_as_real view_as_complex complex real imag conj conj_physical resolve_conj"
)
_register(gradient, "adjoint resolve_neg hypot")
_register(moved, "fftshift ifftshift")
_register(polar, "polar")
_PARTS: tuple[Any, ...] = (Tensor.real, Tensor.imag, Tensor.H, Tensor.mH)
HANDLERS.update((part.__get__, gradient) for part in _PARTS)

# Two factors that depend on the input: a rule for products decides. The rest is made of these.
_register(glu, "glu")
_register(bilinear, "bilinear")
HANDLERS[torch.cosine_similarity] = HANDLERS[functional.cosine_similarity] = cosine_similarity
_register(added_factors, "addcmul")
_register(in_place(added_factors), "addcmul_")
_register(attention, "scaled_dot_product_attention")
_IN_PYTHON: tuple[Any, ...] = (
    functional.multi_head_attention_forward,
    functional.local_response_norm,
    functional.softmin,
)
HANDLERS.update((function, written_out(function)) for function in _IN_PYTHON)
HANDLERS.update(recurrent_handlers())
HANDLERS[torch._C._nn.pad_sequence] = moved

# Where the model ends in them, relevance starts at the logits.
_register(softmax, "softmax log_softmax")
_register(sigmoid, "sigmoid expit logsigmoid")

# In place: as out of place, under the old tensor.
_register(in_place(relu), "relu_")
_register(in_place(activation), " ".join(f"{name}_" for name in _ACTIVATIONS.split()))
_register(in_place(activation), "sqrt_ square_ nan_to_num_")
_register(in_place(activation), " ".join(f"{name}_" for name in _SMOOTH.split()))
_register(in_place(logarithm), "log_")
_register(in_place(sigmoid), "sigmoid_")
_register(in_place(magnitude), "abs_ absolute_")
_register(in_place(hardtanh), "hardtanh_")
_register(in_place(threshold), "threshold_")
_register(in_place(clamp), "clamp_ clip_ clamp_min_ clamp_max_")
_register(in_place(power), "pow_ __ipow__")
_register(in_place(added), "add_ __iadd__")
_register(in_place(gradient), "sub_ subtract_ neg_ negative_ cumsum_ __isub__")
_register(in_place(scaled), "mul_ multiply_ __imul__")
_register(in_place(divided), "div_ divide_ true_divide_ __itruediv__ __idiv__")
_register(in_place(moved), "masked_fill_ copy_ tril_ triu_")
_register(in_place(moved, assigned), "__setitem__")
_register(in_place(moved), "index_copy_ index_fill_ masked_scatter_")
_register(in_place(scattered), "scatter_ index_put_")
_register(in_place(gradient), "index_add_ scatter_add_")
_register(reshaped, "unsqueeze_ squeeze_ transpose_ t_ swapaxes_ swapdims_")
