"""What a model may ask of a watched tensor without any operation, and what it may not do with one.

A question reads none of its numbers, or nothing that carries relevance: a comparison's mask is a
constant, as the pattern of a ReLU is, whose gradient is zero wherever it has one.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.lrp.arguments import Call, tensors_in

_HOMES = (torch, functional, Tensor, torch.special, torch.linalg, torch.fft, torch.nn.init)

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
            "bool is_same_size result_type is_nonzero __bool__ __contains__ "
            "argmax argmin argsort nonzero argwhere count_nonzero bucketize searchsorted"
        ),
        torch._nested_tensor_from_mask_left_aligned,  # of a mask: may torch leave out its padding?
    ]
)
"""Comparisons and what else answers yes or no, or where."""

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

ASKED_WITHOUT_NUMBERS = MASKS | LIKE | PATTERNS
"""What may give a constant although an argument is watched."""


def takes_no_numbers(function: Function, first: bool, others: bool) -> bool:
    """Whether a call's result is a constant, if its ``first`` argument, or others, are watched."""
    if function in MASKS:
        return True
    return (function in LIKE and not others) or (function in PATTERNS and not first)


def under_a_name(operation: Function) -> Function:
    """``torch.mul`` for ``torch.ops.aten.mul``, whatever overload; of others the operation."""
    library, name, *_ = str(operation).split(".")
    # A function of Python's may take other arguments than the operation.
    compiled = (one for one in forms(name) if not hasattr(one, "__code__"))
    return next(compiled, operation) if library == "aten" else operation


Refusal = tuple[str, str]

_LEAVES = (
    "takes the numbers out of torch, where they are out of sight,",
    "compute with tensors throughout, and let nothing in the model depend on single numbers",
)
_CUTS = (
    "cuts a tensor off from the input, which would make it a constant,",
    "leave it out, or remove the hook that does it: nothing is derived from the model's own graph",
)
_GRADIENT = (
    "asks autograd for a gradient inside the model, where there is no graph,",
    "explain the network without it",
)
CHANGED = (
    "changes a constant that an operation on the input has read, in place,",
    "make a new tensor of it: y = y + 1 in place of y += 1",
)
TRANSFORMED = (
    "reads a tensor of the input out of sight, under vmap or another transform or mode,",
    "let the model's forward do it in plain Python",
)
_HOOK = (
    "hooks into the gradient of a tensor, and no gradient is taken,",
    "remove the hook (of Grad-CAM or the like) first",
)

GRADIENTS = (torch.autograd.grad, torch.autograd.backward, Tensor.backward)
"""What asks autograd; of constants, where gradients are enabled, it has a graph."""
DRAWS: frozenset[Function] = frozenset(
    forms(
        "rand randn randint randperm rand_like randn_like randint_like normal bernoulli "
        "multinomial poisson binomial normal_ uniform_ bernoulli_ random_ exponential_ cauchy_ "
        "log_normal_ geometric_ kaiming_uniform_ gumbel_softmax _standard_gamma _sample_dirichlet "
        "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout"
    )
)
"""What draws at random, unless it is told that the model is not in training."""

LEAVING: frozenset[Function] = frozenset(
    forms(
        "numpy tolist item __bool__ __float__ __int__ __index__ __complex__ __array__ __dlpack__ "
        "__repr__ __format__ __deepcopy__ __reduce_ex__ data_ptr untyped_storage storage "
        "__dlpack_device__ apply_ map_ share_memory_"
    )
)
"""What takes numbers out of torch, or tells where they lie; of the input all but a yes or no."""

REFUSALS: dict[Callable[..., Any], Refusal] = {
    **dict.fromkeys(LEAVING - {Tensor.__bool__}, _LEAVES),
    **dict.fromkeys(forms("detach detach_ requires_grad_ tensor asarray"), _CUTS),
    **dict.fromkeys(
        # The stubs know these descriptors for the attributes that they give.
        [*getters("data"), Tensor.data.__set__, Tensor.requires_grad.__set__, Tensor.set_],  # type: ignore[attr-defined]
        _CUTS,
    ),
    **dict.fromkeys(GRADIENTS, _GRADIENT),
    **dict.fromkeys(
        forms("register_hook register_post_accumulate_grad_hook retain_grad"),
        _HOOK,
    ),
}
"""Function -> what is wrong with calling it, and what to do instead."""

WRITES: frozenset[Function] = frozenset(
    getattr(home, name)
    for home in _HOMES
    for name in dir(home)
    if name.endswith("_") and callable(getattr(home, name))
    if not name.startswith("_") or (name.startswith("_foreach_") and not name.endswith("__"))
) - frozenset(forms("requires_grad_ detach_ share_memory_ rename_"))
WRITES |= frozenset(
    forms(
        "__setitem__ __iadd__ __isub__ __imul__ __itruediv__ __idiv__ __ifloordiv__ __imod__ "
        "__ipow__ __iand__ __ior__ __ixor__ __ilshift__ __irshift__"
    )
)
WRITES |= {Tensor.data.__set__}  # type: ignore[attr-defined]
"""What changes its first argument in place."""
REPLACES: frozenset[Function] = frozenset(forms("copy_ fill_ zero_ set_"))
REPLACES |= {Tensor.data.__set__}  # type: ignore[attr-defined]
"""Those that leave nothing of what it was."""


SUMS: frozenset[Function] = frozenset(
    forms("add __add__ __radd__ add_ __iadd__ sub subtract __sub__ rsub __rsub__ sub_ __isub__")
)
"""What needs none of its arguments on the way back."""


STATISTICS = frozenset(forms("batch_norm instance_norm"))
"""What changes running statistics, which torch does not count."""


def written_by(call: Call) -> list[Tensor]:
    """The tensors that a call of constants changes in place."""
    if call.function in STATISTICS:
        named = call.named("input", "running_mean", "running_var")
        return list(tensors_in([named.get("running_mean"), named.get("running_var")]))
    target = call.kwargs.get("out")
    if target is None and (call.function in WRITES or call.kwargs.get("inplace")):
        target = call.first
    return list(tensors_in(target))


NUMBERS_ASKED_FOR = (
    "data pointer",
    "tensor subclass",
    "Tensor subclass",
    "invalid python storage",
    "requires grad as a constant",  # torch.jit.trace
)
"""Torch's words where something that we don't see asks a watched tensor for its numbers."""
