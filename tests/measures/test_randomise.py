"""Random layers: which, when, and that the network comes back."""

import copy
import warnings
from functools import partial
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import register_parametrization

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.lrp import LRP
from speechlrp.explainers.sensitivity import GradientXInput
from speechlrp.measures import METHODS, ORDERS
from speechlrp.measures.effective import copied
from speechlrp.measures.randomise import (
    layers_in_use,
    make_random,
    randomised,
    steps_from_output,
)


class Backwards(nn.Module):
    """Uses its layers in another order than it holds them, and one not at all."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(4, 3)
        self.first = nn.Conv2d(1, 2, 3)
        self.norm = nn.BatchNorm2d(2)
        self.middle = nn.Linear(2, 4)
        self.unused = nn.Linear(2, 2)

    def forward(self, x):
        x = torch.relu(self.norm(self.first(x))).mean(dim=(2, 3))
        return self.last(torch.relu(self.middle(x)))


@pytest.fixture
def model():
    torch.manual_seed(6)
    made = Backwards()
    made(torch.randn(16, 1, 6, 6))
    return made.eval()


def _changed(model, before):
    now = model.state_dict()
    return {name.split(".")[0] for name in now if not torch.equal(now[name], before[name])}


def _state(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def test_layers_are_those_in_use_in_their_order_and_no_hook_stays(model):
    assert layers_in_use(model, torch.zeros(1, 1, 6, 6)) == ["first", "norm", "middle", "last"]
    assert not any(module._forward_pre_hooks for module in model.modules())
    with pytest.raises(SpeechLRPError, match="no layer with weights"):
        layers_in_use(nn.ReLU(), torch.zeros(1, 2))


def test_steps_go_from_the_output_to_the_input():
    assert steps_from_output(["a", "b", "c", "d"], 8) == [["d"], ["c"], ["b"], ["a"]]
    assert steps_from_output(["a", "b", "c", "d", "e"], 2) == [["e", "d", "c"], ["b", "a"]]


@pytest.mark.parametrize("method", METHODS)
def test_cascading_keeps_and_independent_undoes_what_came_before(model, method):
    before, steps = _state(model), [["last"], ["middle"], ["norm", "first"]]
    reached = [_changed(m, before) for m in randomised(model, steps, "cascading", method, 1)]
    assert reached[:2] == [{"last"}, {"last", "middle"}]
    assert {"last", "middle", "first"} <= reached[2] <= {"last", "middle", "first", "norm"}
    alone = [_changed(m, before) for m in randomised(model, steps, "independent", method, 1)]
    assert alone[:2] == [{"last"}, {"middle"}]
    assert _changed(model, before) == set()


@pytest.mark.parametrize("order", ORDERS)
def test_the_weights_come_back_when_it_is_left_early(model, order):
    before = _state(model)
    steps = randomised(model, [["last"], ["first"]], order, "init", 1)
    next(steps)
    assert _changed(model, before) == {"last"}
    steps.close()
    assert _changed(model, before) == set()


def test_permuting_keeps_the_numbers_of_every_weight(model):
    before = _state(model)
    make_random(model, ["first"], "permute", 3)
    now = model.first.weight.detach()
    assert not torch.equal(now, before["first.weight"])
    assert torch.equal(now.flatten().sort()[0], before["first.weight"].flatten().sort()[0])


def test_the_seed_decides_and_the_global_generator_stays(model):
    state = torch.random.get_rng_state()
    made = []
    for seed in (1, 1, 2):
        other = copy.deepcopy(model)
        make_random(other, ["middle"], "init", seed)
        made.append(other.middle.weight.detach())
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.mark.parametrize("explainer", [GradientXInput(), LRP(preset="resnet_eps_gamma")])
def test_explanations_follow_the_weights_that_are_there(model, explainer):
    """Nothing that an explainer made of the old weights is used again."""
    x, target = torch.randn(2, 1, 6, 6), torch.tensor([0, 2])
    explainer.explain(model, x, target)
    make_random(model, ["first", "last"], "init", 4)
    fresh = Backwards().eval()
    fresh.load_state_dict(model.state_dict())
    found = explainer.explain(model, x, target)[1]
    torch.testing.assert_close(found, explainer.explain(fresh, x, target)[1], rtol=0, atol=0)


def test_what_there_is_not_is_refused(model):
    with pytest.raises(SpeechLRPError, match=r"value of compare\.sanity 'sideways'"):
        next(randomised(model, [["last"]], "sideways", "init", 1))
    with pytest.raises(SpeechLRPError, match=r"value of compare\.randomise 'burn'"):
        make_random(model, ["last"], "burn", 1)
    model.own = nn.Module()
    model.own.weight = nn.Parameter(torch.zeros(2))
    with pytest.raises(SpeechLRPError, match=r"layer own \(Module\) has no reset_parameters"):
        make_random(model, ["own"], "init", 1)


def _old(norm, layer):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return norm(layer)


class Halved(nn.Module):
    """A parametrization of one's own; without an inverse unless there is one."""

    def forward(self, weight):
        return weight / 2


