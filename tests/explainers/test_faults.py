"""What must not go wrong in silence: a row a situation."""

import numpy as np
import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers import EXPLAINERS
from tests.explainers import nets

SETTINGS = {
    "captum": {"method": "IntegratedGradients"},
    "lrp": {"rules": [{"layers": "Module", "rule": "zero"}]},
    "occlusion": {"patch": (2, 2)},
    "smoothgrad": {"samples": 3},
    "integrated_gradients": {"steps": 3},
}
NOISY = ("smoothgrad", "integrated_gradients", "occlusion")


def _make(name, **settings):
    return EXPLAINERS[name](**SETTINGS.get(name, {}) | settings)


class Mixing(nn.Module):
    """Looks at the other examples of its batch, although in evaluation mode."""

    def __init__(self, how):
        super().__init__()
        torch.manual_seed(3)
        self.how, self.last = how, nn.Linear(16, 3)

    def forward(self, x):
        return self.last(self.how(x.flatten(1)))


MIXED = {
    "mean": lambda x: x - x.mean(0),
    "turned": lambda x: x.flip(0),
    "added up": lambda x: x.cumsum(0),
    "mean of all": lambda x: x - x.mean(),
    "largest": lambda x: x / x.abs().max(),
    "first": lambda x: x + x[-1:],
    "detached": lambda x: x - x.mean(0).detach(),
    "drawn": lambda x: x + torch.randn_like(x),
}


@pytest.mark.parametrize("how", MIXED)
@pytest.mark.parametrize("name", EXPLAINERS)
def test_a_network_that_mixes_a_batch_is_refused(name, how):
    inputs = torch.randn(3, 1, 4, 4)
    model = Mixing(MIXED[how]).eval()
    with pytest.raises(SpeechLRPError, match="depends on the other examples of its batch"):
        _make(name).explain(model, inputs, torch.tensor([0, 1, 2]))
    if name in NOISY:  # one example, of which several variants make a batch
        with pytest.raises(SpeechLRPError, match="depends on the other examples of its batch"):
            _make(name).explain(Mixing(MIXED[how]).eval(), inputs[:1], 0)


class Overflowing(nn.Module):
    """Finite at 1, infinite elsewhere."""

    def forward(self, x):
        flat = x.flatten(1)[:, :3]
        return torch.where((x.flatten(1) == 1).all(1, keepdim=True), flat, flat * torch.inf)


@pytest.mark.parametrize("name", NOISY)
def test_copies_whose_output_is_not_finite_are_never_averaged(name):
    with pytest.raises(SpeechLRPError, match="not finite"):
        _make(name).explain(Overflowing().eval(), torch.ones(2, 1, 4, 4), 0)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("ending", [None, nn.Softmax(1), nn.Sigmoid()])
@pytest.mark.parametrize("name", EXPLAINERS)
def test_weights_that_are_not_finite_explain_nothing(name, ending, value):
    """A sigmoid of infinity is 1, and looks well."""
    model = nets.linear(shape=(1, 4, 4))
    with torch.no_grad():
        model[1].weight[0, 0] = value
    model = model if ending is None else nn.Sequential(model, ending).eval()
    with pytest.raises(SpeechLRPError, match="not finite"):
        _make(name).explain(model, torch.ones(2, 1, 4, 4).double(), 0)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("name", EXPLAINERS)
def test_inputs_of_another_type_than_the_weights_are_told(name, count):
    inputs = torch.randn(count, 1, 4, 4, dtype=torch.float64)
    with pytest.raises(SpeechLRPError, match=r"use inputs.to\('cpu', torch.float32\)"):
        _make(name).explain(nets.linear(shape=(1, 4, 4)).float(), inputs, 0)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("batch", [1, 64])
@pytest.mark.parametrize(
    ("name", "settings"), [("smoothgrad", "samples"), ("integrated_gradients", "steps")]
)
def test_sums_of_many_halves_keep_growing(name, settings, batch, dtype):
    """Of a linear model all copies have the same gradient, so their mean is it."""
    model = nets.linear(shape=(1, 4, 4)).to(dtype)
    inputs = torch.randn(64, 1, 4, 4, generator=torch.Generator().manual_seed(1)).to(dtype)[:batch]
    found = _make(name, **{settings: 3000}).explain(model, inputs, 0)[1]
    wanted = model[1].weight[0].detach().view(4, 4).expand_as(inputs).float()
    wanted = wanted * inputs.float() if name == "integrated_gradients" else wanted
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), wanted, rtol=2**-7, atol=1e-6)


