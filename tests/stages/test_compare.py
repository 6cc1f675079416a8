"""Explainers beside each other, and checked on random networks, through the command line."""

import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest

from speechlrp.artifacts.relevance import Maps
from speechlrp.explainers import EXPLAINERS
from speechlrp.pipeline.record import read_record
from speechlrp.stages.compare.compare_tables import pick_rows
from tests.stages.test_contract import one_line

NAMES = ("lrp", "gradient_x_input", "integrated_gradients", "random")
SMALL = (
    "compare.examples=6", "compare.batch_size=4", "compare.sanity_steps=3",
    "+compare.settings.integrated_gradients.steps=8",
)  # fmt: skip
ASKED = ("compare", "--explainers", ",".join(NAMES))
PLACE = "compare/train-test"


@pytest.fixture(scope="module")
def trained(finished, project_class, tmp_path_factory):
    """A project with a network and nothing else; not to be changed."""
    place = tmp_path_factory.mktemp("trained") / "outputs"
    for part in (finished.features, finished.run / "train"):
        shutil.copytree(part, place / part.relative_to(finished.outputs))
    return project_class(finished.data, place)


@pytest.fixture(scope="module")
def compared(trained):
    done = trained.speechlrp(*ASKED, *SMALL, "--baseline", "all")
    assert done.returncode == 0, done.stderr
    return trained


@pytest.fixture
def copied(trained, tmp_path, project_class):
    shutil.copytree(trained.outputs, tmp_path / "outputs")
    shutil.rmtree(next((tmp_path / "outputs").glob("*/train")).parent / "compare", True)
    return project_class(trained.data, tmp_path / "outputs")


def test_every_explainer_has_a_map_a_curve_and_its_costs(compared):
    place = compared.run / PLACE
    table = pd.read_csv(place / "explainers.csv").set_index("explainer")
    assert list(table.index) == list(NAMES)
    assert (table.n == 6).all()
    assert (table.seconds > 0).all()
    passes = table[["forward_passes", "backward_passes"]]
    assert passes.loc["gradient_x_input"].tolist() == [1, 1]
    assert passes.loc["integrated_gradients"].tolist() == [9, 8]
    assert passes.loc["lrp"].tolist() == [1, 1]
    assert passes.loc["random"].tolist() == [1, 0]
    curve = pd.read_csv(place / "curve.csv")
    assert set(curve.explainer) == {*NAMES, "random order"}
    assert set(curve.baseline) == {"zero", "silence", "mean"}
    assert (curve[curve.bins == 0].groupby("strategy").accuracy.nunique() == 1).all()
    examples = pd.read_csv(place / "examples.csv")
    assert examples.groupby("explainer").id.nunique().eq(6).all()
    assert (examples[examples.explainer == "lrp"].label.value_counts() == 3).all()
    for name in NAMES:
        with h5py.File(place / "maps" / f"{name}.h5") as file:
            assert file["relevance"].shape == (6, 1, 64, 64)
            assert file["frequency"].attrs["units"] == "Hz"
            assert json.loads(file.attrs["explainer"])["name"] == name
            units = "no unit" if name == "random" else "logit"
            assert file["relevance"].attrs["units"] == units
    assert read_record(place).notes["examples"] == 6


def test_the_areas_are_those_of_the_curves(compared):
    curve = pd.read_csv(compared.run / PLACE / "curve.csv")
    table = pd.read_csv(compared.run / PLACE / "explainers.csv").set_index("explainer")
    for strategy in ("lrp", "lrp_rev"):
        rows = curve[(curve.explainer == "lrp") & (curve.strategy == strategy)]
        rows = rows[rows.baseline == "silence"]
        area = np.trapezoid(rows.accuracy, rows.bins) / rows.bins.max()
        assert table.loc["lrp", f"auc_{strategy}_silence"] == pytest.approx(area)


def test_only_those_that_promise_a_sum_are_held_to_it(compared):
    examples = pd.read_csv(compared.run / PLACE / "examples.csv").set_index("explainer")
    error = examples.completeness_error
    assert error[["gradient_x_input", "random"]].isna().all()
    assert error[["lrp", "integrated_gradients"]].notna().all()
    with h5py.File(compared.run / PLACE / "maps/lrp.h5") as file:
        probability = file["probability"][:]
        np.testing.assert_array_equal(probability.argmax(1), file["output"][:].argmax(1))
        total = Maps(file)[:].sum(axis=(1, 2, 3), dtype=float)
        target = file["target"][:][:, None]
        logit = np.take_along_axis(file["output"][:], target, axis=1)[:, 0]
    np.testing.assert_allclose(error["lrp"], total - logit, atol=1e-3)  # half precision


