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
    Uniform,
    Zero,
    attribute,
    conservation,
    describe,
)
from tests.lrp.zoo.reference import attended, halved, held, normed, passed, relevance

RULES = {
    "cp": Composite([(nn.Module, Zero())]),
    "halves": Composite([(nn.Module, Uniform()), (nn.Module, Zero())]),
}
SOME = torch.tensor([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [1] * 5, [0, 0, 0, 1, 0], [1, 1, 0, 0, 1]])
ADDED = torch.linspace(-2, 2, 25, dtype=torch.float64).reshape(5, 5)
CAUSAL = torch.full((5, 5), -math.inf, dtype=torch.float64).triu(1)
NONE = torch.zeros(5, 5, dtype=torch.float64)
HIDDEN = NONE.masked_fill(SOME == 0, -math.inf)


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


def checked(net, forward, x, rule, rtol=1e-12, books=True):
    """Output and relevance against the reference, and the books of every operation.

    Those are kept example by example, so not of a model that holds a batch's mask.
    """
    c = torch.randn_like(net(x))
    output, found = attribute(net, x, c, RULES[rule])
    expected_output, expected = relevance(forward, x, c)
    torch.testing.assert_close(output, expected_output, rtol=rtol, atol=rtol)
    torch.testing.assert_close(found, expected, rtol=rtol, atol=rtol * float(expected.abs().max()))
    if not books:
        return
    balances = conservation(net, x, c, RULES[rule])
    lost = sum(one.bias + one.stabiliser for one in balances)
    kept = found.flatten(1).sum(1)
    torch.testing.assert_close(kept + lost, (c * output).flatten(1).sum(1), rtol=1e-9, atol=1e-9)
    for one in balances:
        assert one.stabiliser.abs().max() < 1e-9, one.operation


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


class Projected:
    """``nn.MultiheadAttention`` written out, batch first."""

    def __init__(self, module, rule):
        self.module, self.rule = module, rule

    def __call__(self, q, k, v, mask=None):
        m = self.module
        weights = (
            m.in_proj_weight.chunk(3)
            if m.in_proj_weight is not None
            else (m.q_proj_weight, m.k_proj_weight, m.v_proj_weight)
        )
        biases = m.in_proj_bias.chunk(3)
        parts = [F.linear(one, w, b) for one, w, b in zip((q, k, v), weights, biases, strict=True)]
        if m.bias_k is not None:
            shape = (len(q), 1, m.embed_dim)
            parts[1] = torch.cat([parts[1], m.bias_k.expand(shape)], 1)
            parts[2] = torch.cat([parts[2], m.bias_v.expand(shape)], 1)
        heads = [one.unflatten(-1, (m.num_heads, -1)).transpose(1, 2) for one in parts]
        joined = attended(*heads, self.rule, mask).transpose(1, 2).flatten(2)
        return m.out_proj(joined)


