"""Code of a user's own, of every table: what it imports, and what it does wrong, in one line."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import speechlrp
from speechlrp.audio import FEATURES
from speechlrp.config.schema import configure
from speechlrp.corpora import CORPORA
from speechlrp.data.explaining import Explaining, scored
from speechlrp.data.recordings import read_corpus, split_of
from speechlrp.errors import SpeechLRPError
from speechlrp.explainers import EXPLAINERS
from speechlrp.explainers.composites import from_preset, from_rules
from speechlrp.explainers.lrp import LRP
from speechlrp.flipping import STRATEGIES
from speechlrp.flipping.curve import check_measures
from speechlrp.flipping.fill_ins import Surroundings, fill_ins, filled_by
from speechlrp.flipping.strategies import flipping_order
from speechlrp.lrp import Composite, Epsilon, LRPError, attribute
from speechlrp.measures.scores import Maps
from speechlrp.registry import blamed
from speechlrp.training import LOGGERS
from speechlrp.training.recipe import TrainSettings, build_optimizer

PROJECT = Path(__file__).resolve().parents[1]
OWN = """
import torchaudio
import torch
from torch import nn
from speechlrp.explainers.base import Explainer
from speechlrp.lrp import Rule

def make(classes):
    print("made")
    return nn.Sequential(nn.Flatten(), nn.Linear(6, classes))

class Mine(Explainer): ...
"""
ASK = """
from {table}
model = {call}
"""


@pytest.mark.parametrize(
    ("table", "call"),
    [
        ("speechlrp.models import MODELS", "MODELS['own_audio:make'](classes=3)"),
        ("speechlrp.models import MODELS", "MODELS['custom'](3, factory='own_audio:make')"),
        ("speechlrp.explainers import EXPLAINERS", "EXPLAINERS['own_audio:Mine']"),
    ],
)
def test_torchaudio_can_be_imported_from_a_users_module(tmp_path, table, call):
    (tmp_path / "own_audio.py").write_text(OWN)
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(table=table, call=call)], cwd=tmp_path, text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)}, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


BAD = """
import sys
from speechlrp.audio.windows import WindowSettings
from speechlrp.explainers.base import Explainer
from speechlrp.lrp import Epsilon

class Raises(Explainer):
    units, sums_to = "logit", "nothing"
    def __init__(self, size: int = 3):
        print("made")
        raise KeyError("size")
    def explain(self, model, inputs, target): ...

class Quits(Raises):
    def __init__(self):
        sys.exit()

class Unfinished(Explainer):
    units, sums_to = "logit", "nothing"

class Rule(Epsilon):
    def __init__(self):
        raise ZeroDivisionError("no epsilon")

class Features(WindowSettings):
    ...

def preset(**options):
    raise ValueError("several\\nlines")

def late():
    return int("x")
"""
SECTION = [{"layers": "Module", "rule": "own_bad:Rule"}]
SITUATIONS = {
    "an explainer that raises": (
        lambda: configure("explainer X", EXPLAINERS["own_bad:Raises"], {}),
        r"explainer X raises KeyError: 'size' \(own_bad.py, line 11\)",
    ),
    "an explainer that ends the program": (
        lambda: configure("explainer X", EXPLAINERS["own_bad:Quits"], {}),
        r"explainer X raises SystemExit: +\(own_bad.py, line 16\)",
    ),
    "an explainer that does not explain": (
        lambda: configure("explainer X", EXPLAINERS["own_bad:Unfinished"], {}),
        "abstract",
    ),
    "a rule that raises": (lambda: from_rules(SECTION, False), "ZeroDivisionError: no epsilon"),
    "a preset that raises": (lambda: from_preset("own_bad:preset", {}, None), "several lines"),
    "features that are not whole": (
        lambda: configure("features X", FEATURES["own_bad:Features"], {}),
        "features X raises TypeError: Can't instantiate abstract class",
    ),
    "a setting that it does not take": (
        lambda: configure("explainer X", EXPLAINERS["own_bad:Raises"], {"sizes": 3}),
        "unknown setting of explainer X 'sizes'.*Did you mean 'size'",
    ),
    "a module that does not import": (
        lambda: EXPLAINERS["own_broken:X"],
        "No module named",
    ),
    "a module that ends the program": (lambda: EXPLAINERS["own_quits:X"], "SystemExit: 3"),
    "a module that is no Python": (lambda: FEATURES["own_syntax:X"], "SyntaxError"),
}


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_bad.py").write_text(BAD)
    (tmp_path / "own_broken.py").write_text("import nowhere\n")
    (tmp_path / "own_quits.py").write_text("import sys\nsys.exit(3)\n")
    (tmp_path / "own_syntax.py").write_text("def x(:\n")
    yield
    sys.modules.pop("own_bad", None)


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_a_users_code_does_wrong_is_one_line(own, name):
    ask, right = SITUATIONS[name]
    with pytest.raises(SpeechLRPError, match=right) as caught:
        ask()
    assert "\n" not in str(caught.value)


OTHER = """
import math
import numpy as np
import torch
from torch import nn
from speechlrp.corpora import Recording
from speechlrp.explainers.base import Explainer
from speechlrp.flipping.fill_ins import FillIn
from speechlrp.flipping.strategies import Strategy
from speechlrp.lrp import Epsilon, Rule
from speechlrp.training.callbacks import Callback

