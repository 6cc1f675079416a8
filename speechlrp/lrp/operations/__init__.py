"""The table of known operations: torch function -> how it goes on the tape.

An operation that is not here raises ``NotExplainable``. A handler takes the recorder and
the call, computes the result, records the way back, and returns what the model sees.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.lrp.constants import forms
from speechlrp.lrp.operations import activations, affine, arithmetic, last, normalisation, recurrent
from speechlrp.lrp.operations import gradient as linear
from speechlrp.lrp.operations import multiplied as products
from speechlrp.lrp.operations.arithmetic import in_place
from speechlrp.lrp.operations.attention import attention
from speechlrp.lrp.operations.gradient import gradient, linear_with, moved
from speechlrp.lrp.selectors import AVERAGES, NORMS, WEIGHTED

Handler = Callable[[Any, Any], Any]

_TABLE: tuple[tuple[Handler, str], ...] = (
    # Layers: the rule decides.
    (products.weighted, " ".join(WEIGHTED)),
    (affine.average, " ".join(AVERAGES)),
    (products.matmul, "matmul mm bmm mv dot inner outer ger tensordot __matmul__ __rmatmul__"),
    (products.added_product, "addmm addmv baddbmm addbmm"),
    (products.einsum, "einsum"),
    # Number by number: relevance passes on, R_in = R_out.
    (activations.relu, "relu"),
    (
        activations.activation,
        """leaky_relu prelu elu selu celu relu6 gelu silu mish softplus softsign hardswish
        hardsigmoid hardshrink softshrink tanhshrink sqrt rsqrt square reciprocal nan_to_num
        exp exp2 expm1 log2 log10 log1p sin cos tan asin arcsin acos arccos atan arctan sinh cosh
        tanh asinh arcsinh acosh arccosh atanh arctanh erf erfc erfinv sinc digamma i0 logit
        sign sgn""",
    ),
    (last.logarithm, "log"),
    (arithmetic.magnitude, "abs absolute __abs__"),
    (activations.threshold, "threshold"),
    (activations.clamp, "clamp clip clamp_min clamp_max hardtanh"),
    (activations.power, "pow __pow__ __rpow__"),
    (
        activations.dropout,
        "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout",
    ),
    # Numbers that only move, and what each one holds with them.
    (last.rearranged, "flatten unflatten ravel view reshape squeeze unsqueeze permute transpose"),
    (last.rearranged, "swapaxes swapdims movedim moveaxis t contiguous clone"),
    (
        moved,
        """max_pool1d max_pool2d max_pool3d
        max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices
        adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d
        adaptive_max_pool1d_with_indices adaptive_max_pool2d_with_indices
        adaptive_max_pool3d_with_indices
        max min amax amin maximum minimum fmax fmin topk sort msort kthvalue median cummax cummin
        view_as reshape_as chunk split split_with_sizes tensor_split hsplit vsplit dsplit unbind
        narrow select diagonal index_select gather take_along_dim __getitem__ unfold masked_select
        cat concat concatenate stack hstack vstack dstack column_stack row_stack block_diag
        flip fliplr flipud roll rot90 diag diag_embed atleast_1d atleast_2d atleast_3d
        expand expand_as broadcast_to broadcast_tensors meshgrid repeat repeat_interleave tile pad
        index_fill masked_scatter slice_scatter select_scatter diagonal_scatter
        where masked_fill tril triu positive fftshift ifftshift
        pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle
        to as_tensor float double half bfloat16 type_as cpu cuda""",
    ),
    (linear.scattered, "scatter scatter_add scatter_reduce"),
    (linear.put, "index_put"),
    (linear.written, "index_copy max_unpool1d max_unpool2d max_unpool3d"),
    (affine.resized, "interpolate upsample upsample_nearest"),
    # Homogeneous of degree one and without a bias: the gradient is LRP-0 and loses nothing.
    (gradient, "sum mean nansum nanmean trace neg negative cumsum diff fold std std_mean hypot"),
    (gradient, "quantile nanquantile affine_grid sum_to_size index_add"),
    (linear.interpolated, "lerp"),
    (linear_with("places that depend"), "grid_sample grid_sampler trapezoid trapz"),
    # A soft maximum: its first-order expansion, whose constant absorbs as a bias does.
    (gradient, "logsumexp logaddexp logcumsumexp"),
    (linear.norm, "norm vector_norm cdist pairwise_distance dist"),
    (affine.lp_pool, "lp_pool1d lp_pool2d lp_pool3d"),
    (linear.quadratic, "var var_mean"),
    (linear.multiplied_out, "prod"),
    # A constant that is added counts as a bias and absorbs its share.
    (arithmetic.added, "add __radd__"),
    (gradient, "sub subtract rsub __rsub__"),
    (arithmetic.scaled, "mul multiply __rmul__"),
    (arithmetic.divided, "div divide true_divide __truediv__ __div__ __rtruediv__ __rdiv__"),
    # Fixed linear transforms, and complex numbers as pairs of real ones.
    (
        linear_with("a window that depends"),
        """stft istft fft ifft rfft irfft hfft ihfft fft2 ifft2 rfft2 irfft2
        fftn ifftn rfftn irfftn""",
    ),
    (gradient, "view_as_real view_as_complex complex real imag conj conj_physical resolve_conj"),
    (gradient, "resolve_neg adjoint"),
    (linear_with("a phase that depends", "abs"), "polar"),
    # Two factors that depend on the input: a rule for products decides. The rest is made of these.
    (products.glu, "glu"),
    (products.bilinear, "bilinear"),
    (arithmetic.added_factors, "addcmul"),
    (attention, "scaled_dot_product_attention"),
    # Where the model ends in them, relevance starts at the logits.
    (last.softmax, "softmax log_softmax"),
    (last.sigmoid, "sigmoid expit logsigmoid"),
)

_APART = (products.added_product, activations.dropout, last.rearranged)
"""Handlers that do not serve for what torch also does under the old tensor, by a ``_`` behind the
name."""

HANDLERS: dict[Callable[..., Any], Handler] = {}
for _handler, _names in _TABLE:
    for _name in _names.split():
        HANDLERS.update(dict.fromkeys(forms(_name), _handler))
        if _handler not in _APART:
            HANDLERS.update(dict.fromkeys(forms(f"{_name}_"), in_place(_handler)))
for _handler, _names in (
    (in_place(activations.power), "__ipow__"),
    (in_place(arithmetic.added), "__iadd__"),
    (in_place(gradient), "__isub__"),
    (in_place(arithmetic.scaled), "__imul__"),
    (in_place(arithmetic.divided), "__itruediv__ __idiv__"),
    (in_place(moved), "copy_ fill_ zero_"),
    (in_place(linear.written, arithmetic.assigned), "__setitem__"),
    (arithmetic.reshaped, "unsqueeze_ squeeze_ transpose_ t_ swapaxes_ swapdims_"),
    (moved, "as_strided"),  # whose other form would change what the numbers' places are
):
    HANDLERS.update(dict.fromkeys(forms(_names), _handler))
HANDLERS.update((getattr(functional, name), getattr(normalisation, name)) for name in NORMS)
HANDLERS.update(recurrent.handlers())
# The stubs know these descriptors for the tensors that they give.
_FORMS: tuple[tuple[Any, Handler], ...] = (
    (functional.rrelu, activations.activation),
    (Tensor.type, linear.typed),
    (Tensor.T.__get__, last.rearranged),  # type: ignore[attr-defined]
    (Tensor.mT.__get__, last.rearranged),  # type: ignore[attr-defined]
    *((part.__get__, gradient) for part in (Tensor.real, Tensor.imag, Tensor.H, Tensor.mH)),  # type: ignore[attr-defined]
    (torch.cosine_similarity, products.cosine_similarity),
    (functional.cosine_similarity, products.cosine_similarity),
    (torch._C._nn.pad_sequence, moved),
)
HANDLERS.update(_FORMS)

LAYERS: frozenset[Callable[..., Any]] = frozenset(
    forms(" ".join(WEIGHTED) + " matmul mm addmm __matmul__ __rmatmul__")
)
"""What makes a signal, even of constants."""