MODULES = {
    "plain": ({}, {}, None),
    "without weights": ({}, {"need_weights": False}, None),
    "a weight each": ({}, {"average_attn_weights": False}, None),
    "other keys": ({"kdim": 6, "vdim": 3}, {"need_weights": False}, None),
    "biased keys": ({"add_bias_kv": True}, {"need_weights": False}, None),
    "masked": ({}, {"attn_mask": CAUSAL}, CAUSAL),
    "masked, without weights": ({}, {"attn_mask": CAUSAL, "need_weights": False}, CAUSAL),
    "causal": ({}, {"attn_mask": CAUSAL, "is_causal": True, "need_weights": False}, CAUSAL),
    "padded": (
        {},
        {"key_padding_mask": torch.arange(5).expand(2, 5) > 3, "need_weights": False},
        NONE.masked_fill(torch.arange(5) > 3, -math.inf),
    ),
}


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", MODULES)
def test_multihead_attention(name, rule, batch_first):
    options, call, mask = MODULES[name]

    class Around(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(8)
            self.attention = nn.MultiheadAttention(8, 2, batch_first=batch_first, **options)
            nn.init.normal_(self.attention.in_proj_bias)

        def forward(self, x):
            inputs = [x, x[..., : options.get("kdim", 8)], x[..., : options.get("vdim", 8)]]
            if not batch_first:
                inputs = [one.transpose(0, 1) for one in inputs]
            output, _ = self.attention(*inputs, **call)
            return output if batch_first else output.transpose(0, 1)

    net, x = Around().double().eval(), torch.randn(2, 5, 8, dtype=torch.float64)

    def written(x):
        inputs = [x, x[..., : options.get("kdim", 8)], x[..., : options.get("vdim", 8)]]
        return Projected(net.attention, rule)(*inputs, mask)

    checked(net, written, x, rule, books=name != "padded")


def encoded(layer, x, rule, mask=None):
    """``nn.TransformerEncoderLayer`` written out."""

    def norm(module, x):
        return normed(x, -1, module.eps) * module.weight + module.bias

    def attend(x):
        return Projected(layer.self_attn, rule)(x, x, x, mask)

    def feed(x):
        return layer.linear2(passed(layer.activation, layer.linear1(x)))

    if layer.norm_first:
        x = x + attend(norm(layer.norm1, x))
        return x + feed(norm(layer.norm2, x))
    x = norm(layer.norm1, x + attend(x))
    return norm(layer.norm2, x + feed(x))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_transformer_encoders(rule, norm_first, activation):
    torch.manual_seed(3)
    layer = nn.TransformerEncoderLayer(
        8, 2, 12, activation=activation, batch_first=True, norm_first=norm_first
    )
    net = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False).double().eval()
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.4)

    def written(x):
        for layer in net.layers:
            x = encoded(layer, x, rule)
        return x

    x = torch.randn(2, 5, 8, dtype=torch.float64)
    assert net(x).shape == x.shape
    checked(net, written, x, rule, rtol=1e-11)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("gradients", [True, False])
def test_the_fast_path_of_a_padded_encoder(gradients):
    """The one kernel for all of it, which torch takes where no gradient is asked for."""
    torch.manual_seed(3)
    hidden = torch.arange(5).expand(2, 5) > torch.tensor([[2], [4]])

    class Padded(nn.Module):
        def __init__(self):
            super().__init__()
            layer = nn.TransformerEncoderLayer(8, 2, 12, batch_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2)

        def forward(self, x):
            encoded = self.encoder(x, src_key_padding_mask=hidden)
            return encoded.masked_fill(hidden.unsqueeze(2), 0.0).sum(1)

    net = Padded().double().eval().requires_grad_(gradients)
    mask = NONE.expand(2, 1, 5, 5).masked_fill(hidden[:, None, None], -math.inf)

    def written(x):
        for layer in net.encoder.layers:
            x = encoded(layer, x, "halves", mask)
        return x.masked_fill(hidden.unsqueeze(2), 0.0).sum(1)

    x = torch.randn(2, 5, 8, dtype=torch.float64)
    with torch.no_grad():
        plain = net(x)
    output, _ = attribute(net, x, 1, RULES["halves"])
    torch.testing.assert_close(output, plain, rtol=1e-12, atol=1e-12)
    checked(net, written, x, "halves", rtol=1e-11, books=False)


def test_the_overview_and_what_stays_refused():
    x = torch.randn(2, 5, 8, dtype=torch.float64)
    overview = describe(Heads(SDPA).double().eval(), x, RULES["cp"])
    assert ("", "attention with softmax", "SignalTakesAll()") in [
        (one.name, one.operation, repr(one.rule)) for one in overview.layers
    ]
    net = Heads(lambda q, k, v: SDPA(q, k, v, dropout_p=0.1)).double().eval()
    with pytest.raises(NotExplainable, match=r"scaled_dot_product_attention.*drops at random"):
        attribute(net, x, 0, RULES["cp"])


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