def text(*_, **__):
    return "low"

def none(*_, **__):
    return None

def two(first, second):
    return 1.0

def auc(curve):
    return 1.0

def columns(maps):
    return {}

def texts(maps):
    return {"top": ["a"] * len(maps.relevance)}

def taken(maps):
    return {"id": np.zeros(len(maps.relevance))}

def folder(root):
    return [Recording("a", root / "a.wav", "s", extra={"tone": "low"})]

def dicts(root):
    return [{"id": "a"}]

def number(root):
    return [Recording(1, root / "a.wav", "s")]

def label(root):
    return [Recording("a", root / "a.wav", "s", extra={"tone": 1})]

def place(root):
    return (Recording(name, f"{name}.wav", "s") for name in "ab")

def twice(root):
    return folder(root) * 2

def nobody(root):
    return []

def lists(recordings, *, label, seed):
    return {"train": [r.id for r in recordings]}

def dev(recordings, *, label, seed):
    return {r.id: "dev" for r in recordings}

class Value(FillIn):
    def of(self, inputs, ids):
        return self.value(inputs)

class Number(Value):
    def value(self, inputs):
        return 0.0

class Whole(Value):
    def value(self, inputs):
        return torch.zeros_like(inputs)

class Nan(Value):
    def value(self, inputs):
        return inputs.flatten(1) * math.nan

class Array(Value):
    def value(self, inputs):
        return inputs.flatten(1).numpy()

class Late(Value):
    def value(self, inputs):
        return lambda flipped: None

class Double(Value):
    def value(self, inputs):
        return inputs.flatten(1).double() * 0 + 3

class Short(FillIn):
    def of(self, inputs):
        return inputs

class Bare(FillIn):
    def __init__(self): ...
    def of(self, inputs, ids): ...

class Log(Strategy):
    def priority(self, relevance):
        return relevance.log()

class Alone(Strategy):
    reverse = "lrp_reverse"
    def priority(self, relevance):
        return relevance

class Reversed(Strategy):
    reversed = "lrp_rev"
    def priority(self, relevance):
        return relevance

class Helped(Strategy):
    sharpness = 2
    def priority(self, relevance):
        return self.sharpened(relevance)
    def sharpened(self, relevance):
        return relevance ** self.sharpness

class Epoch(Callback):
    def on_train_epoch_end(self, row): ...

class Closing(Callback):
    def on_end(self): ...
    def on_epochs(self, row): ...

class Idle(Callback):
    def epoch(self, row): ...

class Own(Explainer):
    units, sums_to = "logit", "nothing"
    def explain(self, model, inputs, target):
        return self.pair(model(inputs), inputs)

class Graph(Own):
    def pair(self, output, inputs):
        return output, inputs

class Flat(Own):
    def pair(self, output, inputs):
        return output.detach()[:, 0], inputs

class Nothing(Rule):
    def backward(self, layer, c):
        return None

class Same(Rule):
    def backward(self, layer, c):
        return c

def pairs():
    return [(nn.Module, Epsilon(0.1))]

def classes():
    return [(nn.Module, Epsilon)]

