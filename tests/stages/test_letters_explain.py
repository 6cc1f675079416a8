"""explain for letters through the real command line, against each window on its own."""

import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
import toy_letters as toy

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.utterances import Utterances
from speechlrp.explainers.lrp import LRP
from speechlrp.letters.vocabulary import SYMBOLS
from speechlrp.pipeline.record import read_record
from speechlrp.training.checkpoint import load_model

SMALL = (
    *toy.SMALL, "explainer.examples=2", "explainer.utterances=1", "explainer.batch_size=16",
)  # fmt: skip
EXPLAINERS = ("sensitivity", "lrp")


@pytest.fixture(scope="session")
def explained(made_once, tmp_path_factory, project_class):
    """A project whose weights favour a, b and c over all else; not to be changed."""
    place = tmp_path_factory.mktemp("explain")
    project = toy.trained(made_once, project_class, place, SMALL)
    toy.favour(project, slice(0, 3))
    for name in EXPLAINERS:
        done = project.speechlrp("explain", "--explainer", name)
        assert done.returncode == 0, done.stderr
    assert "letters that never occur: " in done.stdout
    assert ", z" in done.stdout
    return project


@pytest.fixture
def copied_explained(explained, tmp_path, project_class):
    """A copy of it, to be changed."""
    shutil.copytree(explained.outputs, tmp_path / "outputs")
    return project_class(explained.data, tmp_path / "outputs", SMALL)


def _folder(project, name="lrp"):
    return project.run / f"explain/train-{name}-test"


def _model(project):
    model, _ = load_model(project.run / "train/last.safetensors")
    model.padding = "none"
    return model.eval()


@pytest.fixture(scope="session")
def windows(explained):
    """Every letter frame, one by one: letter -> list of (utterance, start, window)."""
    model, found = _model(explained), {}
    with Utterances(explained.features / "utterances.h5") as file:
        for row in np.flatnonzero(file.table.subset == "test"):
            x = torch.from_numpy(file.read(int(row)).T.copy())
            for start in range(0, x.shape[1] - model.receptive_field + 1, model.stride):
                window = x[:, start : start + model.receptive_field]
                with torch.no_grad():
                    symbol = int(model(window[None])[0, :, 0].argmax())
                if symbol < 26:
                    place = file.table.id.iloc[row], start, window
                    found.setdefault(SYMBOLS[symbol], []).append(place)
    return found


def _gradient(model, window):
    x = window[None].clone().requires_grad_()
    model(x)[0, :, 0].max().backward()
    return x.grad[0].double().numpy()


