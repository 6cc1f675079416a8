"""What holds for every explainer: targets, batches, an untouched model, clear errors."""

import copy

import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers import EXPLAINERS
from tests.explainers import nets

OPTIONS = {
    "captum": {"method": "IntegratedGradients"},
    "lrp": {"rules": [{"layers": "Module", "rule": "epsilon", "eps": 0.1}]},
    "integrated_gradients": {"steps": 5, "pass_size": 7},
    "smoothgrad": {"samples": 5, "pass_size": 7},
    "occlusion": {"patch": (3, 4), "stride": (2, 3), "pass_size": 7},
}
STARTED = sorted(set(EXPLAINERS) - {"random"})
TARGET = torch.tensor([2, 0, 1, 1])


def _make(name: str, **more):
    return EXPLAINERS[name](**OPTIONS.get(name, {}) | more)


@pytest.fixture(params=EXPLAINERS)
def explainer(request):
    return _make(request.param)


@pytest.fixture
def inputs(generator):
    return torch.randn(4, 1, 8, 9, generator=generator, dtype=torch.float64)


@pytest.fixture
def sequences(generator):
    return torch.randn(4, 6, 10, generator=generator, dtype=torch.float64)


def test_half_the_batch_is_the_batchs_half(explainer, inputs):
    model = nets.piecewise(bias=True)
    output, found = explainer.explain(model, inputs, TARGET)
    assert found.shape == inputs.shape
    for half in (slice(0, 2), slice(2, 4)):
        half_output, half_found = explainer.explain(model, inputs[half], TARGET[half])
        torch.testing.assert_close(half_output, output[half])
        torch.testing.assert_close(half_found, found[half])


def test_the_model_and_the_inputs_are_left_as_they_were(explainer, inputs):
    model = nets.piecewise(bias=True)
    model[5].bias.requires_grad_(False)
    model[1].weight.grad = torch.ones_like(model[1].weight)
    before, given = copy.deepcopy(model), inputs.clone()
    before[1].weight.grad = torch.ones_like(model[1].weight)
    state = torch.random.get_rng_state()
    explainer.explain(model, inputs, TARGET)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(inputs, given)
    assert not inputs.requires_grad
    assert inputs.grad is None
    for (name, now), was in zip(model.named_parameters(), before.parameters(), strict=True):
        assert torch.equal(now, was), name
        assert now.requires_grad == was.requires_grad
        assert (now.grad is None) == (was.grad is None)
    assert torch.equal(model[1].weight.grad, before[1].weight.grad)
    assert not any(m.training or m._forward_hooks or m._backward_hooks for m in model.modules())


def test_in_every_gradient_mode(explainer, inputs):
    model = nets.piecewise(bias=True)
    wanted = explainer.explain(model, inputs, TARGET)[1]
    with torch.no_grad():
        assert torch.equal(explainer.explain(model, inputs, TARGET)[1], wanted)
        assert not torch.is_grad_enabled()
    with torch.inference_mode():
        found = explainer.explain(model, inputs.clone(), TARGET)[1]
        assert torch.equal(found, wanted)
    for made in explainer.explain(model, inputs.clone().requires_grad_(), TARGET):
        assert not made.requires_grad


@pytest.mark.parametrize("name", STARTED)
def test_in_half_precision(name, inputs):
    """SmoothGrad's noise is another in another precision, so it needs many samples here."""
    explainer = _make(name, **({"samples": 200} if name == "smoothgrad" else {}))
    inputs = inputs.bfloat16()
    output, found = explainer.explain(nets.piecewise(bias=True).bfloat16(), inputs, TARGET)
    assert output.dtype == found.dtype == torch.bfloat16
    wanted = explainer.explain(nets.piecewise(bias=True), inputs.double(), TARGET)[1]
    both = torch.stack([found.double().flatten(), wanted.flatten()])
    assert torch.corrcoef(both)[0, 1] > 0.95