there = [(nn.Module, Epsilon(0.1))]
"""


@pytest.fixture
def other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_other.py").write_text(OTHER)
    yield
    sys.modules.pop("own_other", None)


def refused(ask, right):
    with pytest.raises(SpeechLRPError, match=right) as caught:
        ask()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("text", "measure of a curve own_other:text gives str; it must give a number"),
        ("none", "own_other:none gives NoneType; it must give a number"),
        ("two", r"own_other:two raises TypeError: two\(\) missing 1 required"),
        ("auc", "auc is there twice"),
        ("tow", "unknown .*'tow'; known: (?!.*(Epsilon|math|np)).* Did you mean 'two'"),
    ],
)
def test_a_measure_of_a_curve_is_tried_before_anything_is_flipped(other, name, right):
    counts = np.array([0, 5, 9])
    refused(lambda: check_measures([f"own_other:{name}"], counts, 10), right)


def test_a_column_of_a_measure_stands_for_one_function(other, tmp_path):
    (tmp_path / "own_twin.py").write_text("def steep(curve):\n    return 1\n")
    (tmp_path / "own_twin2.py").write_text("def steep(curve):\n    return 2\n")
    counts = np.array([0, 5])
    check_measures(["own_twin:steep"], counts, 10)
    refused(lambda: check_measures(["own_twin:steep", "own_twin2:steep"], counts, 10), "steep")


AROUND = Surroundings(-8.0, torch.zeros(1, 2, 2), lambda: ([], torch.zeros(0)), 1)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("Number", r"baseline own_other:Number gives float; .* here \[4\] or \[3, 4\]"),
        ("Whole", r"baseline own_other:Whole gives \[3, 1, 2, 2\]"),
        ("Nan", "baseline own_other:Nan gives values that are not finite"),
        ("Array", "baseline own_other:Array gives ndarray"),
        ("Late", "baseline own_other:Late gives NoneType"),
        ("Short", r"own_other:Short raises TypeError: Short.of\(\) takes 2"),
        ("Bare", r"own_other:Bare raises TypeError: Bare.__init__\(\) takes 1"),
    ],
)
def test_a_fill_in_that_gives_something_else_is_named(other, name, right):
    key, inputs, flipped = f"own_other:{name}", torch.randn(3, 1, 2, 2), torch.ones(3, 4) > 0

    def ask():
        values = filled_by(key, fill_ins([key], AROUND)[key], inputs, list("abc"))
        return values(flipped) if callable(values) else values

    refused(ask, right)


def test_a_fill_ins_numbers_are_of_the_inputs_kind(other):
    key, inputs = "own_other:Double", torch.randn(3, 1, 2, 2)
    values = filled_by(key, fill_ins([key], AROUND)[key], inputs, list("abc"))
    assert values.dtype == torch.float32
    assert torch.equal(values, torch.full((3, 4), 3.0))


def test_a_strategy_without_finite_numbers_is_named(other):
    ask = lambda: flipping_order("own_other:Log", -torch.ones(1, 4), ["a"], 1)  # noqa: E731
    refused(ask, "strategy own_other:Log: bins cannot be ranked")


def test_the_opposite_of_a_strategy_must_be_one(other):
    ask = lambda: flipping_order("own_other:Alone", torch.ones(1, 4), ["a"], 1)  # noqa: E731
    refused(ask, "reverse of strategy own_other:Alone: unknown .*'lrp_reverse'.*mean 'lrp_rev'")


@pytest.mark.parametrize(
    ("table", "name", "right"),
    [
        (
            STRATEGIES,
            "Reversed",
            "part of strategy .*:Reversed 'reversed'.* Did you mean 'reverse'",
        ),
        (
            LOGGERS,
            "Epoch",
            "part of trainer.logger own_other:Epoch 'on_train_epoch_end'; known: on",
        ),
        (LOGGERS, "Closing", "'on_epochs'; known: on_end, .*Did you mean 'on_epoch'"),
        (
            LOGGERS,
            "Idle",
            "own_other:Idle has none of on_end, on_epoch, on_start, on_step: nothing",
        ),
    ],
)
def test_a_misspelt_part_that_nothing_would_read_is_named(other, table, name, right):
    refused(lambda: table[f"own_other:{name}"], right)


def test_helpers_of_a_class_of_ones_own_are_its_own_affair(other):
    relevance = torch.tensor([[1.0, -3.0, 2.0]])
    assert flipping_order("own_other:Helped", relevance, ["a"], 1).tolist() == [[1, 2, 0]]


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("text", "corpus own_other:text gives str; it must give a list of"),
        ("none", "corpus own_other:none gives NoneType"),
        ("dicts", "corpus own_other:dicts gives a list of dict"),
        ("number", "recording 1: its id is 1; it must be text, such as '1'"),
        ("label", "recording 'a': its tone is 1; it must be text, such as '1'"),
        ("twice", "two recordings of the id 'a'"),
        ("nobody", "corpus own_other:nobody gives no recordings"),
    ],
)
def test_a_corpus_that_gives_something_else_is_named(other, name, right):
    dataset = {"name": f"own_other:{name}", "root": "."}
    refused(lambda: read_corpus(SimpleNamespace(dataset=dataset)), right)


def test_a_path_may_be_text_and_a_list_come_one_by_one(other):
    dataset = {"name": "own_other:place", "root": "."}
    recordings = read_corpus(SimpleNamespace(dataset=dataset))
    assert [r.path for r in recordings] == [Path("a.wav"), Path("b.wav")]


def test_another_corpuss_null_is_no_setting_of_ones_own(other):
    dataset = {"name": "own_other:folder", "root": ".", "speakers": None}
    (recording,) = read_corpus(SimpleNamespace(dataset=dataset))
    assert recording.id == "a"
    dataset |= {"file": "a.csv", "path": "path"}
    refused(
        lambda: read_corpus(SimpleNamespace(dataset=dataset)),
        r"known: none.*take it away with ~dataset.file ~dataset.path$",
    )


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("none", r"split own_other:none gives NoneType; it must give the subset \(train, "),
        ("lists", "split own_other:lists names 'train', no id of a recording"),
        ("dev", "split own_other:dev gives the subset 'dev'; it must give"),
    ],
)
def test_a_split_that_gives_something_else_is_named(other, name, right):
    recordings = CORPORA["own_other:folder"](Path("."))
    config = SimpleNamespace(split={"name": f"own_other:{name}", "seed": 1})
    refused(lambda: split_of(config, recordings, "tone"), right)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("texts", r"score own_other:texts gives top \[2\] of .*; it must give named columns"),
        ("columns", "score own_other:columns gives no columns; it must give named columns"),
        ("none", "score own_other:none gives NoneType; it must"),
        ("taken", "score own_other:taken gives a column 'id', which the table"),
    ],
)
def test_a_score_that_gives_no_numbers_is_named(other, name, right):
    table = pd.DataFrame({"id": ["a", "b"]})
    maps = Maps(np.ones((2, 3, 4)), table, np.arange(3.0), np.arange(4.0), [0, 3], 1)
    refused(lambda: scored(f"own_other:{name}", maps), right)


@pytest.mark.parametrize(
    ("name", "right"),
    [("Graph", "gives tensors with a graph; .*detach"), ("Flat", r"an output of shape \[2\]")],
)
def test_an_explainer_that_gives_something_else_is_named(other, name, right):
    kind = f"own_other:{name}"
    explaining = Explaining(SimpleNamespace(meta={"loss": ""}), {"kind": kind})
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    explaining.__dict__["_measured"] = (network, torch.zeros(1))
    refused(lambda: explaining.explain(torch.randn(2, 1, 3, 4), torch.tensor([0, 1])), right)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("Nothing", r"rule Nothing\(\) gives None for module '1' .* input's shape \[2, 12\]"),
        ("Same", r"rule Same\(\) gives \[2, 3\] for module '1'"),
    ],
)
def test_a_rule_that_gives_something_else_is_named(other, name, right):
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 3)).eval()
    lrp = LRP(rules=[{"layers": "Linear", "rule": f"own_other:{name}"}])
    refused(lambda: lrp.explain(network, torch.randn(2, 1, 3, 4), 1), right)


def test_pairs_of_selector_and_rule_are_a_composite(other):
    network, inputs = nn.Sequential(nn.Linear(4, 3)).eval(), torch.randn(2, 4)
    wanted = attribute(network, inputs, 1, Composite([(nn.Module, Epsilon(0.1))]))[1]
    pairs = [(nn.Module, Epsilon(0.1))]
    for explainer in (
        LRP(rules=pairs), LRP(preset="own_other:pairs"), LRP(preset="own_other:there"),
    ):  # fmt: skip
        assert torch.equal(explainer.explain(network, inputs, 1)[1], wanted)
    assert torch.equal(speechlrp.explain(network, inputs, 1, pairs)[1], wanted)
    refused(lambda: LRP(preset="own_other:classes"), "own_other:classes: a rule must be an inst")
    refused(lambda: LRP(preset="own_other:none"), "gives NoneType; it must give a Composite, or")
    with pytest.raises(LRPError, match=r"found list: make one of the pairs, Composite\(\["):
        attribute(network, inputs, 1, pairs)


def test_a_network_without_weights_to_train_is_refused():
    network = nn.Linear(3, 2).requires_grad_(False)
    refused(lambda: build_optimizer(network, TrainSettings()), "nothing to train; .*requires_grad")


def test_an_error_is_blamed_on_a_users_code_where_it_passed_through(own):
    entry = __import__("speechlrp.registry").registry.imported("own_bad:late", "x")
    with pytest.raises(ValueError, match="invalid literal") as caught:
        entry()
    words = blamed(caught.value, ["own_bad:late"])
    assert words == (
        "own_bad raises ValueError: invalid literal for int() with base 10: 'x' "
        "(own_bad.py, line 32)"
    )
    assert blamed(caught.value, ["another:thing"]) is None


def test_a_call_that_a_users_function_does_not_take_is_blamed_on_it(own):
    rule = __import__("speechlrp.registry").registry.imported("own_bad:Raises", "x")
    with pytest.raises(TypeError, match="missing 1 required") as caught:
        rule.explain(None, 1, 2)
    assert blamed(caught.value, ["own_bad:Raises"]) == (
        "own_bad:Raises does not take what it is called with: Raises.explain() missing 1 required "
        "positional argument: 'target'"
    )
    assert blamed(caught.value, ["own_bad:Rule"]) is None
