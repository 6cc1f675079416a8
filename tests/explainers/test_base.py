"""What an explainer declares: the unit of its numbers, and what they add up to."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers import EXPLAINERS
from speechlrp.explainers.base import CHANGE, NOTHING, OUTPUT, SUMS, Explainer
from speechlrp.explainers.integrated_gradients import IntegratedGradients
from speechlrp.explainers.lrp import LRP
from speechlrp.explainers.occlusion import Occlusion
from speechlrp.explainers.random import Random
from speechlrp.explainers.sensitivity import GradientXInput, Sensitivity, SmoothGrad
from speechlrp.measures.absorption import completeness

TARGET = torch.tensor([0, 2, 1])
ZERO = [{"layers": "Linear", "rule": "zero"}]
ENDINGS = {
    "none": (None, lambda z: z),
    "softmax": (nn.Softmax(1), lambda z: z.softmax(1)),
    "log_softmax": (nn.LogSoftmax(1), lambda z: z.softmax(1)),
    "sigmoid": (nn.Sigmoid(), torch.sigmoid),
}


class Ending(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


FORMS = {
    "log of softmax": lambda z: torch.log(torch.softmax(z, 1)),
    "log_ of softmax": lambda z: z.softmax(-1).log_(),
    "log of sigmoid": lambda z: z.sigmoid().log(),
    "log-softmax of columns": lambda z: F.log_softmax(z[:, :, None], 1).squeeze(2),
    "log-softmax, transposed": lambda z: F.log_softmax(z.T, 0).T,
    "log of softmax, viewed": lambda z: z.softmax(1).log().unsqueeze(0).view(z.shape),
    "softmin": lambda z: F.softmin(-z, 1),
}
ENDINGS |= {name: (Ending(form), None) for name, form in FORMS.items()}


def _body(bias: bool = False) -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Linear(6, 8, bias=bias), nn.ReLU(), nn.Linear(8, 4, bias=bias)
    return nn.Sequential(*layers).double().eval()


def _inputs() -> torch.Tensor:
    return torch.randn(3, 6, generator=torch.Generator().manual_seed(1)).double()


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("name", "start"),
    [
        *(("lrp", start) for start in ("logit", "softmax", "sigmoid", "one")),
        *(("integrated_gradients", start) for start in ("logit", "softmax", "sigmoid")),
    ],
)
def test_relevance_adds_up_to_the_quantity_at_the_logits(name, start, ending):
    """Whatever the network ends in, all explain what stands before it; never a softmax twice."""
    body, inputs = _body(), _inputs()
    model = body if ENDINGS[ending][0] is None else nn.Sequential(body, ENDINGS[ending][0]).eval()
    explainer = LRP(ZERO, start) if name == "lrp" else IntegratedGradients(4000, start=start)
    relevance = explainer.explain(model, inputs, TARGET)[1]
    logits = body(inputs).detach()
    quantity = {
        "logit": logits,
        "softmax": logits.softmax(1),
        "sigmoid": logits.sigmoid(),
        "one": torch.ones_like(logits),
    }[start].gather(1, TARGET[:, None])[:, 0]
    if name == "integrated_gradients":
        quantity = quantity - {"logit": 0.0, "softmax": 0.25, "sigmoid": 0.5}[start]
    sums = completeness(explainer, model, inputs, TARGET, relevance)
    torch.testing.assert_close(sums["promised"], quantity)
    torch.testing.assert_close(relevance.sum(1), quantity, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(sums["completeness_error"], relevance.sum(1) - quantity)


@pytest.mark.parametrize("ending", sorted(set(ENDINGS) - {"none"}))
@pytest.mark.parametrize("name", sorted(set(EXPLAINERS) - {"random"}))
def test_every_explainer_explains_the_logits_whatever_the_ending(name, ending):
    settings = {
        "captum": {"method": "IntegratedGradients"},
        "lrp": {"rules": [{"layers": "Module", "rule": "epsilon", "eps": 0.1}]},
        "occlusion": {"patch": (1, 2)},
    }.get(name, {})
    explainer, inputs = EXPLAINERS[name](**settings), _inputs()[:, None]
    flat = nn.Sequential(nn.Flatten(), _body(bias=True)).eval()
    wanted = explainer.explain(flat, inputs, TARGET)[1]
    model = nn.Sequential(flat, ENDINGS[ending][0]).eval()
    output, found = explainer.explain(model, inputs, TARGET)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(output, model(inputs).detach())


class InPlace(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = _body()

    def forward(self, x):
        return self.body(x).sigmoid_()


def test_an_ending_in_place_leaves_the_logits_for_the_gradient():
    relevance = GradientXInput().explain(InPlace().eval(), _inputs(), TARGET)[1]
    torch.testing.assert_close(relevance, GradientXInput().explain(_body(), _inputs(), TARGET)[1])


@pytest.mark.parametrize(
    ("explainer", "units", "sums_to"),
    [
        (Sensitivity(), "logit per unit of the input", NOTHING),
        (
            Sensitivity("square", "softmax"),
            "squared, probability per unit of the input",
            NOTHING,
        ),
        (SmoothGrad(), "logit per unit of the input", NOTHING),
        (GradientXInput(), "logit", NOTHING),
        (IntegratedGradients(start="sigmoid"), "probability", CHANGE),
        (Occlusion(), "logit", NOTHING),
        (Random(), "no unit", NOTHING),
        (LRP(ZERO), "logit", OUTPUT),
        (LRP(ZERO, start="one"), "share", OUTPUT),
        (LRP(preset="navai"), "share of the largest", NOTHING),
        (LRP(preset="navai", preset_options={"scale": False}), "logit", NOTHING),
    ],
)
def test_what_each_declares(explainer, units, sums_to):
    assert (explainer.units, explainer.sums_to) == (units, sums_to)
    promised = explainer.promised(torch.ones(3, 4), TARGET, lambda: torch.ones(1, 4))
    assert (promised is None) == (sums_to == NOTHING)


@pytest.mark.parametrize("name", EXPLAINERS)
def test_every_explainer_declares_both_on_its_class(name):
    kind = EXPLAINERS[name]
    assert issubclass(kind, Explainer)
    for attribute in ("units", "sums_to"):
        assert isinstance(vars(kind).get(attribute, getattr(kind, attribute)), str | property)
    if isinstance(kind.sums_to, str):
        assert kind.sums_to in SUMS


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"sums_to": OUTPUT}, "Mine declares no units; give the class a text, such as units"),
        ({"units": "logit"}, "Mine declares no sums_to"),
        ({"units": "logit", "sums_to": "outputs"}, "sums_to of the explainer Mine 'outputs'"),
        ({"units": "", "sums_to": OUTPUT}, "declares no units"),
        ({"units": "logit", "sums_to": 3}, "declares no sums_to"),
    ],
)
def test_what_is_not_declared_is_said_when_it_is_made(declared, message):
    made = type("Mine", (Explainer,), {"explain": lambda *_: None, **declared})
    with pytest.raises(SpeechLRPError, match=message) as caught:
        made()
    assert "\n" not in str(caught.value)


class FromSomewhere(Explainer):
    units, sums_to = "logit", CHANGE

    def explain(self, model, inputs, target):
        return model(inputs).detach(), inputs


def test_a_sum_from_a_baseline_needs_a_baseline():
    inputs, explainer = _inputs(), FromSomewhere()
    with pytest.raises(SpeechLRPError, match="FromSomewhere has no baseline, and promises"):
        completeness(explainer, _body(), inputs, TARGET, inputs)
    explainer.baseline = 0.5
    promised = completeness(explainer, _body(), inputs, TARGET, inputs)["promised"]
    change = _body()(inputs) - _body()(torch.full_like(inputs, 0.5))
    torch.testing.assert_close(promised, change.gather(1, TARGET[:, None])[:, 0].detach())


def test_captum_is_held_to_the_baseline_that_its_options_name():
    explainer = EXPLAINERS["captum"]("IntegratedGradients", {"baselines": 0.5, "n_steps": 400})
    inputs = _inputs()
    relevance = explainer.explain(_body(), inputs, TARGET)[1]
    sums = completeness(explainer, _body(), inputs, TARGET, relevance)
    assert sums["completeness_error"].abs().max() < 1e-2 * sums["promised"].abs().max()