@pytest.mark.parametrize("name", STARTED)
def test_every_kind_of_target_says_the_same(name, sequences):
    """A function of the output, and the weighting that it amounts to, whatever the passes."""
    model, explainer = nets.sequence(), _make(name)
    symbol = torch.tensor([1, 4, 0, 1])
    weights = torch.zeros(4, 5, 8).double()
    weights[torch.arange(4), symbol, 6] = 1

    def pick(output):
        return output[torch.arange(4), symbol, 6]

    by_function, by_weights = (
        explainer.explain(model, sequences, target)[1] for target in (pick, weights)
    )
    torch.testing.assert_close(by_function, by_weights)
    last = nn.Sequential(model, _Step(6)).eval()
    torch.testing.assert_close(explainer.explain(last, sequences, symbol)[1], by_weights)


@pytest.mark.parametrize("name", STARTED)
def test_a_probability_as_the_start(name, inputs):
    model = nets.piecewise(bias=True)
    logit, chance = (
        _make(name, start=start).explain(model, inputs, TARGET)[1] for start in ("logit", "softmax")
    )
    assert not torch.allclose(logit, chance)
    with pytest.raises(SpeechLRPError, match="Did you mean 'softmax'"):
        _make(name, start="sofmax")


def test_random_relevance_is_nobodys(inputs):
    explainer, model = EXPLAINERS["random"](seed=3), nets.piecewise(bias=True)
    output, found = explainer.explain(model, inputs, TARGET)
    assert torch.equal(output, model(inputs.clone()).detach())
    many = torch.randn(200, 1, 8, 9).double()
    values = explainer.explain(model, many, 0)[1]
    assert abs(float(values.mean())) < 0.05
    assert abs(float(values.std()) - 1) < 0.05
    assert len(values.flatten(1)[:, 0].unique()) == 200
    assert not torch.equal(EXPLAINERS["random"](seed=4).explain(model, inputs, TARGET)[1], found)


def test_what_cannot_be_explained_is_an_expected_error(explainer, inputs):
    model = nets.piecewise(bias=True)
    with pytest.raises(SpeechLRPError, match=r"training mode; call model.eval\(\)"):
        explainer.explain(copy.deepcopy(model).train(), inputs, TARGET)
    with pytest.raises(SpeechLRPError, match="floating point"):
        explainer.explain(model, inputs.long(), TARGET)
    with pytest.raises(SpeechLRPError, match="not finite"):
        explainer.explain(model, torch.full_like(inputs, torch.inf), TARGET)


@pytest.mark.parametrize("name", [*STARTED, "random"])
def test_a_target_that_does_not_fit_is_an_expected_error(name, inputs):
    model, explainer = nets.piecewise(bias=True), _make(name)
    with pytest.raises(SpeechLRPError, match="target 3 is out of range"):
        explainer.explain(model, inputs, TARGET.clone().fill_(3))
    with pytest.raises(SpeechLRPError, match=r"must have shape \[4\]; found \[2\]"):
        explainer.explain(model, inputs, TARGET[:2])


@pytest.mark.parametrize("name", ["sensitivity", "smoothgrad", "integrated_gradients"])
def test_a_model_without_a_gradient_is_an_expected_error(name, inputs):
    class Steps(nn.Module):
        def forward(self, x):
            return x.flatten(1).detach().sign()[:, :3]

    with pytest.raises(SpeechLRPError, match="no gradient"):
        _make(name).explain(Steps().eval(), inputs, TARGET)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("sensitivity", {"magnitude": "squared"}, "Did you mean 'square'"),
        ("integrated_gradients", {"steps": 0}, "steps is 0; it must be at least 1"),
        ("integrated_gradients", {"method": "gaus"}, "Did you mean 'gauss'"),
        ("smoothgrad", {"samples": 0}, "samples is 0"),
        ("smoothgrad", {"noise": -0.1}, "noise is -0.1; it must be at least 0"),
    ],
)
def test_settings_without_a_meaning_are_refused(name, settings, message):
    with pytest.raises(SpeechLRPError, match=message) as caught:
        EXPLAINERS[name](**settings)
    assert "\n" not in str(caught.value)


class _Step(nn.Module):
    def __init__(self, step):
        super().__init__()
        self.step = step

    def forward(self, x):
        return x[:, :, self.step]
