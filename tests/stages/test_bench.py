"""Explainers and measures held to known truth, through the command line."""

import shutil
import time

import forks
import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from toy_project import COMMAND

from speechlrp.corpora.synthetic.planted import plant
from speechlrp.pipeline.record import read_record

NETWORKS = (
    "split.train=3 split.validate=1 split.test=2 features.window=128 features.overlap=14 "
    "features.bins=64 features.frames=64 trainer.epochs=1 trainer.batch_size=8"
)
SMALL = (
    "bench.corpora=[planted_formant]", f"bench.overrides='{NETWORKS}'", "bench.seeds=[1,2]",
    "bench.examples=6", "bench.batch_size=4", "bench.percent=[0,5,30,100]", "bench.draws=20",
    "bench.least_accuracy=0",
    "bench.references='zero,mean'", "bench.baselines='zero,donor'", "device=cpu", "workers=1",
)  # fmt: skip
ASKED = ("bench", "run=held", "bench.measures='sparseness,sufficiency'")
NAMES = "bench.explainers='lrp,gradient_x_input,sensitivity,random'"
TABLES = ("recordings", "explainers", "measures", "networks")


@pytest.fixture(scope="module")
def benched(project_class, tmp_path_factory):
    data = tmp_path_factory.mktemp("planted")
    plant(data / "planted_formant", "planted_formant", speakers=6, per_speaker=4, seed=1)
    project = project_class(data, tmp_path_factory.mktemp("benched") / "outputs", SMALL)
    done = project.speechlrp(*ASKED, NAMES)
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def copied(benched, tmp_path, project_class):
    shutil.copytree(benched.outputs, tmp_path / "outputs", copy_function=shutil.copy2)
    return project_class(benched.data, tmp_path / "outputs", SMALL)


def _tables(project):
    return [pd.read_csv(project.outputs / "held/bench" / f"{name}.csv") for name in TABLES]


def test_every_explainer_from_every_reference_on_every_network(benched):
    recordings, explainers, _, networks = _tables(benched)
    names = {"lrp", "lrp_mean", "gradient_x_input", "gradient_x_input_mean"}
    names |= {"sensitivity", "random"}
    assert set(recordings.name) == {*names, "truth"}
    counted = (
        recordings[recordings.name != "truth"].groupby(["seed", "control", "name"]).id.nunique()
    )
    assert len(counted) == 3 * len(names)
    assert (counted == 6).all()
    learned = recordings[~recordings.control]
    assert learned.groupby("seed").id.unique().map(tuple).nunique() == 1
    assert networks[["seed", "control"]].to_numpy().tolist() == [[1, False], [2, False], [1, True]]
    row = explainers[(explainers.name == "lrp") & (explainers.score == "gini")].iloc[0]
    own = recordings[(recordings.name == "lrp") & ~recordings.control]
    assert row["mean"] == pytest.approx(own.gini.mean())
    assert row.low <= row["mean"] <= row.high
    assert (benched.outputs / "held/bench/index.html").stat().st_size > 10_000


def test_areas_lie_between_those_of_the_best_and_the_worst_order(benched):
    recordings, *_ = _tables(benched)
    learned = recordings[~recordings.control]
    for fill in ("zero", "donor"):
        parts = [learned[f"{name}_{fill}"] for name in ("deletion", "insertion", "gain")]
        np.testing.assert_allclose(parts[1] - parts[0], parts[2])
        assert learned[f"steepness_{fill}"].between(0, 1).all()


def test_the_true_region_is_held_to_the_curves_too(benched):
    recordings, _, measures, _ = _tables(benched)
    oracle = recordings[recordings.name == "truth"]
    assert (oracle.positive_inside == 1).all()
    assert oracle.gain_zero.notna().all()
    assert oracle.gini.isna().all()
    assert measures[measures.measure == "gain_zero"].above.between(0, 1).all()
    assert measures[measures.measure == "gini"].above.isna().all()


