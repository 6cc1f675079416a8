"""What a model may not do with a watched tensor, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from speechlrp.lrp.constants import forms, getters

Refusal = tuple[str, str]

_LEAVES = (
    "takes the numbers out of torch, where they are out of sight,",
    "compute with tensors throughout, and let nothing in the model depend on single numbers",
)
_CUTS = (
    "cuts a tensor off from the input, which would make it a constant,",
    "leave it out: nothing is derived from the model's own graph",
)
_GRADIENT = (
    "asks autograd for a gradient inside the model, where there is no graph,",
    "explain the network without it",
)
_HOOK = (
    "hooks into the gradient of a tensor, and no gradient is taken,",
    "remove the hook (of Grad-CAM or the like) first",
)

REFUSALS: dict[Callable[..., Any], Refusal] = {
    **dict.fromkeys(
        forms(
            "numpy tolist item __float__ __int__ __index__ __complex__ __array__ __dlpack__ "
            "__repr__ __format__ __deepcopy__ __reduce_ex__ data_ptr untyped_storage storage"
        ),
        _LEAVES,
    ),
    **dict.fromkeys(forms("detach detach_ requires_grad_"), _CUTS),
    **dict.fromkeys(
        # The stubs know these descriptors for the attributes that they give.
        [*getters("data"), Tensor.data.__set__, Tensor.requires_grad.__set__, Tensor.set_],  # type: ignore[attr-defined]
        _CUTS,
    ),
    **dict.fromkeys([torch.autograd.grad, torch.autograd.backward, Tensor.backward], _GRADIENT),
    **dict.fromkeys(
        [
            Tensor.register_hook,
            Tensor.register_post_accumulate_grad_hook,
            Tensor.retain_grad,
        ],
        _HOOK,
    ),
}
"""Function -> what is wrong with calling it, and what to do instead."""

NUMBERS_ASKED_FOR = ("data pointer", "tensor subclass", "invalid python storage")
"""Torch's words where something that we don't see asks a watched tensor for its numbers."""
