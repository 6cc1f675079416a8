"""Attention in one call: ``scaled_dot_product_attention`` and the modules made of it."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from speechlrp.lrp import (
    Composite,
    NotExplainable,
    ProductRule,
    SignalTakesAll,
    Zero,
    attribute,
    describe,
)
from tests.lrp.zoo.checking import ADDED, CAUSAL, HIDDEN, NONE, RULES, SOME, checked
from tests.lrp.zoo.reference import attended, halved, held


class Heads(nn.Module):
    """Queries, keys and values of ``[B, 5, 8]``, some heads, attention, a dense layer."""

    def __init__(self, attend, keys=4):
        super().__init__()
        torch.manual_seed(4)
        self.attend, self.keys = attend, keys
        self.q, self.k, self.v = nn.Linear(8, 8), nn.Linear(8, 2 * keys), nn.Linear(8, 3 * keys)
        self.out = nn.Linear(12, 4, bias=False)

    def forward(self, x):
        q, k, v = (
            part(x).unflatten(-1, (heads, -1)).transpose(1, 2)
            for part, heads in ((self.q, 4), (self.k, self.keys), (self.v, self.keys))
        )
        return self.out(self.attend(q, k, v).transpose(1, 2).flatten(2)).flatten(1)


SDPA = F.scaled_dot_product_attention
CALLS = {
    "plain": (SDPA, NONE, {}),
    "scale": (lambda q, k, v: SDPA(q, k, v, scale=0.3), NONE, {"scale": 0.3}),
    "causal": (lambda q, k, v: SDPA(q, k, v, is_causal=True), CAUSAL, {}),
    "boolean": (lambda q, k, v: SDPA(q, k, v, SOME.bool()), HIDDEN, {}),
    "boolean, by name": (
        lambda q, k, v: SDPA(query=q, key=k, value=v, attn_mask=SOME.bool()),
        HIDDEN,
        {},
    ),
    "added": (lambda q, k, v: SDPA(q, k, v, attn_mask=ADDED), ADDED, {}),
    "added, infinite": (lambda q, k, v: SDPA(q, k, v, HIDDEN, 0.0, False), HIDDEN, {}),
    "of a head each": (
        lambda q, k, v: SDPA(q, k, v, ADDED * torch.arange(4).reshape(4, 1, 1)),
        ADDED * torch.arange(4).reshape(4, 1, 1),
        {},
    ),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", CALLS)
def test_one_call_equals_its_formula(name, rule):
    call, mask, options = CALLS[name]
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    net = Heads(call).double().eval()
    written = Heads(lambda q, k, v: attended(q, k, v, rule, mask, **options)).double().eval()
    checked(net, written, x, rule)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("keys", [1, 2])
def test_grouped_queries(keys, rule):
    def call(q, k, v):
        return SDPA(q, k, v, enable_gqa=True, is_causal=True)

    def written(q, k, v):
        k, v = (one.repeat_interleave(4 // keys, 1) for one in (k, v))
        return attended(q, k, v, rule, CAUSAL)

    x = torch.randn(2, 5, 8, dtype=torch.float64)
    checked(*(Heads(one, keys).double().eval() for one in (call, written)), x, rule)


@pytest.mark.parametrize("rule", RULES)
def test_fused_and_eager_agree(rule):
    x, c = torch.randn(2, 5, 8, dtype=torch.float64), torch.randn(2, 20, dtype=torch.float64)
    for mask in (NONE, ADDED, CAUSAL, HIDDEN):

        def eager(q, k, v, mask=mask):
            gone = torch.isneginf(mask).all(-1, keepdim=True)
            scores = (q @ k.mT / math.sqrt(2) + mask).masked_fill(gone, 0.0)
            return torch.softmax(scores, -1).masked_fill(gone, 0.0) @ v

        one, other = (
            attribute(Heads(call).double().eval(), x, c, RULES[rule])[1]
            for call in (lambda q, k, v, mask=mask: SDPA(q, k, v, mask), eager)
        )
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


class Uneven(ProductRule):
    """Shares that differ from place to place."""

    def shares(self, product):
        first = torch.sigmoid(product.z)
        return first, 1 - first


@pytest.mark.parametrize("rule", [Uneven(), SignalTakesAll("second"), SignalTakesAll("first")])
def test_every_rule_for_products_shares_out_both_products(rule):
    def eager(q, k, v):
        return torch.softmax((q * 2**-0.5) @ k.mT + ADDED, -1) @ v

    x, c = torch.randn(2, 5, 8, dtype=torch.float64), torch.randn(2, 20, dtype=torch.float64)
    composite = Composite([(nn.Module, rule), (nn.Module, Zero())])
    calls = (lambda q, k, v: SDPA(q, k, v, ADDED), eager)
    one, other = (attribute(Heads(f).double().eval(), x, c, composite)[1] for f in calls)
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_uneven_shares_of_grouped_queries():
    def eager(q, k, v):
        k, v = (one.repeat_interleave(2, 1) for one in (k, v))
        return torch.softmax((q * 0.5) @ k.mT, -1) @ v

    x, c = torch.randn(2, 5, 8, dtype=torch.float64), torch.randn(2, 20, dtype=torch.float64)
    composite = Composite([(nn.Module, Uneven()), (nn.Module, Zero())])
    calls = (lambda q, k, v: SDPA(q, k, v, enable_gqa=True, scale=0.5), eager)
    one, other = (attribute(Heads(f, 2).double().eval(), x, c, composite)[1] for f in calls)
    torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("rule", RULES)
def test_a_mask_of_the_input(rule):
    """A position bias that is gated by the input, as WavLM's is."""

    def body(attend):
        def call(q, k, v):
            bias = ADDED * q.mean(-1, keepdim=True)
            return attend(q, k, v, bias.masked_fill(SOME == 0, -math.inf))

        return Heads(call).double().eval()

    x = torch.randn(2, 5, 8, dtype=torch.float64)
    written = body(lambda q, k, v, mask: attended(q, k, v, rule, mask))
    checked(body(SDPA), written, x, rule)