def test_measures_stand_beside_every_truth(benched):
    *_, measures, _ = _tables(benched)
    assert set(measures.truth) == {"positive_inside", "positive_near", "pointing", "auc"}
    assert {"steepness_zero", "gain_donor", "gini", "sufficiency"} <= set(measures.measure)
    assert not {"region", "times_chance", "seconds"} & set(measures.measure)
    assert measures.best.isin(["lrp", "lrp_mean", "gradient_x_input", "gradient_x_input_mean",
                               "sensitivity", "random"]).all()  # fmt: skip
    known = measures.dropna(subset="correlation")
    assert known.correlation.between(-1, 1).all()
    assert (known.low <= known.high).all()


def test_done_again_nothing_is_done(benched):
    done = benched.speechlrp(*ASKED, NAMES)
    assert "bench: complete, nothing to do" in done.stdout


def test_another_explainer_fill_in_and_measure_are_computed_alone(copied):
    before = {p: p.stat().st_mtime_ns for p in copied.outputs.glob("*/cells/*/*/*.npz")}
    more = NAMES.replace("random", "random,lrp_gamma")
    settings = ("bench.baselines='zero,donor,noise'",)
    measures = ("bench", "run=held", "bench.measures='sparseness,sufficiency,masking'")
    done = copied.speechlrp(*measures, more, settings=settings)
    assert done.returncode == 0, done.stderr
    after = {p: p.stat().st_mtime_ns for p in copied.outputs.glob("*/cells/*/*/*.npz")}
    assert {path: after[path] for path in before} == before
    kinds = {path.parent.name.rpartition("-")[0] for path in after.keys() - before.keys()
             if path.parts[-3] in ("lrp", "lrp_mean", "random")}  # fmt: skip
    assert kinds == {"flips_noise", "score_masking"}
    recordings, *_ = _tables(copied)
    assert {"lrp_gamma", "lrp_gamma_mean"} <= set(recordings.name)


def test_force_computes_every_unit_again_and_goes_on_when_it_was_killed(copied, killing):
    before = {p: p.stat().st_mtime_ns for p in copied.outputs.glob("*/cells/*/*-*/*.npz")}
    deadly = killing("speechlrp.artifacts.shards:Shards.put", 40)
    assert copied.speechlrp(*ASKED, NAMES, "--force", before=deadly).returncode == -9
    begun = {p: p.stat().st_mtime_ns for p in copied.outputs.glob("*/cells/*/*-*/*.npz")}
    assert 30 < len(begun) < len(before)
    assert all(time > max(before.values()) for time in begun.values())
    assert copied.speechlrp(*ASKED, NAMES, "--force").returncode == 0
    after = {p: p.stat().st_mtime_ns for p in copied.outputs.glob("*/cells/*/*-*/*.npz")}
    assert after.keys() == before.keys()
    assert {path: after[path] for path in begun} == begun


def test_killed_it_goes_on_to_the_same_tables(benched, copied, killing):
    shutil.rmtree(copied.outputs / "held")
    for cells in copied.outputs.glob("*/cells"):
        shutil.rmtree(cells)
    deadly = killing("speechlrp.artifacts.shards:Shards.put", 40)
    assert copied.speechlrp(*ASKED, NAMES, before=deadly).returncode == -9
    begun = {p: p.stat().st_mtime_ns for p in copied.outputs.glob("*/cells/*/*/*.npz")}
    assert begun
    done = copied.speechlrp(*ASKED, NAMES)
    assert done.returncode == 0, done.stderr
    assert all(path.stat().st_mtime_ns == time for path, time in begun.items())
    for mine, whole in zip(_tables(copied), _tables(benched), strict=True):
        _assert_same(mine, whole)


def test_what_another_process_computes_is_waited_for(copied, tmp_path):
    shutil.rmtree(copied.outputs / "held/bench")
    network = next(copied.outputs.glob("*/cells")).parent
    places = {"SPEECHLRP_DATA": str(copied.data), "SPEECHLRP_OUTPUTS": str(copied.outputs)}
    said = tmp_path / "said.1"
    said.touch()
    with FileLock(network / ".cells.lock"):
        words = (*ASKED, NAMES, *copied.toy)
        process = forks.start(COMMAND, *words, place=tmp_path / "said", places=places)
        while "cells: waiting for" not in said.read_text():
            assert process.is_alive(), said.with_suffix(".2").read_text()
            time.sleep(0.01)
        assert not (copied.outputs / "held/bench").exists()
    process.join(100)
    assert process.exitcode == 0, said.with_suffix(".2").read_text()
    assert (copied.outputs / "held/bench/explainers.csv").exists()