def test_statistics_are_those_of_the_windows_one_by_one(explained, windows):
    model, folder = _model(explained), _folder(explained, "sensitivity")
    table = pd.read_csv(folder / "letters.csv", keep_default_na=False, na_values=[""])
    table = table.set_index("class")
    with h5py.File(folder / "statistics.h5") as file:
        mean, share, frames = file["mean"][:], file["share"][:], file["frames"][:]
        assert file["mean"].attrs["units"] == "logit per unit of the input"
        assert [d.label for d in file["mean"].dims] == ["class", "frequency", "offset"]
        offsets = file["offset_ms"][:]
    assert offsets[len(offsets) // 2] == 0
    for letter in SYMBOLS[:26]:
        own = windows.get(letter, [])
        place = SYMBOLS.index(letter)
        assert frames[place] == table.frames[letter] == len(own)
        if not own:
            assert np.isnan(mean[place]).all()
            continue
        maps = np.array([_gradient(model, window) for *_, window in own])
        size = np.abs(maps)
        shares = size / size.sum((1, 2), keepdims=True)
        np.testing.assert_allclose(mean[place], maps.mean(0), atol=1e-5 * size.max())
        np.testing.assert_allclose(share[place], shares.mean(0), atol=1e-5 * shares.max())
        distance = (shares.sum(1) @ np.abs(offsets)).mean()
        np.testing.assert_allclose(table.distance_ms[letter], distance, rtol=1e-4)
    assert table.frames["all"] == sum(map(len, windows.values()))


def test_examples_are_letter_frames_with_their_relevance(explained, windows):
    known = {(i, s, k): w for k, own in windows.items() for i, s, w in own}
    model, rule = _model(explained), LRP(preset="navai")
    with h5py.File(_folder(explained) / "relevance.h5") as file:
        table = read_table(file)
        features, relevance = file["features"][:], file["relevance"][:]
        output = file["output"][:]
        assert file["relevance"].attrs["units"] == "share of the largest"
        assert json.loads(file.attrs["explainer"])["preset"] == "navai"
    counts = table.groupby("letter").size()
    assert set(counts.index) == set(windows)
    for letter, count in counts.items():
        utterances = {name for name, *_ in windows[letter]}
        assert count == min(2, len(utterances))
    for row in table.itertuples():
        window = known[row.id, row.start, row.letter]
        np.testing.assert_array_equal(features[row.Index], window.numpy())
        target = torch.zeros(1, len(SYMBOLS), 1)
        target[0, row.symbol] = 1
        scores, expected = rule.explain(model, window[None], target)
        np.testing.assert_allclose(relevance[row.Index], expected[0], atol=1e-4)
        np.testing.assert_allclose(output[row.Index], scores[0, :, 0], rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(row.logit, scores[0].max().item(), rtol=1e-4)
        np.testing.assert_allclose(
            row.time_s, 0.016 + 0.008 * (row.start + model.receptive_field // 2)
        )
        assert 0 < row.probability <= 1


def test_explanations_of_the_same_frames_stand_side_by_side(explained):
    tables = []
    for name in EXPLAINERS:
        with h5py.File(_folder(explained, name) / "relevance.h5") as file:
            tables.append(read_table(file)[["id", "letter", "start"]])
    pd.testing.assert_frame_equal(*tables)
    assert read_record(_folder(explained)).notes["beside"] == ["sensitivity"]
    assert read_record(_folder(explained, "sensitivity")).notes["beside"] == []
    drawn = {path.stem for path in (_folder(explained) / "frames").glob("*.png")}
    assert drawn == set(tables[0].letter)
    for name in ("letters", "where"):
        assert (_folder(explained) / f"{name}.png").read_bytes()[:4] == b"\x89PNG"


def test_the_page_explores_the_frames_by_every_explainer(explained):
    done = explained.speechlrp("report")
    assert done.returncode == 0, done.stderr
    page = (explained.run / "report/index.html").read_text(encoding="utf-8")
    begin = page.index("data-index>") + len("data-index>")
    index = json.loads(page[begin : page.index("</script>", begin)])
    with h5py.File(_folder(explained) / "relevance.h5") as file:
        table = read_table(file)
        assert len(index["time"]) == file["relevance"].shape[2]
    entries = {entry["id"]: entry for entry in index["recordings"]}
    assert set(entries) <= {f"{one.id}@{one.start}" for one in table.itertuples()}
    for entry in entries.values():
        assert [one["explainer"] for one in entry["maps"]] == ["lrp", "sensitivity"]
        assert {one["class"] for one in entry["maps"]} == {entry["predicted"]}
        assert 0 < sum(probability for _, probability in entry["probabilities"]) <= 1.001


def test_an_utterance_has_all_its_letter_frames_along_time(explained, windows):
    with h5py.File(_folder(explained) / "utterances.h5") as file:
        table, letters = read_table(file), read_table(file, "letters")
        arrays = {name: file[name][:] for name in ("features", "relevance", "absolute", "windows")}
        offsets, profile = file["offsets"][:], file["profile"][:]
    assert len(table) == 1
    own = [(s, k) for k, some in windows.items() for i, s, _ in some if i == table.id[0]]
    assert sorted(zip(letters.start, letters.letter, strict=True)) == sorted(own)
    assert offsets.tolist() == [0, table.frames[0]] == [0, len(arrays["features"])]
    covered = np.zeros(table.frames[0], int)
    for start, _ in own:
        covered[start : start + profile.shape[1]] += 1
    np.testing.assert_array_equal(arrays["windows"], covered)
    np.testing.assert_allclose(arrays["absolute"].sum(), len(own), rtol=1e-4)
    np.testing.assert_allclose(profile.sum(1), 1, rtol=1e-5)
    assert (np.abs(arrays["relevance"]) <= arrays["absolute"] + 1e-6).all()
    assert len(list((_folder(explained) / "utterances").glob("*.png"))) == 1


def test_tables_add_up(explained):
    for name in EXPLAINERS:
        for table in ("bands", "lags"):
            found = pd.read_csv(_folder(explained, name) / f"{table}.csv", keep_default_na=False,
                                na_values=[""])  # fmt: skip
            sums = found.dropna().groupby("class").share.sum()
            assert len(sums)
            np.testing.assert_allclose(sums, 1, rtol=1e-5)
    notes = read_record(_folder(explained)).notes
    assert notes["utterances"] >= notes["shorter_than_a_window"] >= 0


def test_another_explainer_says_how_far_it_is_from_complete(copied_explained):
    arguments = ("--explainer", "integrated_gradients", "explainer.steps=64")
    done = copied_explained.speechlrp("explain", *arguments)
    assert done.returncode == 0, done.stderr
    folder = _folder(copied_explained, "integrated_gradients")
    table = pd.read_csv(folder / "letters.csv").set_index("class")
    assert abs(table.gap["all"]) < 0.05 * abs(table.promised["all"])
    assert read_record(folder).notes["beside"] == ["lrp", "sensitivity"]
    again = copied_explained.speechlrp("explain", *arguments)
    assert "complete, nothing to do" in again.stdout


def test_a_killed_run_comes_to_the_same(copied_explained, killing):
    folder = _folder(copied_explained)
    with h5py.File(folder / "statistics.h5") as file:
        before = file["mean"][:]
    shutil.rmtree(folder)
    before_code = killing("speechlrp.stages.explain.letters:write_examples", 1)
    done = copied_explained.speechlrp("explain", "--explainer", "lrp", before=before_code)
    assert done.returncode == -9
    assert not folder.exists()
    done = copied_explained.speechlrp("explain", "--explainer", "lrp")
    assert done.returncode == 0, done.stderr
    assert "going on where it was interrupted" in done.stdout
    with h5py.File(folder / "statistics.h5") as file:
        np.testing.assert_array_equal(file["mean"][:], before)
    assert not list(folder.glob(".sums-*"))


def test_no_letter_at_all_is_one_line(copied_explained):
    toy.favour(copied_explained, slice(len(SYMBOLS) - 1, None), 300.0)
    done = copied_explained.speechlrp("explain", "--force")
    assert done.returncode == 1
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: no frame of any class was found")
    assert "trainer.epochs" in line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("explainer.target=label",), "a frame of a recogniser has no true symbol"),
        (("--explainer", "lrp_silence"), "explainer.reference is silence; frames of utterances"),
        (("explainer.bands_hz=[5,1]",), "explainer.bands_hz must be rising limits"),
        (("explainer.preset=null", "explainer.rules=[{layers: Linear, rule: zero}]"),
         "matches no selector of the composite"),
        (("explainer.view=stft",), "explainer.view=stft is for networks of waveforms"),
        (("explainer.f0_hz={e: [85, 155]}",), "letters are no classes of voices"),
    ],
)  # fmt: skip
def test_what_there_is_not(copied_explained, arguments, message):
    done = copied_explained.speechlrp("explain", *arguments)
    assert done.returncode == 1
    assert message in done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("verb", ["evaluate", "navai", "maximize"])
def test_verbs_that_draw_no_view_refuse_one(copied_explained, verb):
    done = copied_explained.speechlrp(verb, settings=("explainer.view=stft",))
    assert done.returncode == 1
    assert "leave it at null" in done.stderr.strip().splitlines()[-1]


def test_numbers_below_their_least(copied_explained):
    for key, least in (("utterances", -1), ("examples", 0), ("batch_size", 0)):
        done = copied_explained.speechlrp("explain", settings=(f"explainer.{key}={least}",))
        assert done.returncode == 1
        assert f"explainer.{key} is {least}; it must be at least" in done.stderr
