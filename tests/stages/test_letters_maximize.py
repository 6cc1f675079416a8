"""maximize through the real command line, on a recogniser that predicts letters everywhere."""

import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import toy_letters as toy

from speechlrp.artifacts.maximized import open_maximized
from speechlrp.artifacts.utterances import Utterances
from speechlrp.letters.vocabulary import SYMBOLS
from speechlrp.training.checkpoint import load_model

SMALL = (*toy.SMALL, "maximize.steps=12", "maximize.batch=3")
LAYERS = ("--layer", "1,2,output", "--letter", "a,b")


def _project(project_class, data, outputs):
    return project_class(data, outputs, SMALL)


@pytest.fixture(scope="session")
def trained(made_once, tmp_path_factory, project_class):
    """A project that predicts a and b in turn, and nothing else; not to be changed."""
    place = tmp_path_factory.mktemp("maximize")
    project = toy.trained(made_once, project_class, place, SMALL)
    toy.predict_a_and_b(project)
    return project


@pytest.fixture
def copied_trained(trained, tmp_path, project_class):
    shutil.copytree(trained.outputs, tmp_path / "outputs")
    return _project(project_class, trained.data, tmp_path / "outputs")


@pytest.fixture(scope="session")
def maximized(trained):
    done = trained.speechlrp("maximize", *LAYERS)
    assert done.returncode == 0, done.stderr
    (table,) = trained.run.glob("maximize/*/neurons.csv")
    return table.parent


def _model(project):
    model, _ = load_model(project.run / "train/last.safetensors")
    model.eval()
    model.padding = "none"
    return model


def _most_active(project, letter):
    """By layer 1 and 2: the channel most active, of all windows predicted as a letter."""
    model, sums = _model(project), [0, 0]
    width = model.receptive_field
    with Utterances(project.features / "utterances.h5") as file, torch.no_grad():
        for row in np.flatnonzero(file.table.subset == "test"):
            x = torch.from_numpy(file.read(int(row)).T.copy())
            for start in range(0, x.shape[1] - width + 1, model.stride):
                window = x[None, :, start : start + width]
                if int(model(window)[0, :, 0].argmax()) == SYMBOLS.index(letter):
                    for layer in (0, 1):
                        made = model.layers[: layer + 1](window)
                        sums[layer] = sums[layer] + made[0].mean(1).double()
    return [int(total.argmax()) for total in sums]


def _letters_there(project):
    model, found = _model(project), set()
    with Utterances(project.features / "utterances.h5") as file, torch.no_grad():
        for row in np.flatnonzero(file.table.subset == "test"):
            symbols = model(torch.from_numpy(file.read(int(row)).T.copy())[None])[0].argmax(0)
            found |= {SYMBOLS[int(s)] for s in symbols}
    return found


def test_the_toy_predicts_a_and_b(trained):
    assert {"a", "b"} <= _letters_there(trained)


def test_the_chosen_neurons_are_the_most_active_ones(trained, maximized):
    table = pd.read_csv(maximized / "neurons.csv", keep_default_na=False, dtype=str)
    for letter in "ab":
        chosen = table[table.chosen_for.str.split(",").map(lambda names, x=letter: x in names)]
        found = {row.layer: int(row.neuron) for row in chosen.itertuples()}
        first, second = _most_active(trained, letter)
        assert found == {"1": first, "2": second, "output": SYMBOLS.index(letter)}
    assert set(table[table.layer == "output"].symbol) == {"a", "b"}


def test_activations_are_those_of_the_stored_inputs(trained, maximized):
    model = _model(trained)
    table = pd.read_csv(maximized / "neurons.csv", dtype={"layer": str})
    with h5py.File(maximized / "maximized.h5") as file:
        inputs, history = torch.from_numpy(file["inputs"][:]), file["history"][:]
        assert [d.label for d in file["inputs"].dims] == ["neuron", "frequency", "time"]
        assert file["time"].attrs["units"] == "ms"
    for row, one in enumerate(table.itertuples()):
        with torch.no_grad():
            made = inputs[row : row + 1]
            for layer in model.layers[: {"1": 0, "2": 1, "output": 10}[one.layer]]:
                made = layer(made)
            last = {"1": 0, "2": 1, "output": len(model.layers) - 1}[one.layer]
            made = model.layers[:last](inputs[row : row + 1])
            for part in list(model.layers[last])[:2]:
                made = part(made)
        reached = float(made[0, one.neuron, one.step])
        assert reached == pytest.approx(one.activation, rel=1e-4, abs=1e-4)
        assert history[row, -1] == pytest.approx(one.activation)
        assert history[row, 0] == pytest.approx(one.activation_before)
        assert one.activation > one.activation_before
    assert history.shape[1] == 13