def _assert_same(mine, whole):
    """All but what the clock says."""
    mine, whole = (t.drop(columns="seconds", errors="ignore") for t in (mine, whole))
    if "score" in mine:
        mine, whole = (t[t.score != "seconds"].reset_index(drop=True) for t in (mine, whole))
    pd.testing.assert_frame_equal(mine, whole)


@pytest.mark.slow
def test_two_processes_share_the_units(benched, copied):
    shutil.rmtree(copied.outputs / "held")
    for cells in copied.outputs.glob("*/cells"):
        shutil.rmtree(cells)
    done = copied.speechlrp(*ASKED, NAMES, ranks=2)
    assert done.returncode == 0, done.stderr
    for mine, whole in zip(_tables(copied), _tables(benched), strict=True):
        _assert_same(mine, whole)


def test_the_record_names_the_files_of_every_network(benched):
    record = read_record(benched.outputs / "held/bench")
    assert len(record.inputs) == 3 * 4
    assert any(name.startswith("planted_formant, seed 1, control") for name in record.inputs)


def test_networks_that_guess_are_left_out(copied):
    accuracy = pd.read_csv(copied.outputs / "held/bench/networks.csv").accuracy[:2]
    least = f"bench.least_accuracy={(accuracy.max() + 1) / 2}"
    done = copied.speechlrp(*ASKED, NAMES, settings=(least,))
    assert done.returncode == 1
    assert "no network is right in" in done.stderr
    if accuracy.nunique() == 2:
        between = f"bench.least_accuracy={accuracy.mean()}"
        done = copied.speechlrp(*ASKED, NAMES, settings=(between,))
        said = f"seed {accuracy.idxmin() + 1}: right in"
        assert said in done.stdout
        assert said in (copied.outputs / "held/bench/index.html").read_text(encoding="utf-8")
        assert _tables(copied)[0].query("not control").seed.nunique() == 1


def test_one_explainer_ranks_no_measure_and_the_page_says_so(copied):
    done = copied.speechlrp(*ASKED, "bench.explainers=lrp_mean")
    assert done.returncode == 0, done.stderr
    recordings, _, measures, _ = _tables(copied)
    assert set(recordings.name) == {"lrp_mean", "lrp_mean_zero", "truth"}
    assert measures.empty
    page = (copied.outputs / "held/bench/index.html").read_text(encoding="utf-8")
    assert "no measure is ranked; that takes 4 explainers" in page


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("trainer.epochs=2", "--with 'trainer.epochs=2'"),
        ("bench.percent=[0,10]", "bench.percent is [0.0, 10.0]"),
        ("bench.baselines=loud", "unknown value of bench.baselines 'loud'"),
        ("bench.corpora=[planted_tune]", "planted_tune"),
        ("bench.overrides='seed=3'", "seed=3 in --with: a bench has several, bench.seeds=[...]"),
        ("bench.overrides='experiment=demo'", "a bench has several, bench.corpora=[...]"),
        ('bench.overrides="model.name=a\'"', "a quotation mark is not closed"),
        ("bench.seeds=[1,1]", "bench.seeds is [1, 1]; it must be a seed or more, each once"),
        ("bench.corpora=[planted_word,planted_word]", "an experiment or more, each once"),
        ("bench.truth=region", "unknown value of bench.truth 'region'"),
        ("bench.measures=gin", "unknown value of bench.measures 'gin'"),
        ("compare.scores=gin", "unknown value of compare.scores 'gin'"),
        ("bench.measures=no_such:measure", "no_such:measure"),
        ("bench.baselines=no_such:Filling", "no_such:Filling"),
        ("bench.explainers='lrp,lrp_mean'", "two are called lrp_mean, "),
    ],
)
def test_what_does_not_fit_is_one_line(setting, words, benched):
    done = benched.speechlrp("bench", settings=(NAMES, setting))
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_run_of_a_network_is_no_bench(benched):
    name = next(path.parent.name for path in benched.outputs.glob("*/train"))
    done = benched.speechlrp("bench", f"run={name}")
    assert done.returncode == 1
    assert f"run {name} holds a network of its own" in done.stderr
