"""Relevance of any model by autograd alone, for ``zoo.py``: nothing of the engine is used.

LRP-0 in layers and equal halves in products are gradient times input of the network in which
divisors and deviations are detached, factors hand on half of their gradient, and functions of
one number are products with ``f(x) / x``. A mode puts that in place while the model runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from zoo_primitives import affine, halved, normed, passed
from zoo_recurrent import gru, lstm

_SMOOTH = "gelu silu mish tanh sigmoid hardsigmoid hardswish softplus elu selu celu logsigmoid "
_SMOOTH += "log_sigmoid log log10 log2 log1p exp expm1 sqrt square sin cos erf pow __pow__ relu6 "
ACTIVATIONS = frozenset((_SMOOTH + "hardtanh softsign rsqrt reciprocal").split())
DIVISORS = frozenset(["rsqrt", "reciprocal"])
MOVES = frozenset(["reshape", "view", "squeeze", "unsqueeze", "flatten", "transpose", "permute"])
ENDS = frozenset(["softmax", "log_softmax", "sigmoid", "logsigmoid", "log_sigmoid"])


def relevance(model: nn.Module, x: Tensor, c: Tensor) -> Tensor:
    """Gradient times input of ``sum c output``, or of the logits that the model ends behind."""
    leaf = x.clone().requires_grad_()
    with torch.enable_grad(), Reference():
        output = model(leaf.clone())
    start = getattr(output, "_logits", output)
    return x * torch.autograd.grad((start * c).sum(), leaf)[0]


class Reference(TorchFunctionMode):
    """Changes what autograd sees of each call."""

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        name = getattr(func, "__name__", "")
        bare = name.strip("_").removeprefix("special_")
        tensors = [one for one in (*args, *kwargs.values()) if isinstance(one, Tensor)]
        watched = any(one.requires_grad for one in tensors)
        rewrite = getattr(self, f"_{bare}", None)
        if name.endswith("_") and not name.endswith("__") and watched and _changes(bare):
            plain = getattr(torch.Tensor, name[:-1])
            return args[0].copy_(self.__torch_function__(plain, types, args, kwargs))
        if rewrite is not None and (watched or bare in ("lstm", "gru")):
            return rewrite(func, *args, **kwargs)
        if bare in ACTIVATIONS and watched:
            return self._activation(bare, func, args, kwargs)
        result = func(*args, **kwargs)
        if bare in ENDS and watched:
            result._logits = args[0] if args else kwargs["input"]
        elif bare in MOVES and hasattr(args[0], "_logits"):
            result._logits = func(args[0]._logits, *args[1:], **kwargs)
        return result

    def _activation(self, name: str, func: Callable[..., Any], args: Any, kwargs: Any) -> Tensor:
        x = args[0] if args else kwargs["input"]
        in_place = kwargs.pop("inplace", False)
        result = passed(x, func(*args, **kwargs))
        negative = name == "pow" and isinstance(args[1], int | float) and args[1] < 0
        result._divides = name in DIVISORS or negative
        if name in ENDS:
            result._logits = x
        return x.copy_(result) if in_place else result

    def _mul(self, func: Any, a: Any, b: Any) -> Tensor:
        if not (_watched(a) and _watched(b)):
            result = func(a, b)
            result._divides = _divides(a) or _divides(b)
            return result
        if a is b:
            return passed(a, func(a, b))
        if _divides(a) != _divides(b):
            return func(a.detach(), b) if _divides(a) else func(a, b.detach())
        return func(halved(a), halved(b))

    _multiply = _rmul = _imul = _mul

    def _truediv(self, func: Any, a: Any, b: Any, **kwargs: Any) -> Tensor:
        if not _watched(b):
            return func(a, b, **kwargs)
        if _watched(a):
            return a / b.detach()
        result = passed(b, a / b)
        result._divides = True
        return result

    _div = _divide = _true_divide = _itruediv = _truediv

    def _rdiv(self, func: Any, b: Tensor, a: Any) -> Tensor:
        return self._truediv(func, a, b)

    _rtruediv = _rdiv

    def _matmul(self, func: Any, a: Tensor, b: Tensor) -> Tensor:
        both = _watched(a) and _watched(b)
        return func(halved(a), halved(b)) if both else func(a, b)

    _bmm = _mm = _rmatmul = _matmul

    def _baddbmm(self, func: Any, start: Tensor, a: Tensor, b: Tensor) -> Tensor:
        return start + self._matmul(torch.bmm, a, b)

    def _einsum(self, func: Any, equation: str, *operands: Tensor) -> Tensor:
        if len(operands) == 2 and all(map(_watched, operands)):
            operands = tuple(map(halved, operands))
        return func(equation, *operands)

    def _glu(self, func: Any, x: Tensor, dim: int = -1) -> Tensor:
        a, b = x.chunk(2, dim)
        return halved(a) * halved(passed(b, torch.sigmoid(b)))

    def _clamp(self, func: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        low = args[0] if args else kwargs.get("min")
        value = func(x, *args, **kwargs)
        return x + (value - x).detach() if low is not None and low > 0 else value

    _clamp_min = _clamp

    def _var(self, func: Any, *args: Any, **kwargs: Any) -> Tensor:
        return halved(func(*args, **kwargs))

    def _layer_norm(
        self, func: Any, x: Tensor, normalized_shape: Any, weight=None, bias=None, eps: float = 1e-5
    ) -> Tensor:
        y = normed(x, tuple(range(-len(normalized_shape), 0)), eps)
        return affine(y, weight, bias)

    def _rms_norm(
        self, func: Any, x: Tensor, normalized_shape: Any, weight=None, eps: float | None = None
    ) -> Tensor:
        dims = tuple(range(-len(normalized_shape), 0))
        eps = torch.finfo(x.dtype).eps if eps is None else eps
        y = x / (x.square().mean(dims, keepdim=True) + eps).sqrt().detach()
        return affine(y, weight, None)

    def _group_norm(
        self, func: Any, x: Tensor, num_groups: int, weight=None, bias=None, eps: float = 1e-5
    ) -> Tensor:
        y = normed(x.reshape(len(x), num_groups, -1), 2, eps).reshape(x.shape)
        shape = (1, -1, *[1] * (x.dim() - 2))
        return affine(y, *(one if one is None else one.reshape(shape) for one in (weight, bias)))

    def _instance_norm(
        self, func: Any, x: Tensor, running_mean=None, running_var=None, weight=None, bias=None,
        use_input_stats=True, momentum=0.1, eps: float = 1e-5,
    ) -> Tensor:  # fmt: skip
        return self._group_norm(func, x, x.shape[1], weight, bias, eps)

    def _normalize(
        self, func: Any, x: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out=None
    ) -> Tensor:
        return x / x.norm(p, dim, keepdim=True).clamp_min(eps).detach()

    def _scaled_dot_product_attention(
        self, func: Any, query: Tensor, key: Tensor, value: Tensor, attn_mask=None,
        dropout_p: float = 0.0, is_causal: bool = False, scale=None, enable_gqa: bool = False,
    ) -> Tensor:  # fmt: skip
        if query.dim() > 2 and key.shape[-3] != query.shape[-3]:
            groups = query.shape[-3] // key.shape[-3]
            key, value = (one.repeat_interleave(groups, -3) for one in (key, value))
        scores = self._matmul(torch.matmul, query, key.mT)
        scores = scores * (query.shape[-1] ** -0.5 if scale is None else scale)
        if is_causal:
            attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
        if attn_mask is not None:
            plain = attn_mask.dtype != torch.bool
            scores = scores + attn_mask if plain else scores.masked_fill(~attn_mask, -torch.inf)
        hidden = torch.isneginf(scores.detach()).all(-1, keepdim=True)
        weights = scores.masked_fill(hidden, 0.0).softmax(-1).masked_fill(hidden, 0.0)
        return self._matmul(torch.matmul, weights, value)

    def _multi_head_attention_forward(
        self, func: Any, query, key, value, embed, heads, weight, bias, bias_k, bias_v, zero,
        dropout, out_weight, out_bias, training=True, key_padding_mask=None, need_weights=True,
        attn_mask=None, **more: Any,
    ) -> tuple[Tensor, Tensor | None]:  # fmt: skip
        if more.get("use_separate_proj_weight"):
            weights = [more[f"{one}_proj_weight"] for one in "qkv"]
        else:
            weights = weight.chunk(3)
        parts = zip((query, key, value), weights, bias.chunk(3), strict=True)
        q, k, v = (
            functional.linear(one, w, b).transpose(0, 1).unflatten(-1, (heads, -1)).transpose(1, 2)
            for one, w, b in parts
        )
        mask = torch.zeros(q.shape[0], 1, q.shape[2], k.shape[2], dtype=q.dtype)
        for one in (key_padding_mask, attn_mask):
            if one is not None:
                one = one[:, None, None] if one is key_padding_mask else one
                one = one.unflatten(0, (len(q), heads)) if one.dim() == 3 else one
                plain = one.dtype != torch.bool
                mask = mask + one if plain else mask.masked_fill(one, -torch.inf)
        joined = self._scaled_dot_product_attention(func, q, k, v, mask)
        joined = joined.transpose(1, 2).flatten(2).transpose(0, 1)
        return functional.linear(joined, out_weight, out_bias), None

    def _lstm(self, func: Any, *args: Any) -> Any:
        return lstm(*args)

    def _gru(self, func: Any, *args: Any) -> Any:
        return gru(*args)


def _watched(one: Any) -> bool:
    return isinstance(one, Tensor) and one.requires_grad


def _divides(one: Any) -> bool:
    return getattr(one, "_divides", False)


def _changes(name: str) -> bool:
    """Whether a call in place is rewritten, so that it has to be made out of place."""
    return name in ACTIVATIONS or name in ("mul", "div", "clamp", "clamp_min", "imul", "itruediv")
