"""A user's own function that makes a network."""

import sys

import pytest
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.models import MODELS
from speechlrp.models.custom import check_network

custom = MODELS["custom"]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "own_network_5.py").write_text(
        "from torch import nn\n"
        "def make(classes, width=4):\n"
        "    return nn.Sequential(nn.Linear(3, width), nn.Linear(width, classes))\n"
        "def number(classes):\n    return classes\n"
        "size = 3\n"
        "def fails(classes):\n    raise KeyError('width')\n"
        "def leaves(classes):\n    raise SystemExit(3)\n"
        "class Wrong(nn.Module):\n"
        "    def __init__(self, classes):\n        super().__init__()\n        self.k = classes\n"
        "    def forward(self, x):\n        return x.mean(dim=(1, 2))\n"
        "class Narrow(nn.Sequential):\n"
        "    def __init__(self, classes):\n"
        "        super().__init__(nn.Flatten(), nn.Linear(7, classes))\n"
        "class Lost(Narrow):\n"
        "    def forward(self, x):\n        return x.flatten(1)[:, :5] / 0\n"
        "class Pair(nn.Module):\n"
        "    def __init__(self, classes):\n        super().__init__()\n"
        "    def forward(self, x):\n        return x, x\n"
    )
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken_network_5.py").write_text("def make(classes)\n    pass\n")
    (tmp_path / "failing_network_5.py").write_text("import os\nos.stat('nowhere/5')\n")
    yield
    for name in ("own", "broken", "failing"):
        sys.modules.pop(f"{name}_network_5", None)


@pytest.mark.usefixtures("mine")
def test_the_function_is_found_in_the_working_folder_and_called():
    path = list(sys.path)
    made = custom(classes=5, factory="own_network_5:make", options={"width": 7})
    assert (made[0].out_features, made[1].out_features) == (7, 5)
    assert sys.path == path


def test_a_class_that_is_installed_will_do():
    made = custom(classes=2, factory="speechlrp.models.alexnet:AlexNet")
    assert isinstance(made, nn.Module)


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("factory", "options", "words"),
    [
        (None, None, "model.factory is None; name it as model.factory=package.module:function"),
        ("own_network_5", None, "model.factory is 'own_network_5'"),
        ("own_network_5:", None, "name it as"),
        (
            "no_such_network:make",
            None,
            "there is no module 'no_such_network'; put",
        ),
        ("own_network_5:made", None, "name in own_network_5 'made'; known: .*Did you mean 'make'"),
        ("own_network_5:size", None, "is no function but 3"),
        ("own_network_5:leaves", None, "raises SystemExit: 3 .*it was called with classes=5"),
        ("own_network_5:make", {"depth": 3}, r"options \{'depth': 3\}: .*depth"),
        ("own_network_5:number", None, "gives int; it must give a torch module"),
        ("own_network_5:fails", None, r"raises KeyError: 'width' \(own_network_5.py, line 8\); it"),
        ("broken_network_5:make", None, r"raises SyntaxError: .*\(broken_network_5.py, line 1\)"),
        ("failing_network_5:make", None, "importing failing_network_5 raises FileNotFoundError"),
    ],
)
def test_what_cannot_be_called_is_one_line(factory, options, words):
    with pytest.raises(SpeechLRPError, match=words) as error:
        custom(classes=5, factory=factory, options=options)
    assert "\n" not in str(error.value)


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Wrong", r"gives \[2, 6\]; it must give logits \[B, K\], here \[2, 5\]"),
        ("Pair", r"gives tuple; it must give logits \[B, K\], here \[2, 5\]"),
        ("Lost", "gives numbers that are not finite"),
        ("Narrow", r"raises RuntimeError: mat1 and mat2 .*; it must take \[B, 1, F, T\]"),
    ],
)
def test_a_network_of_other_inputs_or_outputs_is_one_line(name, words):
    factory = f"own_network_5:{name}"
    model = custom(classes=5, factory=factory)
    said = rf"model.factory={factory}: for inputs of shape \[2, 1, 4, 6\] the network {words}"
    with pytest.raises(SpeechLRPError, match=said) as error:
        check_network(model, torch.zeros(1, 4, 6), 5, f"model.factory={factory}")
    assert "\n" not in str(error.value)
    assert model.training


def test_a_network_that_fits_is_left_as_it_was():
    model = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(), nn.Flatten(), nn.Linear(24, 5))
    before, state = {k: v.clone() for k, v in model.state_dict().items()}, torch.get_rng_state()
    check_network(model, torch.zeros(1, 4, 6), 5, "mine:make")
    torch.testing.assert_close(model.state_dict(), before)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_script_is_refused_with_the_way_to_use_its_weights(tmp_path, monkeypatch):
    (tmp_path / "scripted_network.py").write_text(
        "import torch\nfrom torch import nn\n"
        "def make(classes):\n"
        "    return torch.jit.trace(nn.Linear(3, classes), torch.zeros(1, 3))\n"
    )
    monkeypatch.chdir(tmp_path)
    words = r"gives TorchScript, .* plain module, .*load_state_dict\(script\.state_dict\(\)\)"
    with pytest.raises(SpeechLRPError, match=words):
        custom(classes=5, factory="scripted_network:make")
    sys.modules.pop("scripted_network", None)