def test_the_frames_it_sees_are_those_of_the_kernels(trained, maximized):
    table = pd.read_csv(maximized / "neurons.csv", dtype={"layer": str}).drop_duplicates("layer")
    seen = dict(zip(table.layer, zip(table.first_frame, table.frames, strict=True), strict=True))
    steps = dict(zip(table.layer, table.step, strict=True))
    width = _model(trained).receptive_field
    assert seen["1"] == (2 * steps["1"], 8)
    assert seen["2"] == (2 * steps["2"], 8 + 2 * 2)
    assert seen["output"] == (0, width)
    with open_maximized(maximized / "maximized.h5", "speechlrp maximize") as file:
        assert file.seen(0).shape == (128, 8)
        np.testing.assert_allclose(np.diff(file.time(0)), 8)


def test_all_letters_of_the_output(copied_trained):
    done = copied_trained.speechlrp("maximize", "--layer", "output", "--neuron", "letters")
    assert done.returncode == 0, done.stderr
    folder = copied_trained.run / "maximize/train-test-output-letters"
    table = pd.read_csv(folder / "neurons.csv")
    assert list(table.symbol) == list(SYMBOLS[:26])
    assert (folder / "maximized.png").read_bytes()[:4] == b"\x89PNG"
    again = copied_trained.speechlrp("maximize", "--layer", "output", "--neuron", "letters")
    assert "complete, nothing to do" in again.stdout


def test_a_killed_run_goes_on_with_the_same_bytes(copied_trained, killing):
    arguments = ("maximize", "--layer", "1,2", "--neuron", "all")
    dead = copied_trained.speechlrp(
        *arguments, before=killing("speechlrp.stages.maximize.verb:maximize", 4)
    )
    assert dead.returncode == -9
    (partial,) = copied_trained.run.glob("maximize/*.partial")
    assert len(list(partial.rglob("*.npz"))) == 3
    done = copied_trained.speechlrp(*arguments)
    assert done.returncode == 0, done.stderr
    assert "going on where it was interrupted" in done.stdout
    (table,) = copied_trained.run.glob("maximize/*-all/neurons.csv")
    folder = table.parent
    first = pd.read_csv(table)
    assert list(first.neuron) == [*range(8), *range(8)]
    assert not list(folder.rglob("*.npz"))
    copied_trained.speechlrp(*arguments, "--force")
    pd.testing.assert_frame_equal(pd.read_csv(folder / "neurons.csv"), first)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--layer", "13"), "the network has no layer '13'; there are 1 to 5, output, and its"),
        (("--layer", "1", "--neuron", "8"), "layer 1 has no neuron '8'; there are 0 to 7"),
        (("--layer", "1", "--neuron", "letters"), "layer 1 has no neuron 'letters'"),
        (("--layer", "1", "--letter", "z"), "no frame of the split 'test' is predicted as 'z'"),
        (("--layer", "1", "--letter", "A"), "unknown letter 'A'; known: a, all, b"),
        (("maximize.over=all",), "unknown value of maximize.over 'all'"),
        (("maximize.jitter=[1]",), "maximize.jitter is [1]; it must be two numbers"),
        (("maximize.shown=0",), "maximize.shown is 0; it must be at least 1"),
        (("task=gender",), "maximize is for task=letters"),
    ],
)
def test_what_there_is_not(copied_trained, arguments, message):
    done = copied_trained.speechlrp("maximize", *arguments)
    assert done.returncode == 1
    assert message in done.stderr.strip().splitlines()[-1]
