"""Passes, sums and conservation of explanations, counted and added up."""

import pytest
import torch

from speechlrp.explainers.counting import counting
from speechlrp.explainers.integrated_gradients import IntegratedGradients
from speechlrp.explainers.lrp import LRP
from speechlrp.explainers.occlusion import Occlusion
from speechlrp.explainers.sensitivity import GradientXInput, SmoothGrad
from speechlrp.measures.absorption import SUMS, completeness, conservation, summarise_conservation
from tests.explainers import nets

TARGET = torch.tensor([2, 0, 1])
ZERO = {"layers": "Module", "rule": "zero"}


@pytest.fixture
def inputs(generator):
    return torch.randn(3, 1, 8, 9, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize(
    ("explainer", "forward", "backward", "watched"),
    [
        (GradientXInput(), 3, 3, 0),
        (IntegratedGradients(steps=4, pass_size=6), 3 + 12, 12, 0),
        (SmoothGrad(samples=5), 3 + 15, 15, 0),
        (Occlusion((4, 9)), 3 + 6, 0, 0),
        (LRP([ZERO]), 3, 0, 3),
    ],
)
def test_passes_are_counted(explainer, forward, backward, watched, inputs):
    model = nets.piecewise(bias=True)
    explainer.explain(model, inputs, TARGET)  # once, a model is asked whether it mixes examples
    with counting(model) as passes:
        explainer.explain(model, inputs, TARGET)
    assert (passes.forward, passes.backward, passes.watched) == (forward, backward, watched)
    assert not model._forward_pre_hooks


def test_counting_changes_no_explanation(inputs):
    model = nets.piecewise(bias=True)
    for explainer in (LRP([ZERO]), GradientXInput()):
        alone = explainer.explain(model, inputs, TARGET)[1]
        with counting(model):
            assert torch.equal(explainer.explain(model, inputs, TARGET)[1], alone)


@pytest.mark.parametrize("start", ["logit", "softmax", "sigmoid"])
def test_integrated_gradients_owe_the_difference_from_their_baseline(start, inputs):
    model = nets.linear(shape=(1, 8, 9))
    explainer = IntegratedGradients(200, baseline=0.5, start=start)
    relevance = explainer.explain(model, inputs, TARGET)[1]
    found = completeness(explainer, model, inputs, TARGET, relevance)
    ends = {"logit": lambda z: z, "softmax": lambda z: z.softmax(1), "sigmoid": torch.sigmoid}
    with torch.no_grad():
        change = ends[start](model(inputs)) - ends[start](model(torch.full_like(inputs, 0.5)))
    torch.testing.assert_close(found["promised"], change.gather(1, TARGET[:, None])[:, 0])
    torch.testing.assert_close(
        found["completeness_error"], torch.zeros(3).double(), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("start", ["logit", "softmax", "one"])
def test_lrp_owes_what_it_starts_with_and_biases_take_some(start, inputs):
    for bias in (False, True):
        model, explainer = nets.piecewise(bias=bias), LRP([ZERO], start=start)
        relevance = explainer.explain(model, inputs, TARGET)[1]
        found = completeness(explainer, model, inputs, TARGET, relevance)
        zeros = torch.allclose(found["completeness_error"], torch.zeros(3).double(), atol=1e-9)
        assert zeros != bias


def test_gradient_x_input_promises_nothing(inputs):
    model, explainer = nets.piecewise(bias=True), GradientXInput()
    relevance = explainer.explain(model, inputs, TARGET)[1]
    found = completeness(explainer, model, inputs, TARGET, relevance)
    assert found["completeness_error"].isnan().all()
    assert found["promised"].isnan().all()
    torch.testing.assert_close(found["relevance_sum"], relevance.sum((1, 2, 3)))


def test_a_conservation_report_adds_up_over_layers_and_batches(inputs):
    model = nets.piecewise(bias=True)
    explainer = LRP([{"layers": "Module", "rule": "epsilon", "eps": 0.3}])
    whole = conservation(explainer, model, inputs, TARGET)
    parts = [conservation(explainer, model, inputs[s], TARGET[s]) for s in (slice(2), slice(2, 3))]
    table = summarise_conservation(parts)
    for name in SUMS:
        torch.testing.assert_close(
            torch.tensor(table[name][:-1].to_numpy()), torch.tensor(whole[name].to_numpy()) / 3
        )
    output, relevance = explainer.explain(model, inputs, TARGET)
    last = table.iloc[-1]
    assert last.operation == "all"
    assert last.n == 3
    assert last.received == pytest.approx(float(output.gather(1, TARGET[:, None]).mean()))
    assert last.passed == pytest.approx(float(relevance.sum() / 3))
    assert last.received - last.passed == pytest.approx(last.bias + last.stabiliser)
    assert abs(last.stabiliser) > 1e-3
    assert last.bias_share == pytest.approx(last.bias / last.received)
