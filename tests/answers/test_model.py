"""Any torch model explained in one call."""

import pytest
import torch
from torch import nn

import speechlrp
from speechlrp.config.names import explainer_choice
from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.lrp import LRP
from speechlrp.lrp import Composite, Epsilon, Zero, attribute


def test_any_torch_model_is_explained_in_one_call():
    model = nn.Sequential(nn.Linear(4, 8, bias=False), nn.ReLU(), nn.Linear(8, 2, bias=False))
    inputs = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    output, relevance = speechlrp.explain(model.eval(), inputs, torch.tensor([0, 1, 0]))
    chosen = output.gather(1, torch.tensor([[0], [1], [0]]))[:, 0]
    torch.testing.assert_close(relevance.sum(1), chosen, rtol=1e-4, atol=1e-5)
    gradient = speechlrp.explain(model, inputs, 1, explainer="gradient_x_input")[1]
    torch.testing.assert_close(gradient, relevance_of_class_1(model, inputs))


def test_an_explainer_of_ones_own_is_taken_where_a_name_is(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_model.py").write_text(
        "from speechlrp.explainers.sensitivity import GradientXInput\n"
        "class Mine(GradientXInput): ...\n"
    )
    model, inputs = nn.Linear(4, 2).eval(), torch.randn(3, 4)
    relevance = speechlrp.explain(model, inputs, 1, explainer="own_model:Mine")[1]
    torch.testing.assert_close(relevance, relevance_of_class_1(model, inputs))
    assert explainer_choice("own_model:Mine")[1] == "explainer.kind='own_model:Mine'"


def relevance_of_class_1(model, inputs):
    values = inputs.clone().requires_grad_()
    model(values)[:, 1].sum().backward()
    return values.grad * inputs


class Padded(nn.Module):
    """Frames and how many of them count, to logits and what else there is."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv1d(3, 4, 3, padding=1), nn.Linear(4, 2)

    def forward(self, frames, lengths=None):
        hidden = torch.relu(self.conv(frames))
        if lengths is not None:
            hidden = hidden * (torch.arange(frames.shape[2]) < lengths[:, None])[:, None]
        return self.head(hidden.mean(2)), hidden


PATCH = {"occlusion": {"patch": [1, 1], "stride": [1, 1]}}
PADDED, LENGTHS = Padded().double().eval(), [9, 4]
FRAMES = torch.randn(2, 3, 9, generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize("explainer", ["lrp", "gradient_x_input", "smoothgrad", "occlusion"])
@pytest.mark.parametrize("by_name", [False, True])
def test_what_a_model_takes_beside_its_inputs(explainer, by_name):
    lengths = torch.tensor(LENGTHS)
    beside = {"kwargs": {"lengths": lengths}} if by_name else {"args": (lengths,)}
    frames = FRAMES.unsqueeze(1) if explainer == "occlusion" else FRAMES  # which takes pictures
    model = Pictures(PADDED) if explainer == "occlusion" else PADDED
    output, relevance = speechlrp.explain(
        model.eval(),
        frames,
        1,
        explainer,
        output=lambda o: o[0],
        **beside,
        **PATCH.get(explainer, {}),
    )
    torch.testing.assert_close(output, PADDED(FRAMES, lengths)[0].detach())
    assert relevance.shape == frames.shape
    assert float(relevance[1, ..., 5:].abs().max()) < 1e-12 < float(relevance[0].abs().min())


class Pictures(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, pictures, lengths):
        return self.network(pictures[:, 0], lengths)


def test_a_composite_explains_by_the_names_of_the_model():
    composite = Composite([("head", Zero()), ("conv", Epsilon(0.3))])
    beside = {"args": (torch.tensor(LENGTHS),), "output": lambda o: o[0]}
    ours = speechlrp.explain(PADDED, FRAMES, 1, composite, **beside)[1]
    torch.testing.assert_close(ours, attribute(PADDED, FRAMES, 1, composite, **beside)[1])


@pytest.mark.parametrize(
    ("explainer", "settings", "message"),
    [
        ("lrp", {}, "output=lambda"),
        ("lrp", {"output": 0}, "output must be a function .*found 0"),
        ("lrp", {"kwargs": {"lenghts": 1}}, "lenghts"),
        (Composite([("", Zero())]), {"merge_batch_norm": True}, "give it to the Composite"),
        (LRP(preset="epsilon"), {"start": "one"}, "already made"),
        (LRP, {}, "an explainer made"),
    ],
)
def test_a_call_that_does_not_fit(explainer, settings, message):
    with pytest.raises(SpeechLRPError, match=message):
        speechlrp.explain(PADDED, FRAMES, 1, explainer, **settings)


@pytest.mark.parametrize("explainer", ["lrp_gamma", "smoothgrad"])
def test_inputs_that_the_model_does_not_take_are_told_with_its_own_words(explainer):
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 3)).eval()
    words = r"no inputs of shape \[2, 1, 5, 5\]: it raises RuntimeError: mat1 and mat2 shapes"
    with pytest.raises(SpeechLRPError, match=words):
        speechlrp.explain(model, torch.rand(2, 1, 5, 5), 0, explainer)
