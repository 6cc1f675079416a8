"""explainer=captum: any of its methods by name, with what it promises."""

import sys

import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers import EXPLAINERS
from speechlrp.explainers.captum import COMPLETE, Captum, segments
from speechlrp.explainers.preconditions import generators
from speechlrp.measures.absorption import completeness

captum = pytest.importorskip("captum.attr", reason="needs captum: pip install captum")


@pytest.fixture
def model():
    torch.manual_seed(1)
    return (
        nn.Sequential(
            nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(36, 4)
        )
        .double()
        .eval()
    )


@pytest.fixture
def inputs():
    return torch.randn(3, 1, 8, 10, generator=torch.Generator().manual_seed(2)).double()


TARGET = torch.tensor([3, 0, 3])
BY_GRADIENT = ("InputXGradient", "Saliency", "GuidedBackprop", "Deconvolution", "DeepLift")


@pytest.mark.filterwarnings("ignore:Setting ")  # captum's, of its hooks
@pytest.mark.parametrize("method", BY_GRADIENT)
def test_it_is_captums_own_answer(model, inputs, method):
    output, found = Captum(method).explain(model, inputs, TARGET)
    torch.testing.assert_close(output, model(inputs))
    wanted = getattr(captum, method)(model).attribute(
        inputs.clone().requires_grad_(), target=TARGET
    )
    torch.testing.assert_close(found, wanted.detach())
    assert all(not module._forward_hooks for module in model.modules())


@pytest.mark.parametrize("method", ["ShapleyValueSampling", "DeepLift", "IntegratedGradients"])
def test_what_is_complete_adds_up(model, inputs, method):
    explainer = Captum(method, {"n_steps": 200} if method[0] == "I" else {}, patch=[4, 5])
    assert method in COMPLETE
    assert explainer.units == "logit"
    relevance = explainer.explain(model, inputs, TARGET)[1]
    error = completeness(explainer, model, inputs, TARGET, relevance)["completeness_error"]
    assert error.abs().max() < 0.02


def test_deep_lift_shap_adds_up_to_the_change_from_its_baselines(model, inputs):
    explainer = Captum("DeepLiftShap", samples=5, noise=0.2)
    relevance = explainer.explain(model, inputs, TARGET)[1]
    assert explainer.sums_to == "nothing"
    for row in range(3):
        one = inputs[row : row + 1]
        generator = generators(one, 1)[0]
        draws = torch.randn((5, 1, 8, 10), generator=generator).double()
        at = model(0.2 * (one.max() - one.min()) * draws)[:, TARGET[row]].mean()
        change = model(one)[0, TARGET[row]] - at
        torch.testing.assert_close(relevance[row].sum(), change, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("method", ["GradientShap", "DeepLiftShap", "ShapleyValueSampling"])
def test_what_is_drawn_depends_neither_on_the_batch_nor_on_what_ran_before(model, inputs, method):
    explainer = Captum(method, samples=4, patch=4)
    whole = explainer.explain(model, inputs, TARGET)[1]
    torch.manual_seed(77)
    before = torch.random.get_rng_state()
    alone = explainer.explain(model, inputs[1:2], TARGET[1:2])[1]
    torch.testing.assert_close(whole[1:2], alone)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_contrast_is_the_difference_of_two_answers(model, inputs):
    explainer = Captum("DeepLift")
    weights = torch.zeros(3, 4).double()
    weights[:, 1], weights[:, 2] = 1, -1
    contrast = explainer.explain(model, inputs, weights)[1]
    apart = [explainer.explain(model, inputs, torch.full((3,), k))[1] for k in (1, 2)]
    torch.testing.assert_close(contrast, apart[0] - apart[1])


def test_segments_are_patches_that_share_their_number_out(model, inputs):
    mask = segments(torch.Size([8, 10]), (4, 4))
    assert mask[0, 0] == mask[3, 3] == 0
    assert mask.unique().tolist() == list(range(6))
    relevance = Captum("FeatureAblation", patch=4).explain(model, inputs, TARGET)[1]
    inside = inputs.clone()
    inside[:, :, :4, :4] = 0
    lost = (model(inputs) - model(inside)).gather(1, TARGET[:, None])[:, 0]
    torch.testing.assert_close(relevance[:, 0, :4, :4].sum((1, 2)), lost)


def test_windows_fit_into_small_inputs(model, inputs):
    relevance = Captum("Occlusion", patch=[16, 2]).explain(model, inputs, TARGET)[1]
    assert relevance.shape == inputs.shape
    assert (relevance[:, 0, 0] == relevance[:, 0, 7]).all()


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: Captum("DeepLyft"), "unknown value of explainer.method 'DeepLyft'.*'DeepLift'"),
        (lambda: Captum("LayerGradCam"), "LayerGradCam of captum explains no inputs.*DeepLift, "),
        (lambda: Captum("NoiseTunnel"), "NoiseTunnel of captum explains no inputs"),
        (lambda: Captum("DeepLift", samples=0), "explainer.samples is 0"),
        (lambda: Captum("DeepLift", start="none"), "explainer.start"),
    ],
)
def test_what_there_is_not_is_one_line(made, message):
    with pytest.raises(SpeechLRPError, match=message):
        made()


def test_what_captum_refuses_is_one_line(model, inputs):
    with pytest.raises(SpeechLRPError, match="captum's DeepLift: TypeError"):
        Captum("DeepLift", {"steps": 3}).explain(model, inputs, TARGET)
    with pytest.raises(SpeechLRPError, match=r"captum's LRP: TypeError: .*Flatten.* has no rule"):
        Captum("LRP").explain(model, inputs, TARGET)


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    with pytest.raises(SpeechLRPError, match=r"pip install 'speechlrp\[captum\]'"):
        EXPLAINERS["captum"]("DeepLift")