@pytest.mark.parametrize("rule", RULES)
def test_learned_queries_are_weights_of_a_layer(rule):
    """Their half is not split: keys and values share all of it."""
    learned = torch.randn(1, 4, 5, 2, dtype=torch.float64)
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    net = Heads(lambda q, k, v: SDPA(learned.expand(len(k), 4, 5, 2), k, v)).double().eval()

    def written(q, k, v):
        weights = torch.softmax(learned @ k.mT / math.sqrt(2), -1)
        return held(weights) @ v if rule == "cp" else halved(weights) @ halved(v)

    checked(net, Heads(written).double().eval(), x, rule)


def test_the_overview_and_what_stays_refused():
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    overview = describe(Heads(SDPA).double().eval(), x, RULES["cp"])
    assert ("", "attention with softmax", "SignalTakesAll()") in [
        (one.name, one.operation, repr(one.rule)) for one in overview.layers
    ]
    net = Heads(lambda q, k, v: SDPA(q, k, v, dropout_p=0.1)).double().eval()
    with pytest.raises(NotExplainable, match=r"scaled_dot_product_attention.*drops at random"):
        attribute(net, x, 0, RULES["cp"])


@pytest.mark.parametrize("checkpoint", [False, True])
def test_weights_of_constants_that_drop_at_random_are_refused(checkpoint):
    """Made again in pieces, the call would draw others."""
    inner, pattern = nn.MultiheadAttention(8, 2, dropout=0.5), torch.randn(5, 2, 8)

    class Tied(nn.Module):
        def forward(self, x):
            return F.multi_head_attention_forward(
                pattern, pattern, x, 8, 2, inner.in_proj_weight, inner.in_proj_bias, None, None,
                False, 0.5, inner.out_proj.weight, inner.out_proj.bias,
            )[0]  # fmt: skip

    with pytest.raises(NotExplainable, match=r"multi_head_attention_forward.*drops at random"):
        attribute(Tied().eval(), torch.randn(5, 2, 8), 0, RULES["cp"], checkpoint=checkpoint)


def test_memory_is_linear_in_length():
    """No step of the pass or the sweep makes a tensor of the scores' size."""

    class Largest(TorchDispatchMode):
        size = 0

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            made = func(*args, **(kwargs or {}))
            sizes = [one.numel() for one in tree_leaves(made) if isinstance(one, torch.Tensor)]
            self.size = max(self.size, *sizes, 0)
            return made

    layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True).eval()
    for rule in RULES:
        with Largest() as largest:
            attribute(layer, torch.randn(1, 600, 8), lambda z: z[:, 0], RULES[rule])
        assert largest.size == 600 * 24  # queries, keys and values as one
