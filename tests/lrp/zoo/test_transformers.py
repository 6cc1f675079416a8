"""Modules made of attention: multi-head attention and transformer encoders."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.lrp import (
    attribute,
)
from tests.lrp.zoo.checking import CAUSAL, NONE, RULES, checked
from tests.lrp.zoo.reference import attended, normed, passed


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