def test_lrp_and_only_lrp_has_a_conservation_report(compared):
    (file,) = (compared.run / PLACE).glob("conservation_*.csv")
    table = pd.read_csv(file)
    assert file.name == "conservation_lrp.csv"
    assert (table.n == 6).all()
    layers = table.iloc[:-1]
    lost = layers.received - layers.passed
    np.testing.assert_allclose(lost, layers.bias + layers.stabiliser, atol=1e-6)
    examples = pd.read_csv(compared.run / PLACE / "examples.csv").set_index("explainer")
    assert table.passed.iloc[-1] == pytest.approx(examples.relevance_sum["lrp"].mean(), rel=1e-3)


def test_scores_have_a_mean_and_a_standard_error(compared):
    scores = pd.read_csv(compared.run / PLACE / "scores.csv").set_index(["explainer", "score"])
    examples = pd.read_csv(compared.run / PLACE / "examples.csv").set_index("explainer")
    for name in ("sign_mixing", "checkerboard_time", "share_0_250_hz"):
        values = examples.loc["lrp", name]
        row = scores.loc[("lrp", name)]
        assert row["mean"] == pytest.approx(values.mean())
        assert row["standard_error"] == pytest.approx(values.std(ddof=1) / np.sqrt(6))
    shares = scores.loc["random"].filter(like="share_", axis=0)["mean"]
    assert shares.sum() == pytest.approx(1)


def test_an_explainer_agrees_with_itself_and_not_with_chance(compared):
    table = pd.read_csv(compared.run / PLACE / "agreement.csv")
    table = table[table.score == "spearman"].set_index(["explainer", "other"])["mean"]
    assert table[("lrp", "lrp")] == pytest.approx(1)
    assert abs(table[("lrp", "random")]) < 0.1


def test_the_figures_are_there(compared):
    names = {path.stem for path in (compared.run / PLACE).glob("*.png")}
    assert names == {"heatmaps", "agreement", "curves_zero", "curves_silence", "curves_mean"}


def test_the_report_shows_the_comparison(compared):
    done = compared.speechlrp("report")
    assert done.returncode == 0, done.stderr
    page = (compared.run / "report/index.html").read_text()
    for words in ("Costs, completeness and areas", "sign_mixing", "relevance by every explainer"):
        assert words in page
    (file,) = (compared.run / "report/tables").glob("*conservation*")
    assert pd.read_csv(file).operation.iloc[-1] == "all"


def test_recordings_shown_are_of_every_class():
    label, right = [0, 0, 1, 1, 0, 1], np.array([0, 0, 1, 1, 1, 1])
    table = pd.DataFrame({"label": label, "speaker": list("abcdef"), "id": list("abcdef")})
    assert pick_rows(table, right, 2) == [0, 2]
    assert pick_rows(table, right, 4) == [0, 1, 2, 3]
    assert pick_rows(table.assign(condition="noise"), right, 2) == [0, 2]


def test_an_explainer_more_is_made_alone_and_one_less_is_none(trained, copied):
    few = (*SMALL, "compare.scores=bands")
    place = copied.run / PLACE

    def ran(names, *more):
        done = copied.speechlrp("compare", "--explainers", names, *few, *more)
        assert done.returncode == 0, done.stderr
        kept = next((x for x in done.stdout.splitlines() if x.startswith("kept from before")), "")
        bytes_ = {path.stem: path.read_bytes() for path in (place / "maps").iterdir()}
        return kept.partition(": ")[2].split(", "), bytes_, pd.read_csv(place / "curve.csv")

    _, first, curve = ran("lrp,random")
    kept, second, both = ran("lrp,gradient_x_input,random")
    assert kept == ["maps/lrp.h5", "maps/random.h5", "flips/lrp.h5", "flips/random.h5",
                    "flips/random order.h5"]  # fmt: skip
    assert first.items() < second.items()
    assert set(both.explainer) - set(curve.explainer) == {"gradient_x_input"}
    pd.testing.assert_frame_equal(
        both[both.explainer != "gradient_x_input"].reset_index(drop=True), curve
    )
    kept, third, _ = ran("lrp", "--grid", "full")  # the maps stay
    assert (kept, set(third)) == (["maps/lrp.h5"], {"lrp"})
    assert third["lrp"] == first["lrp"]
    kept, other, _ = ran(
        "lrp",
        "--grid",
        "full",
        "+compare.settings.lrp.rules=[{layers: Linear, rule: zero}, {layers: Conv2d, rule: zero}]",
    )
    assert kept == ["flips/random order.h5"]
    assert other["lrp"] != first["lrp"]
    assert "kept" not in copied.speechlrp("compare", "--explainers", "lrp", *few, "--force").stdout