@pytest.mark.parametrize("name", ["random", "smoothgrad"])
def test_what_is_drawn_does_not_depend_on_the_layout_in_memory(name):
    model, inputs = nets.piecewise(bias=True), torch.randn(2, 1, 8, 9).double()
    transposed = inputs.transpose(2, 3).contiguous().transpose(2, 3)
    channels_last = inputs.to(memory_format=torch.channels_last)
    wanted = _make(name).explain(model, inputs, 0)[1]
    for same in (transposed, channels_last, inputs.expand(2, 1, 8, 9)):
        torch.testing.assert_close(_make(name).explain(model, same, 0)[1], wanted)


@pytest.mark.parametrize("name", sorted(set(EXPLAINERS) - {"random"}))
def test_numpys_whole_numbers_are_classes(name):
    model, inputs = nets.piecewise(bias=True), torch.randn(2, 1, 8, 9).double()
    explainer = _make(name)
    both = explainer.explain(model, inputs, torch.tensor([1, 2]))[1]
    assert torch.equal(explainer.explain(model, inputs, np.array([1, 2]))[1], both)
    assert torch.equal(explainer.explain(model, inputs[:1], np.int64(1))[1], both[:1])


def _inference() -> nn.Module:
    with torch.inference_mode():
        return nets.piecewise(bias=True)


@pytest.mark.parametrize("name", EXPLAINERS)
@pytest.mark.parametrize(
    ("model", "shape", "message"),
    [
        (lambda: nets.piecewise(bias=True), (0, 1, 8, 9), r"no example .*\[0, 1, 8, 9\]"),
        (_inference, (2, 1, 8, 9), "1.weight was made in inference mode"),
    ],
    ids=["a batch of none", "weights of inference mode"],
)
def test_what_torch_would_say_in_its_own_words(name, model, shape, message):
    with pytest.raises(SpeechLRPError, match=message) as caught:
        _make(name).explain(model(), torch.zeros(shape).double(), 0)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("integrated_gradients", {"steps": 2.5}, "explainer.steps is 2.5; it must be a whole"),
        ("integrated_gradients", {"steps": "9"}, "explainer.steps is 9; it must be at least 1"),
        ("integrated_gradients", {"steps": True}, "explainer.steps is True"),
        ("integrated_gradients", {"baseline": "silent"}, "a baseline is a number or a tensor"),
        ("integrated_gradients", {"method": ["gauss"]}, "unknown value of explainer.method"),
        ("smoothgrad", {"noise": "loud"}, "explainer.noise is loud"),
        ("smoothgrad", {"noise": float("nan")}, "explainer.noise is nan"),
        ("smoothgrad", {"noise": float("inf")}, "noise is inf; .* finite"),
        ("smoothgrad", {"seed": 1.5}, "explainer.seed is 1.5; it must be a whole number"),
        ("random", {"seed": "one"}, "explainer.seed is one; it must be a whole number"),
        ("sensitivity", {"start": None}, "unknown value of explainer.start"),
    ],
)
def test_settings_that_cannot_be_are_named(name, settings, message):
    inputs = torch.zeros(2, 1, 8, 9).double()
    with pytest.raises(SpeechLRPError, match=message) as caught:
        _make(name, **settings).explain(nets.piecewise(bias=True), inputs, 0)
    assert "\n" not in str(caught.value)


def test_a_seed_of_many_digits_is_a_seed():
    model, inputs = nets.piecewise(bias=True), torch.zeros(2, 1, 8, 9).double()
    first, other = (
        _make("random", seed=10**70 + more).explain(model, inputs, 0)[1] for more in (0, 1)
    )
    assert not torch.equal(first, other)


def test_examples_of_one_number():
    model = nn.Sequential(nn.Unflatten(0, (3, 1)), nn.Linear(1, 2)).eval()
    found = _make("smoothgrad", samples=1).explain(model, torch.randn(3), 0)[1]
    torch.testing.assert_close(found, model[1].weight[0].detach().expand(3))
