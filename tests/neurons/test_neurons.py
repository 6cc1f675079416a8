"""Which neuron is most active: against sums over windows taken one by one."""

import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.neurons.neurons import Activity, Neuron, watched
from tests.explainers import nets

LAYERS = ["0", "1", "2", "3"]


@pytest.fixture
def model():
    return nets.sequence()


@pytest.fixture
def windows(generator):
    return torch.randn(40, 6, 3, generator=generator, dtype=torch.float64)


def test_a_neurons_activation():
    made = torch.arange(24.0).view(2, 3, 4)
    assert Neuron("x", 1).activation(made).tolist() == [5.5, 17.5]
    assert Neuron("x", 2, 0).activation(made).tolist() == [8.0, 20.0]
    assert Neuron("x", 2, -1).activation(made).tolist() == [11.0, 23.0]
    assert Neuron("x", 1).activation(made[:, :, 0]).tolist() == [4.0, 16.0]
    planes = made.view(2, 3, 2, 2)
    assert Neuron("x", 0).activation(planes).tolist() == [1.5, 13.5]
    assert Neuron("x", 0, 1).activation(planes).tolist() == [2.0, 14.0]


@pytest.mark.parametrize(
    ("neuron", "message"),
    [
        (Neuron("x", 3), r"'x' has no channel 3: its output is \[2, 3, 4\]"),
        (Neuron("x", -1), "no channel -1"),
        (Neuron("x", 0, 4), "no step 4"),
        (Neuron("x", 0, -5), "no step -5"),
    ],
)
def test_a_neuron_that_there_is_not(neuron, message):
    with pytest.raises(SpeechLRPError, match=message):
        neuron.activation(torch.zeros(2, 3, 4))


def test_activations_are_those_before_anything_changes_them_in_place(model, windows):
    norm = {}
    with watched(model, ["1", "2"], lambda layer, made: norm.setdefault(layer, made.clone())):
        model(windows)
    torch.testing.assert_close(norm["1"], model[1](model[0](windows)))
    assert (norm["1"] < 0).any()
    torch.testing.assert_close(norm["2"], norm["1"].relu())


def test_the_sums_of_each_class(model, windows):
    activity = Activity(LAYERS)
    for part in windows.split([7, 1, 32]):
        activity.add(model, part)
    with torch.no_grad():
        steps = [windows]
        for layer in model:
            steps.append(layer(steps[-1].clone()))
    predicted = steps[-1][:, :, 0].argmax(1)
    assert activity.counts.tolist() == torch.bincount(predicted, minlength=5).tolist()
    for name, made in zip(LAYERS, steps[1:], strict=True):
        for symbol in range(5):
            mean = made[predicted == symbol].mean(2).sum(0)
            torch.testing.assert_close(activity.sums[name][symbol], mean)
    symbol = int(activity.counts.argmax())
    chosen = activity.most_active(symbol)
    assert [neuron.layer for neuron in chosen] == LAYERS
    assert chosen[-1].channel == symbol  # K: in the output layer it is the letter itself
    assert chosen[2].channel == int(steps[3][predicted == symbol].mean((0, 2)).argmax())


def test_ranks_add_up(model, windows):
    whole, ranks = Activity(LAYERS), [Activity(LAYERS) for _ in range(3)]
    whole.add(model, windows)
    ranks[0].add(model, windows[:15])
    ranks[2].add(model, windows[15:])
    both = ranks[0] + ranks[1] + ranks[2]
    assert torch.equal(both.counts, whole.counts)
    for layer in LAYERS:
        torch.testing.assert_close(both.sums[layer], whole.sums[layer])


def test_a_class_that_was_never_predicted(model, windows):
    activity = Activity(["0"])
    with pytest.raises(SpeechLRPError, match="no window was predicted as class 2"):
        activity.most_active(2)
    activity.add(model, windows[:1])
    missing = next(symbol for symbol in range(5) if not activity.counts[symbol])
    with pytest.raises(SpeechLRPError, match="take more windows, or train longer"):
        activity.most_active(missing)


def test_what_cannot_be_watched_leaves_no_hook(model, windows):
    with pytest.raises(SpeechLRPError, match=r"no module 'layers\.0'"):
        Activity(["0", "layers.0"]).add(model, windows)
    with pytest.raises(SpeechLRPError, match="one output step each"):
        Activity(["0"]).add(model, torch.zeros(2, 6, 9).double())
    with pytest.raises(SpeechLRPError, match="training mode"):
        Activity(["0"]).add(nets.sequence().train(), windows)
    pair = nn.Sequential(nn.LSTM(4, 3, batch_first=True)).eval()
    with pytest.raises(SpeechLRPError, match="makes a tuple; name one that makes a tensor"):
        Activity(["0"]).add(pair, torch.zeros(1, 2, 4))
    for one in (model, pair):
        assert not any(module._forward_hooks for module in one.modules())
