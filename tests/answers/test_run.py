"""A trained run, asked from Python: the numbers of the stages, and one line where it can't."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile
import torch

import speechlrp
from speechlrp.answers import saving
from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.relevance import Maps
from speechlrp.errors import SpeechLRPError
from speechlrp.report.explorer import Explorer


@pytest.fixture(scope="module")
def run(finished):
    return speechlrp.load(finished.run)


@pytest.fixture(scope="module")
def explained(finished):
    """A recording of the test split with its map, as the stage wrote it."""
    with h5py.File(finished.run / "explain/train-lrp-test/relevance.h5") as file:
        table = read_table(file)
        row = 3
        return table.iloc[row], Maps(file)[row][0], file["target"][row]


def test_an_answer_has_the_numbers_of_the_stage(finished, run, explained):
    row, relevance, target = explained
    answer = run.explain(row.path, target=run.classes[target])
    least = np.quantile(np.abs(relevance), 0.9) / 50  # half precision, coarser where it is small
    np.testing.assert_allclose(answer.relevance, relevance, rtol=2**-10, atol=least)
    with h5py.File(finished.features / "features.h5") as file:
        table = read_table(file)
        place = table.index[table.id == row.id][0]
        np.testing.assert_allclose(answer.features, file["features"][place, 0], atol=1e-3)
    assert answer.times[0] == pytest.approx(-row.onset_s, abs=0.1)
    assert answer.frequencies.shape + answer.times.shape == answer.relevance.shape
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert answer.probability == max(answer.probabilities.values())
    assert answer.label in run.classes
    assert answer.name in answer.describe()


def test_samples_and_their_file_have_the_same_answer(run, explained):
    path = explained[0].path
    samples, rate = soundfile.read(path, dtype="float32")
    ours, theirs = run.explain((samples, rate), target="male"), run.explain(path, target="male")
    assert ours.probabilities.keys() == theirs.probabilities.keys()
    np.testing.assert_allclose(ours.samples, theirs.samples)
    for several in ([path, path], iter([path, path])):
        assert [a.name for a in run.explain(several)] == [theirs.name] * 2
    both = run.explain(((samples, rate), (np.stack([samples, samples], 1), rate)), target="male")
    graph = torch.tensor(samples, requires_grad=True)
    both += [run.explain((s, rate), target="male") for s in (samples.tolist(), graph, graph[None])]
    for one in both:  # as soundfile reads one channel, and two; lists and tensors
        np.testing.assert_array_equal(one.relevance, ours.relevance)
    brain = run.explain((graph.detach().bfloat16(), rate), target="male")
    assert np.abs(brain.samples - ours.samples).max() < 0.01
    for same in (os.fsencode(path), Path(path)):
        np.testing.assert_array_equal(run.explain(same, target="male").relevance, theirs.relevance)
    assert repr(ours) == f"<Answer {ours.describe()}>"


@pytest.mark.parametrize(
    ("column", "words"),
    [(0, r"in the padding before the recording$"), (-1, r"behind the recording$"), (8, "Hz$")],
)
def test_what_lies_in_the_padding_is_said(run, explained, column, words):
    answer = run.explain(explained[0].path)
    times = np.array([-0.02, *np.linspace(0, len(answer.samples) / answer.rate, 62), 9.0])
    relevance = np.zeros_like(answer.relevance)
    relevance[3, column] = 1
    assert re.search(words, replace(answer, times=times, relevance=relevance).where)


def test_the_runs_own_explainer_answers_where_none_is_named(copied, explained):
    remembered = json.loads((copied.run / "run.json").read_text())
    remembered["overrides"].append("explainer=gradient_x_input")  # as an experiment may name one
    (copied.run / "run.json").write_text(json.dumps(remembered))
    run = speechlrp.load(copied.run)
    assert run.explain(explained[0].path).explainer == "gradient_x_input"
    assert run.explain(explained[0].path, explainer="lrp").explainer == "lrp"


def test_a_long_recording_is_cut_and_put_together_again(run, explained, tmp_path):
    samples, rate = soundfile.read(explained[0].path, dtype="float32")
    long = np.concatenate([samples] * 6)
    answer = run.explain((long, rate))
    assert answer.facts["segments"] > 1
    assert (np.diff(answer.times) > 0).all()
    assert 0 <= answer.times[0] < answer.times[-1] <= len(long) / rate
    assert answer.times[-1] > 0.8 * len(long) / rate


def test_pictures_of_a_long_recording_have_fewer_columns(run, explained, tmp_path, monkeypatch):
    samples, rate = soundfile.read(explained[0].path, dtype="float32")
    answer = run.explain((np.concatenate([samples] * 6), rate))
    monkeypatch.setattr(saving, "COLUMNS", 50)
    shown = saving.overview(answer)
    assert 40 <= len(shown.times) == shown.relevance.shape[1] <= 50
    together = -(-len(answer.times) // 50)
    assert shown.times[0] == pytest.approx(answer.times[:together].mean())
    np.testing.assert_allclose(
        shown.relevance.sum(1), answer.relevance.sum(1), rtol=1e-4, atol=1e-7
    )
    last = answer.features[:, together * (len(shown.times) - 1) :].mean(1)
    np.testing.assert_allclose(shown.features[:, -1], last, rtol=1e-5)
    page = answer.save(tmp_path / "long.html").read_text()
    assert f"summed relevance of {together} frames" in page
    assert answer.save(tmp_path / "long.png").stat().st_size > 0


def test_a_page_of_ones_own_holds_all_of_it(run, explained, tmp_path, monkeypatch):
    made = []

    def cramped(**facts):
        made.append(Explorer(**{"inside_bytes": 1000} | facts))
        return made[0]

    monkeypatch.setattr("speechlrp.report.explorer.Explorer", cramped)
    run.explain(explained[0].path).save(tmp_path / "answer.html")
    assert not list(made[0].beside)


def test_a_contrast_is_the_difference_of_two_explanations(run, explained):
    path = explained[0].path
    both = [run.explain(path, target=name).relevance for name in ("female", "male")]
    contrast = run.explain(path, target="female", against="male")
    assert contrast.target == "female against male"
    np.testing.assert_allclose(contrast.relevance, both[0] - both[1], rtol=1e-3, atol=1e-6)
    setting = run.explain(path, target="female", settings=["explainer.target=contrast"])
    assert setting.target == "female against the others"
    np.testing.assert_allclose(setting.relevance, contrast.relevance, rtol=1e-3, atol=1e-6)
    likeliest = run.explain(path, target="female", settings="explainer.target=runner_up")
    assert likeliest.target == "female against male"
    np.testing.assert_array_equal(likeliest.relevance, contrast.relevance)


@pytest.mark.parametrize("suffix", [".npz", ".csv", ".png", ".wav", ".TextGrid", ".html"])
def test_every_format_can_be_written(run, explained, tmp_path, suffix):
    answer = run.explain(explained[0].path)
    path = answer.save(tmp_path / f"answer{suffix}")
    content = path.read_bytes()
    if suffix == ".npz":
        with np.load(path) as held:
            np.testing.assert_array_equal(held["relevance"], answer.relevance)
            np.testing.assert_array_equal(held["times"], answer.times)
    elif suffix == ".csv":
        assert content.startswith(b"time_s,frequency_hz,feature,relevance\n")
        assert content.count(b"\n") == answer.relevance.size + 1
    elif suffix == ".png":
        assert content[:4] == b"\x89PNG"
    elif suffix == ".wav":
        heard, rate = soundfile.read(path, dtype="float32")
        assert (len(heard), rate) == (len(answer.samples), answer.rate)
        assert 0 < np.square(heard).sum() < np.square(answer.samples).sum()
    elif suffix == ".TextGrid":
        shares = [line.split('"')[1] for line in content.decode().splitlines() if "text =" in line]
        heard = (answer.times >= 0) & (answer.times <= len(answer.samples) / answer.rate)
        absolute = np.abs(answer.relevance)
        inside = 100 * absolute[:, heard].sum() / absolute.sum()  # the rest lies in the padding
        assert sum(float(s.rstrip("%")) for s in shares) == pytest.approx(inside, abs=1)
    else:
        assert answer.name.encode() in content
        assert b"<script" in content


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"target": "femal"}, "unknown class 'femal'; known: female, male"),
        ({"target": 0}, "unknown class 0; known: female, male"),
        ({"target": "male", "against": "male"}, "no contrast"),
        ({"explainer": "lrp_gama"}, "unknown explainer 'lrp_gama'; .*Did you mean 'lrp_gamma'"),
        ({"settings": ["explainer.targt=x"]}, "unknown setting of explainer 'targt'; .*'target'"),
        ({"recording": "nowhere.wav"}, "nowhere.wav"),
        ({"recording": (np.zeros(8000), 8000)}, "silent"),
        ({"recording": (np.full(8000, np.nan), 8000)}, "not finite"),
        ({"recording": (np.zeros((2, 3, 4)), 8000)}, r"\[N\], \[C, N\]"),
        ({"recording": np.zeros(8000)}, r"a file, or \(samples, rate\)"),
        ({"recording": ("a.wav", 8000)}, r"a file, or \(samples, rate\); found \(str, int\)"),
        ({"recording": (np.ones(8000), "8000")}, "at '8000'"),
        ({"recording": (np.full(8000, 900.0), 8000)}, "samples reach 900, where full scale is 1"),
        ({"recording": ([0, 9000] * 4000, 8000)}, "samples reach 9000"),  # 64 bits each
        ({"recording": b"RIFF\0\0"}, "not what a file holds"),
        ({"recording": (np.ones(8000), 1)}, "recording 1: a rate of 1 Hz holds no speech"),
    ],
)
def test_what_cannot_be_answered_is_one_line(run, explained, asked, message):
    recording = asked.pop("recording", explained[0].path)
    with pytest.raises(SpeechLRPError, match=message) as caught:
        run.explain(recording, **asked)
    assert "\n" not in str(caught.value)


def test_a_format_that_there_is_not(run, explained, tmp_path):
    with pytest.raises(SpeechLRPError, match=r"saved as \.npz, .*not '\.mp3'"):
        run.explain(explained[0].path).save(tmp_path / "answer.mp3")


@pytest.mark.parametrize("place", ["folder.npz", "file.npz/answer.npz"])
def test_a_place_that_cannot_be_written_to(run, explained, tmp_path, place):
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "file.npz").touch()
    answer = run.explain(os.fsencode(explained[0].path))
    with pytest.raises(SpeechLRPError, match=f"{place} cannot be written: [A-Z]"):
        answer.save(tmp_path / place)
    with pytest.raises(SpeechLRPError, match="saved as is a path; found NoneType"):
        answer.save(None)


@pytest.mark.parametrize("run", [None, 3, ["demo"]])
def test_what_is_no_path_is_no_run(run):
    with pytest.raises(SpeechLRPError, match=f"a run is a path; found {type(run).__name__}"):
        speechlrp.load(run)


def test_a_run_that_was_renamed_has_its_features_along(copied, explained):
    before = speechlrp.load(copied.run).explain(explained[0].path)
    copied.run.rename(copied.outputs / "other name")
    run = speechlrp.load(copied.outputs / "other name")
    assert run.name == "other name"
    np.testing.assert_array_equal(run.explain(explained[0].path).relevance, before.relevance)


def test_a_run_that_there_is_not(finished):
    with pytest.raises(SpeechLRPError, match=r"there is no run .*there are: "):
        speechlrp.load(finished.outputs / "nothing")


def test_the_form_that_quantus_asks_for(finished, run):
    with h5py.File(finished.features / "features.h5") as file:
        inputs = file["features"][:3] * finished_scale(finished)
    classes = np.array([0, 1, 0])
    own = run.explain_func(run.model, inputs, classes)
    _, relevance = speechlrp.explain(run.model, torch.tensor(inputs), torch.tensor(classes),
                                          explainer="lrp")  # fmt: skip
    np.testing.assert_allclose(own, relevance, atol=1e-6)
    gradient = {"explainer": "gradient_x_input"}
    plain, shifted = (
        run.explain_func(
            run.model, inputs, classes, **gradient, settings=[f"explainer.reference={r}"]
        )
        for r in ("zero", "mean")
    )
    mean = run._network.baseline("mean").numpy()
    np.testing.assert_allclose(shifted * inputs, plain * (inputs - mean), atol=1e-6)


def finished_scale(project):
    return json.loads((project.run / "train/last.json").read_text())["input_scale"]


def test_the_face_is_small_and_costs_nothing_to_import():
    code = "import sys, speechlrp; print(dir(speechlrp)); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    names, torch_is_there = done.stdout.splitlines()
    assert names == "['Answer', 'Run', '__version__', 'explain', 'load']"
    assert torch_is_there == "False"


def test_loading_brings_neither_figures_nor_torchs_compiler(finished):
    code = (
        f"import sys, speechlrp; speechlrp.load({str(finished.run)!r}); "
        "print({'matplotlib.figure', 'torch._dynamo', 'sympy'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
