"""A user's own function that makes a network."""

import sys

import pytest
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.models import MODELS

custom = MODELS["custom"]


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "own_network_5.py").write_text(
        "from torch import nn\n"
        "def make(classes, width=4):\n"
        "    return nn.Sequential(nn.Linear(3, width), nn.Linear(width, classes))\n"
        "def number(classes):\n    return classes\n"
        "size = 3\n"
    )
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("own_network_5", None)


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
        ("no_such_network:make", None, "No module named 'no_such_network'"),
        ("own_network_5:made", None, "the module own_network_5 has no function 'made'"),
        ("own_network_5:size", None, "has no function 'size'"),
        ("own_network_5:make", {"depth": 3}, r"options \{'depth': 3\}: .*depth"),
        ("own_network_5:number", None, "gives int; it must give a torch module"),
    ],
)
def test_what_cannot_be_called_is_one_line(factory, options, words):
    with pytest.raises(SpeechLRPError, match=words) as error:
        custom(classes=5, factory=factory, options=options)
    assert "\n" not in str(error.value)
