"""The table of known operations: torch function -> how it goes on the tape.

An operation that is not here raises ``NotExplainable``. A handler takes the tracer and
the call, computes the result, records the way back, and returns what the model sees.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.lrp.operations import normalisation
from speechlrp.lrp.operations.activations import dropout, in_place_relu, relu
from speechlrp.lrp.operations.affine import average, weighted
from speechlrp.lrp.operations.arithmetic import divided, in_place, scaled
from speechlrp.lrp.operations.gradient import gradient, moved, winner
from speechlrp.lrp.operations.names import AVERAGES, NORMS, WEIGHTED

Handler = Callable[[Any, Any], Any]

HANDLERS: dict[Callable[..., Any], Handler] = {}


def _forms(name: str) -> list[Callable[..., Any]]:
    """The torch functions of a name: ``torch.x``, ``torch.nn.functional.x``, ``Tensor.x``."""
    forms = [getattr(home, name, None) for home in (torch, functional, Tensor)]
    return [form for form in forms if callable(form)]


def _register(handler: Handler, names: str) -> None:
    for name in names.split():
        HANDLERS.update(dict.fromkeys(_forms(name), handler))


for _name in WEIGHTED:
    _register(weighted, _name)
for _name in AVERAGES:
    _register(average, _name)
HANDLERS.update((getattr(functional, name), getattr(normalisation, name)) for name in NORMS)

_register(relu, "relu")
_register(in_place_relu, "relu_")
_register(dropout, "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout")

# Numbers that only move, and what each one holds with them.
_register(winner, "max_pool1d max_pool2d max_pool3d")
_register(winner, "adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d")
_register(moved, "flatten unflatten view view_as reshape reshape_as squeeze unsqueeze")
_register(moved, "permute transpose swapaxes swapdims movedim moveaxis t contiguous clone")
_register(moved, "chunk split tensor_split unbind narrow select")
_register(moved, "cat concat concatenate stack hstack vstack flip roll")
_register(moved, "expand expand_as repeat __getitem__ pad to float double half bfloat16")
# Homogeneous of degree one and without a bias: the gradient is LRP-0 and loses nothing.
_register(gradient, "sum mean neg negative")
# A constant that is added counts as a bias and absorbs its share.
_register(gradient, "add sub subtract __radd__ __rsub__")
_register(in_place, "add_ sub_ subtract_ mul_ multiply_ div_ divide_ neg_")
_register(in_place, "__iadd__ __isub__ __imul__ __itruediv__ __idiv__")
_register(scaled, "mul multiply __rmul__")
_register(divided, "div divide true_divide __truediv__ __div__")
HANDLERS.update(dict.fromkeys((Tensor.T.__get__, Tensor.mT.__get__), moved))

_READ_ONLY = "shape dtype device ndim layout requires_grad is_leaf is_cuda is_cpu is_mps is_meta "
_READ_ONLY += "is_sparse is_quantized is_nested itemsize nbytes names"
_ASKING = "size dim ndimension numel nelement stride element_size is_contiguous get_device "
_ASKING += "is_floating_point is_complex is_tensor is_same_size is_inference __len__ __hash__ "
_ASKING += "zeros_like ones_like full_like new_zeros new_ones new_full"
HARMLESS: frozenset[Callable[..., Any]] = frozenset(
    [getattr(Tensor, name).__get__ for name in _READ_ONLY.split() if hasattr(Tensor, name)]
    + [form for name in _ASKING.split() for form in _forms(name)]
)
"""Reads that tell the model nothing of the numbers."""