class Invertible(Halved):
    def right_inverse(self, weight):
        return weight * 2


NORMS = {
    "plain": lambda layer: layer,
    "weight_norm": partial(_old, torch.nn.utils.weight_norm),
    "spectral_norm": partial(_old, torch.nn.utils.spectral_norm),
    "parametrized weight_norm": torch.nn.utils.parametrizations.weight_norm,
    "parametrized spectral_norm": torch.nn.utils.parametrizations.spectral_norm,
    "parametrized orthogonal": torch.nn.utils.parametrizations.orthogonal,
    "one's own": lambda layer: register_parametrization(layer, "weight", Invertible()),
}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("norm", NORMS)
def test_every_step_changes_the_output_and_all_comes_back(norm, bias, method, order):
    torch.manual_seed(0)
    convolution = NORMS[norm](nn.Conv1d(2, 4, 3, bias=bias))
    last = NORMS[norm](nn.Linear(28, 3, bias=bias))
    model = nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), last).eval()
    x = torch.randn(5, 2, 9)
    before, parameters = model(x), [p.detach().clone() for p in model.parameters()]
    steps = steps_from_output(layers_in_use(model, x[:1]), 8)
    assert steps == [["3"], ["0"]]
    outputs = [other(x).detach() for other in randomised(model, steps, order, method, 1)]
    for one, other in pairwise([before, *outputs]):
        assert (one - other).norm() / one.norm() > 0.05
    torch.testing.assert_close(model(x), before)
    for one, other in zip(model.parameters(), parameters, strict=True):
        assert torch.equal(one, other)
    torch.testing.assert_close(copied(model)(x), before)


@pytest.mark.parametrize("norm", ["weight_norm", "parametrized weight_norm", "one's own"])
def test_a_norm_begins_anew_as_the_plain_layer_does(norm):
    layers = [NORMS[name](nn.Linear(28, 3)) for name in ("plain", norm)]
    for layer in layers:
        make_random(nn.Sequential(layer), ["0"], "init", 5)
        layer(torch.zeros(1, 28))
    torch.testing.assert_close(layers[1].weight, layers[0].weight)
    assert torch.equal(layers[1].bias, layers[0].bias)


def test_weights_that_are_used_without_a_call_are_found():
    attention = nn.MultiheadAttention(4, 2, batch_first=True)

    class Attending(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention, self.last = attention, nn.Linear(4, 2)
            self.attention.unused = nn.Linear(3, 3)

        def forward(self, x):
            return self.last(self.attention(x, x, x, need_weights=False)[0].mean(1))

    model = Attending().eval()
    layers = layers_in_use(model.requires_grad_(False), torch.randn(1, 5, 4))
    assert layers == ["attention", "attention.out_proj", "last"]
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    ("layer", "method", "words"),
    [
        (nn.PReLU(), "permute", "leaves the weights of 0 as they are.*randomise=init"),
        (nn.BatchNorm1d(3), "init", "leaves the weights of 0 as they are.*randomise=permute"),
        (
            register_parametrization(nn.Linear(2, 2), "weight", Halved()),
            "init",
            "weight of a .*Linear is parametrized without a right_inverse",
        ),
    ],
)
def test_standing_still_is_no_step(layer, method, words):
    with pytest.raises(SpeechLRPError, match=words) as error:
        make_random(nn.Sequential(layer).eval(), ["0"], method, 1)
    assert "\n" not in str(error.value)