def test_what_a_killed_command_made_is_taken_by_one_of_other_explainers(copied, killing):
    before = killing("speechlrp.stages.compare.compare_tables:write", 1)
    few = (*SMALL, "compare.scores=bands")
    done = copied.speechlrp("compare", "--explainers", "lrp,random", *few, before=before)
    assert done.returncode == -9
    again = copied.speechlrp("compare", "--explainers", "random", *few)
    assert (
        "kept from before: maps/random.h5, flips/random.h5, flips/random order.h5" in again.stdout
    )
    assert [path.name for path in (copied.run / PLACE / "maps").iterdir()] == ["random.h5"]
    assert not list((copied.run / PLACE).glob(".units*"))


def test_a_part_that_was_damaged_is_made_again(copied):
    few = ("compare", "--explainers", "random", *SMALL, "compare.scores=bands")
    assert copied.speechlrp(*few).returncode == 0
    path = copied.run / PLACE / "maps/random.h5"
    good = path.read_bytes()
    with h5py.File(path, "a") as file:
        file["relevance"][:] = 0
    done = copied.speechlrp(*few)
    assert "maps/random.h5" not in done.stdout.partition("kept from before")[2]
    with h5py.File(path) as file:
        assert file["relevance"][:].any()
    assert len(path.read_bytes()) == len(good)


@pytest.mark.parametrize("order", ["cascading", "independent"])
def test_the_sanity_check_leaves_the_weights_alone_and_chance_unmoved(trained, order):
    weights = (trained.run / "train/last.safetensors").read_bytes()
    done = trained.speechlrp(*ASKED, *SMALL, "--sanity", order)
    assert done.returncode == 0, done.stderr
    assert (trained.run / "train/last.safetensors").read_bytes() == weights
    place = trained.run / f"{PLACE}-{order}"
    assert not list(place.rglob("*.safetensors"))
    table = pd.read_csv(place / "sanity.csv").set_index(["explainer", "step", "score"])["mean"]
    assert table.index.unique("step").tolist() == [0, 1, 2, 3]
    for step in range(4):
        assert table[("random", step, "spearman")] == pytest.approx(1)
    assert table[("lrp", 0, "spearman")] == pytest.approx(1)
    assert table[("lrp", 3, "spearman")] < 0.95
    assert (place / "sanity.png").exists()


@pytest.mark.parametrize(("options", "calls"), [((), 5), (("--sanity", "cascading"), 3)])
def test_killed_in_the_middle_the_same_command_gives_the_same_result(
    trained, copied, killing, options, calls
):
    options = (*ASKED, *SMALL, "--baseline", "all", *options)
    before = killing("speechlrp.artifacts.shards:Shards.put", calls)
    assert copied.speechlrp(*options, before=before).returncode == -9
    again = copied.speechlrp(*options)
    assert "going on where it was interrupted" in again.stdout
    assert trained.speechlrp(*options).returncode == 0
    found = [p for p in copied.run.rglob("*.csv") if "compare" in p.parts]
    assert found
    for path in found:
        wanted = pd.read_csv(trained.run / path.relative_to(copied.run))
        drop = [name for name in ("seconds",) if name in wanted]
        pd.testing.assert_frame_equal(
            pd.read_csv(path).drop(columns=drop), wanted.drop(columns=drop)
        )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--explainers", "lrp,magic"), "unknown explainer 'magic'"),
        (("--explainers", ","), "names no explainer"),
        (("compare.scores=beauty",), "unknown value of compare.scores 'beauty'"),
        (
            ("--explainers", "lrp", "+compare.settings.lrp.rules=[{layers: Linear, rule: zero}]"),
            "lrp: ",
        ),
        (
            ("--explainers", "lrp", "+compare.settings.lrp.target=best"),
            "lrp: unknown value of explainer.target 'best'",
        ),
        # The chosen explainer's own settings hold for it here too.
        (("--explainers", "lrp", "explainer.rules=[{layers: Linear, rule: zero}]"), "lrp: "),
        (("compare.examples=0",), "compare.examples is 0; it must be at least 1"),
        (("compare.top=0",), "compare.top is 0.0; it must be in (0, 1]"),
        (("compare.randomise=burn",), "unknown value of compare.randomise 'burn'"),
    ],
)
def test_bad_input_is_one_line(trained, arguments, message):
    line = one_line(trained.speechlrp("compare", *arguments))
    assert message in line


def test_all_explainers_can_be_compared(trained):
    names = ("sensitivity", "smoothgrad", "occlusion_probability", "lrp_gamma")
    few = (
        "compare.examples=2", "compare.batch_size=2", "compare.sanity_steps=1",
        "+compare.settings.smoothgrad.samples=2",
        "+compare.settings.occlusion_probability.patch=[32,32]",
    )  # fmt: skip
    asked = "compare", "--explainers", ",".join(names), "--sanity", "cascading"
    done = trained.speechlrp(*asked, *few)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(trained.run / f"{PLACE}-cascading/sanity.csv")
    assert list(table.explainer.unique()) == list(names)
    assert len(EXPLAINERS) >= len(names)
