"""Networks that others trained, through the real command line."""

import json
import shutil
import sys

import h5py
import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.relevance import Maps
from speechlrp.lrp import PRESETS, attribute
from speechlrp.models import MODELS

SPEAKERS = ("ann", "bea", "cas")
SIZE = {"bands": 16, "channels": (4, 4, 8, 8), "blocks": (1, 1, 1, 1), "embedding": 6}
TOY = (
    "dataset=manifest", "task=speaker", "split=recordings", "features=fbank", "features.bands=16",
    "features.min_segment_s=0.5", "explainer=lrp_resnet_eps", "explainer.preset_options={}",
    "flipping.grids.table.percent=[0,50]", "flipping.repeats=1", "flipping.batch_size=4",
    "device=cpu", "workers=1",
)  # fmt: skip
MODEL = (
    "model=wespeaker", "model.bands=16", "model.channels=[4,4,8,8]", "model.blocks=[1,1,1,1]",
    "model.embedding=6",
)  # fmt: skip


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Three speakers: harmonic sounds of other fundamentals, six recordings each."""
    root, generator = tmp_path_factory.mktemp("own"), np.random.default_rng(0)
    time, rows = np.arange(20_000) / 16_000, ["path,speaker"]
    for k, name in enumerate(SPEAKERS):
        for i in range(6):
            f0 = 100 * 1.7**k + generator.normal(0, 2)
            wave = 0.1 * sum(np.sin(2 * np.pi * f0 * n * time) / n for n in range(1, 9))
            soundfile.write(
                root / f"{name}{i}.wav", wave + 0.002 * generator.normal(size=20_000), 16_000
            )
            rows.append(f"{name}{i}.wav,{name}")
    (root / "recordings.csv").write_text("\n".join(rows))
    return root


@pytest.fixture(scope="module")
def prepared(data, tmp_path_factory, project_class):
    """A project of these recordings with their features; not to be changed."""
    project = project_class(data, tmp_path_factory.mktemp("prepared") / "outputs", TOY)
    done = project.speechlrp("preprocess")
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def own(prepared, tmp_path, project_class):
    """A copy of it, to work in."""
    shutil.copytree(prepared.outputs, tmp_path / "outputs")
    return project_class(prepared.data, tmp_path / "outputs", TOY)


def checkpoint(path, classes=3, **settings):
    """A checkpoint of small networks as wespeaker would save it, and the network."""
    torch.manual_seed(1)
    model = MODELS["wespeaker"](classes=classes, **SIZE | settings).eval()
    torch.save({f"module.{n}": one for n, one in model.state_dict().items()}, path)
    return model


def refused(own, *arguments):
    done = own.speechlrp("train", *arguments)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_a_checkpoint_is_evaluated_explained_and_flipped_by_the_same_commands(own, tmp_path):
    model = checkpoint(tmp_path / "a.pt")
    given = (*MODEL, f"model.weights={tmp_path / 'a.pt'}")
    done = own.speechlrp("train", *given)
    assert done.returncode == 0, done.stderr
    assert "taken as it is: validation accuracy" in done.stdout
    for verb in ("evaluate", "explain", "flip"):
        done = own.speechlrp(verb, *given)
        assert done.returncode == 0, done.stderr
    with h5py.File(own.run / "explain/train-lrp_resnet_eps-test/relevance.h5") as file:
        table, output = read_table(file), file["output"][:]
    with h5py.File(own.features / "features.h5") as file:
        rows = [read_table(file).id.tolist().index(name) for name in table.id]
        inputs = torch.from_numpy(np.stack([file["features"][row] for row in rows]))
    torch.testing.assert_close(
        torch.from_numpy(output), model(inputs).detach(), rtol=1e-4, atol=1e-4
    )
    found = json.loads((own.run / "evaluate/train-test/evaluation.json").read_text())
    curve = pd.read_csv(own.run / "flip/train-lrp_resnet_eps-test-table-zero-all/curve.csv")
    assert (curve[curve.bins == 0].accuracy == found["accuracy"]).all()
    assert "nothing to do" in own.speechlrp("train", *given).stdout
    torch.manual_seed(2)
    torch.save(MODELS["wespeaker"](classes=3, **SIZE).state_dict(), tmp_path / "a.pt")
    assert "model.weights changed" in own.speechlrp("train", *given).stdout


def test_a_gated_network_under_voxceleb_trainers_names_is_explained(own, tmp_path):
    torch.manual_seed(1)
    model = MODELS["resnet_se34"](classes=3, **SIZE | {"channels": [8] * 4}).eval()
    names = {n: f"__L__.fc.{n[7:]}" if n.startswith("output.") else f"__S__.{n}" for n in
             model.state_dict()}  # fmt: skip
    state = {names[n]: one for n, one in model.state_dict().items()}
    state["__S__.torchfb.0.flipped_filter"] = torch.zeros(1, 1, 2)
    torch.save({"model_state_dict": state, "epoch": 3}, tmp_path / "v2.model")
    given = (
        "model=resnet_se34", f"model.weights={tmp_path / 'v2.model'}",
        *("model.channels=[8,8,8,8]" if "channels" in one else one for one in MODEL[1:]),
    )  # fmt: skip
    for verb in ("train", "explain"):
        done = own.speechlrp(verb, *given)
        assert done.returncode == 0, done.stderr
    with h5py.File(own.run / "explain/train-lrp_resnet_eps-test/relevance.h5") as file:
        table, output, relevance = read_table(file), file["output"][:], Maps(file)[:]
        target = torch.from_numpy(file["target"][:])
    with h5py.File(own.features / "features.h5") as file:
        rows = [read_table(file).id.tolist().index(name) for name in table.id]
        inputs = torch.from_numpy(np.stack([file["features"][row] for row in rows]))
    torch.testing.assert_close(
        torch.from_numpy(output), model(inputs).detach(), rtol=1e-4, atol=1e-4
    )
    expected = attribute(model, inputs, target, PRESETS["resnet_eps"]())[1]
    torch.testing.assert_close(torch.from_numpy(relevance), expected, rtol=1e-3, atol=1e-5)


def test_without_a_last_layer_classes_are_mean_embeddings(own, tmp_path):
    model = checkpoint(tmp_path / "a.pt", classes=50)
    given = (*MODEL, f"model.weights={tmp_path / 'a.pt'}", "model.classifier=centroids")
    done = own.speechlrp("train", *given)
    assert done.returncode == 0, done.stderr
    with h5py.File(own.features / "features.h5") as file:
        table, features = read_table(file), torch.from_numpy(file["features"][:])
    with torch.no_grad():
        ways = torch.nn.functional.normalize(model.embed(features))
    chosen = (table.subset == "train").to_numpy()
    means = [ways[chosen & (table.label == k).to_numpy()].mean(0) for k in range(3)]
    own_means = torch.nn.functional.normalize(torch.stack(means))
    assert done.stdout.count("mean embeddings") == 1
    rows = table.subset == "validate"
    right = ((ways @ own_means.T).argmax(1).numpy() == table.label)[rows].mean()
    metrics = pd.read_csv(own.run / "train/metrics.csv")
    assert metrics.validate_accuracy.item() == pytest.approx(right)


def test_classes_by_name(own, tmp_path):
    model = checkpoint(tmp_path / "a.pt", classes=5)
    (tmp_path / "names.txt").write_text("x\ncas\nann\ny\nbea\n")
    given = (
        *MODEL,
        f"model.weights={tmp_path / 'a.pt'}",
        f"model.speakers={tmp_path / 'names.txt'}",
    )
    assert own.speechlrp("train", *given).returncode == 0
    from safetensors.torch import load_file

    weights = load_file(own.run / "train/last.safetensors")["projection.weight"]
    torch.testing.assert_close(weights, model.projection.weight[[2, 4, 1]].detach())


@pytest.mark.parametrize(
    ("classes", "more", "words"),
    [
        (2, (), "tells 2 classes apart, but the data has 3"),
        (9, (), "tells 9 classes apart, and the data has 3"),
        (3, ("model.embedding=8",), "seg_1.bias is [6], not [8]"),
        (3, ("model.classifier=own",), "unknown value of model.classifier 'own'"),
        (3, ("model.speakers=none.txt",), "none.txt is missing (model.speakers)"),
        (9, ("model.classifier=centroids", "model.head=softmax"), "add model.head=cosine"),
    ],
)
def test_what_does_not_fit_is_one_line(classes, more, words, own, tmp_path):
    checkpoint(tmp_path / "a.pt", classes)
    changed = {setting.split("=")[0] for setting in more}
    settings = [s for s in MODEL if s.split("=")[0] not in changed]
    assert words in refused(own, *settings, *more, f"model.weights={tmp_path / 'a.pt'}")


def test_names_that_do_not_match_are_said_each_with_its_kind(own, tmp_path):
    state = checkpoint(tmp_path / "a.pt").state_dict()
    state["stem.weight"] = state.pop("conv1.weight")
    state["seg_1.bias"] = torch.zeros(7)
    torch.save(state, tmp_path / "b.pt")
    line = refused(own, *MODEL, f"model.weights={tmp_path / 'b.pt'}")
    assert f"{tmp_path / 'b.pt'} does not fit model wespeaker: missing: conv1.weight; " in line
    assert "not known: stem.weight; of another shape: seg_1.bias is [7], not [6]; " in line


def test_missing_weights_and_weights_of_others(own, tmp_path):
    assert "no weights at" in refused(own, *MODEL, "model.weights=nowhere.pt")
    done = own.speechlrp("evaluate", *MODEL, "weights=mine.pt")
    assert done.returncode == 1
    assert "model.weights=mine.pt" in done.stderr


@pytest.fixture
def factory(tmp_path, monkeypatch):
    (tmp_path / "own_model_5.py").write_text(
        "import torch\n"
        "from torch import nn\n"
        "class Odd(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return torch.frac(x)\n"
        "def raises(classes):\n"
        "    raise ValueError('no such width')\n"
        "def nothing(classes):\n"
        "    return None\n"
        "def wrong(classes):\n"
        "    return make(classes + 1)\n"
        "def narrow(classes):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(7, classes))\n"
        "def make(classes, odd=False):\n"
        "    more = [Odd()] if odd else []\n"
        "    return nn.Sequential(*more, nn.Conv2d(1, 4, 3), nn.ReLU(),\n"
        "        nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(64, classes))\n"
    )
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("own_model_5", None)


CUSTOM = ("model=custom", "model.factory=own_model_5:make")


@pytest.mark.usefixtures("factory")
def test_a_users_own_network_is_trained_and_explained(own, tmp_path):
    training = ("trainer=fast", "trainer.epochs=1", "trainer.loss=cross_entropy")
    for verb in ("train", "evaluate", "explain"):
        done = own.speechlrp(verb, *CUSTOM, *training)
        assert done.returncode == 0, done.stderr
    for suffix in (".safetensors", ".json"):
        shutil.copy(own.run / f"train/last{suffix}", tmp_path / f"a{suffix}")
    done = own.speechlrp("explain", f"weights={tmp_path / 'a.safetensors'}")
    assert done.returncode == 1
    assert "if you trust it, add model=custom model.factory=own_model_5:make" in done.stderr
    module = tmp_path / "own_model_5.py"
    source = module.read_text()
    module.write_text(source + "\n# another network, for all that one knows\n")
    done = own.speechlrp("evaluate", *CUSTOM, *training, "--subset", "validate")
    assert "own_model_5 changed since; train again with `speechlrp train" in done.stderr
    done = own.speechlrp("train", *CUSTOM, *training)
    assert "the code of own_model_5:make changed" in done.stdout
    done = own.speechlrp("evaluate", *CUSTOM, *training, "--subset", "validate")
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("factory")
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("raises", "raises ValueError: no such width (own_model_5.py, line "),
        ("nothing", "gives NoneType; it must give a torch module"),
        ("wrong", "the network gives [2, 4]; it must give logits [B, K], here [2, 3]"),
        ("narrow", "the network raises RuntimeError: mat1 and mat2 shapes cannot be multiplied"),
    ],
)
def test_a_network_that_cannot_be_used_is_one_line_before_any_training(name, words, own):
    line = refused(own, "model=custom", f"model.factory=own_model_5:{name}")
    assert line.startswith(f"error: model.factory=own_model_5:{name}")
    assert words in line
    assert not list(own.outputs.glob("*/train"))


@pytest.mark.usefixtures("factory")
def test_a_users_own_weights_and_an_operation_without_a_rule(own, tmp_path):
    model = MODELS["custom"](classes=3, factory="own_model_5:make", options={"odd": True})
    torch.save(model.state_dict(), tmp_path / "mine.pt")
    odd = (*CUSTOM, "+model.options.odd=true", f"model.weights={tmp_path / 'mine.pt'}")
    assert own.speechlrp("train", *odd).returncode == 0
    done = own.speechlrp("explain", *odd)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "torch.frac" in done.stderr
    assert "docs/adding-a-rule.md" in done.stderr
