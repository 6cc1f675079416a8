"""Attention in one call, ``softmax(s q k^T + mask) v``, as a rule for products sees it."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from speechlrp.lrp.layer import Product, Shares
from speechlrp.lrp.modules import Place
from speechlrp.lrp.recorder import OFF, Call, Recorder
from speechlrp.lrp.tape import by_a_rule

_ORDER = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")


def attention(recorder: Recorder, call: Call) -> Tensor:
    """Two products and a softmax; in the fused kernel where only the mask is a constant."""
    named = call.named(*_ORDER)
    if named.get("dropout_p"):
        raise recorder.refuse(call, "drops at random (dropout_p above 0)", OFF)
    bias = _bias(named)
    inputs = [named.pop(name) for name in ("query", "key", "value")]
    scale = named.get("scale")
    scale = inputs[0].shape[-1] ** -0.5 if scale is None else scale
    if recorder.tracks(named.get("attn_mask")) or not all(map(recorder.tracks, inputs)):
        return _written_out(recorder, inputs, bias, scale)
    function, numbers = partial(call.function, **named), [*map(recorder.numbers, inputs)]
    layer = Attention(recorder.places.running(), function, numbers, bias, scale)
    return recorder.write(call, inputs, layer.compute(), by_a_rule, layer=layer)


def _written_out(
    recorder: Recorder, inputs: list[Tensor], bias: Tensor | None, scale: float
) -> Tensor:
    """As the model would write it: what is a constant makes layers in place of products."""
    masked = None if bias is None else torch.isneginf(recorder.numbers(bias)).all(-1, keepdim=True)
    with recorder.watching():
        query, key, value = inputs
        if query.dim() > 2 and query.shape[-3] != key.shape[-3]:
            groups = query.shape[-3] // key.shape[-3]
            key, value = (one.repeat_interleave(groups, -3) for one in (key, value))
        scores = query @ key.mT * scale
        if bias is None or masked is None:
            return scores.softmax(-1) @ value
        weights = (scores + bias).masked_fill(masked, 0.0).softmax(-1)
        return weights.masked_fill(masked, 0.0) @ value


def _bias(named: dict[str, Any]) -> Tensor | None:
    """What the mask adds to the scores."""
    query, key, mask = named["query"], named["key"], named.get("attn_mask")
    if named.get("is_causal"):
        mask = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool).tril()
    if mask is None or mask.dtype != torch.bool:
        return mask
    bias = torch.zeros(mask.shape, dtype=query.dtype, device=query.device)
    return bias.masked_fill(~mask.to(query.device), -math.inf)


Fused = Callable[[Tensor, Tensor, Tensor], Tensor]


class Attention(Product):
    """Two products and a softmax: weights times values, where queries times keys make the weights.

    A rule for products shares out both, the outer one with the softmax for a gate, the inner
    one (``scores``) with none; the softmax goes by its first-order Taylor expansion. As long as
    the shares are numbers, all of it is the gradient of the fused kernel times a number for each
    input, whose memory is linear in the length: halves are 1/4 for queries and keys and 1/2 for
    values (Achtibat et al. 2024, "AttnLRP"), constant weights are 0, 0 and 1.

    Args:
        place: the module it belongs to.
        function: the call, of queries, keys and values alone.
        inputs: queries ``[..., H, L, E]``, keys ``[..., G, S, E]`` and values ``[..., G, S, V]``,
            where ``G`` is ``H`` or divides it (grouped queries).
        mask: what is added to the scores, broadcasting to ``[..., H, L, S]``.
        scale: the factor of the scores.
    """

    def __init__(
        self,
        place: Place,
        function: Fused,
        inputs: Sequence[Tensor],
        mask: Tensor | None,
        scale: float,
    ) -> None:
        super().__init__("attention", place, function, inputs)
        self.gates = ("softmax", None)
        self._mask, self._scale = mask, scale

    def share_out(self, c: Tensor, shares: Shares) -> list[Tensor | None]:
        """``c`` of queries, keys and values."""
        to_weights, to_values = shares(self)
        if isinstance(to_weights, Tensor) or isinstance(to_values, Tensor):
            return self._written_out(c, shares)
        inner = shares(self.scores) if to_weights else (0.0, 0.0)
        if any(isinstance(one, Tensor) for one in inner):
            return self._written_out(c, shares)
        factors = [to_weights * inner[0], to_weights * inner[1], to_values]
        wanted = [leaf for leaf, factor in zip(self.factors, factors, strict=True) if factor]
        gradients = iter(torch.autograd.grad(self._edge, wanted, c, retain_graph=True))
        return [next(gradients) * factor if factor else None for factor in factors]

    @property
    def scores(self) -> Product:
        """The product of queries and keys, ``[..., H, L, S]``."""
        queries, keys, _ = self._repeated()
        return Product("product", self.place, lambda q, k: q @ k.mT * self._scale, (queries, keys))

    def absorbed(self, c: Tensor, shares: Shares) -> Tensor:
        """What the softmax's expansion and the mask give to constants, shaped like ``z``."""
        share, _ = shares(self)
        scores = self.scores.z
        weights, values = self._weights(scores), self._repeated()[2].detach()
        held = scores * weights
        passed = held @ values - (weights @ values) * held.sum(-1, keepdim=True)
        return c * share * (weights @ values - passed)

    def _written_out(self, c: Tensor, shares: Shares) -> list[Tensor | None]:
        """As ``share_out``, for shares that differ from place to place."""
        inner = self.scores
        weights, values = self._weights(inner.compute()), self._repeated()[2]
        outer = Product("product", self.place, torch.matmul, (weights, values))
        outer.gates = self.gates
        outer.compute()
        of_weights, of_values = outer.share_out(c, shares)
        of_queries = of_keys = None
        if of_weights is not None:
            share = of_weights * weights
            of_scores = share - weights * share.sum(-1, keepdim=True)
            of_queries, of_keys = inner.share_out(of_scores, shares)
        parts = zip(self.factors, (of_queries, of_keys, of_values), strict=True)
        return [None if part is None else _regrouped(part, leaf.shape) for leaf, part in parts]

    def _weights(self, scores: Tensor) -> Tensor:
        """The softmax, 0 where a whole row is masked, as the fused kernels have it."""
        scores = scores if self._mask is None else scores + self._mask
        return torch.softmax(scores, -1).nan_to_num(0)

    def _repeated(self) -> list[Tensor]:
        """Queries, keys and values with as many heads each."""
        heads = self.factors[0].shape[-3] if self.factors[0].dim() > 2 else 1
        return [
            one if one.dim() < 3 else one.repeat_interleave(heads // one.shape[-3], -3)
            for one in (factor.detach() for factor in self.factors)
        ]


def _regrouped(c: Tensor, shape: torch.Size) -> Tensor:
    """The sum over the queries of a group."""
    return c if len(shape) < 3 else c.unflatten(-3, (shape[-3], -1)).sum(-3)
