"""What a model may ask of a watched tensor without anything coming from its numbers.

Or nothing that carries relevance: a comparison's mask is a constant, as the pattern of a
ReLU is, whose gradient is zero wherever it has one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_HOMES = (torch, functional, Tensor, torch.special, torch.linalg, torch.fft)

Function = Callable[..., Any]


def forms(names: str) -> list[Function]:
    """The torch functions of some names: ``torch.x``, ``F.x``, ``Tensor.x`` and so on."""
    functions = [getattr(home, name, None) for name in names.split() for home in _HOMES]
    return [form for form in functions if callable(form)]


def getters(names: str) -> list[Function]:
    """The functions behind attributes of a tensor."""
    return [getattr(Tensor, name).__get__ for name in names.split() if hasattr(Tensor, name)]


READS: frozenset[Function] = frozenset(
    getters(
        "shape dtype device ndim layout requires_grad is_leaf is_cuda is_cpu is_mps is_meta "
        "is_sparse is_quantized is_nested itemsize nbytes names grad grad_fn retains_grad"
    )
    + forms(
        "size dim ndimension numel nelement stride element_size is_contiguous get_device "
        "storage_offset is_floating_point is_complex is_conj is_neg is_signed is_inference "
        "is_tensor __len__ __hash__"
    )
)
"""Questions about the tensor itself."""

MASKS: frozenset[Function] = frozenset(
    [
        *forms(
            "eq ne lt le gt ge equal greater greater_equal less less_equal not_equal "
            "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ isnan isinf isfinite isneginf isposinf "
            "isclose allclose logical_and logical_or logical_xor logical_not signbit any all "
            "bool is_same_size result_type is_nonzero __bool__"
        ),
        torch._nested_tensor_from_mask_left_aligned,  # of a mask: may torch leave out its padding?
    ]
)
"""Comparisons and what else answers yes or no."""

LIKE: frozenset[Function] = frozenset(
    forms(
        "zeros_like ones_like full_like empty_like rand_like randn_like randint_like "
        "new_zeros new_ones new_full new_empty new_tensor new_empty_strided"
    )
)
"""New tensors after the pattern of the first argument."""

PATTERNS: frozenset[Function] = frozenset(
    forms("to type_as expand_as view_as reshape_as resize_as_")
)
"""A tensor, the first argument, brought to the type, device or shape of another."""


def takes_no_numbers(function: Function, first: bool, others: bool) -> bool:
    """Whether a call's result is a constant.

    Args:
        function: what is called.
        first: whether its first argument depends on the input.
        others: whether any other does.
    """
    if function in MASKS:
        return True
    return (function in LIKE and not others) or (function in PATTERNS and not first)
