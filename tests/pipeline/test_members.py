"""The members of a sweep, and what their measures come to."""

import json

import numpy as np
import pandas as pd
import pytest

from speechlrp.cli.runs import print_runs
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.members import members, table
from speechlrp.pipeline.record import Record


def write_run(outputs, name, accuracy=None, **settings):
    """A run with an evaluation and a flip, as its stages write them."""
    folder = outputs / name
    folder.mkdir(parents=True)
    about = {"name": name, "data": {"data_seed": 1, "split.seed": 1}}
    for key, value in settings.items():
        if key in ("data_seed", "split_seed"):
            about["data"][key.replace("_seed", ".seed") if "split" in key else key] = value
    network = {"seed": settings.get("seed", 1), "trainer.lr": settings.get("lr", 0.1)}
    (folder / "run.json").write_text(json.dumps(about | {"network": network}))
    if accuracy is None:
        return
    facts = {"weights": "train", "subset": "test", "trials": ""}
    place = folder / "evaluate" / "train-test"
    place.mkdir(parents=True)
    numbers = {"n": 9, "accuracy": accuracy, "wilson_low": 0.1, "per_recording": {"loss": 2.0}}
    (place / "evaluation.json").write_text(json.dumps(numbers))
    Record("evaluate", "", {}, {}, facts=facts).write(place)
    place = folder / "flip" / "train-lrp"
    place.mkdir(parents=True)
    rows = [
        {"strategy": s, "baseline": "zero", "auc": accuracy / k} for s, k in (("a", 1), ("b", 2))
    ]
    pd.DataFrame(rows).to_csv(place / "summary.csv", index=False)
    Record("flip", "", {}, {}, facts={"weights": "train"}).write(place)


@pytest.fixture
def sweep(tmp_path):
    write_run(tmp_path, "emo")
    for seed, accuracy in ((1, 0.5), (2, 0.6), (3, 0.7)):
        write_run(tmp_path, f"emo-seed-{seed}", accuracy, seed=seed)
    write_run(tmp_path, "other-seed-1", 0.9)
    return tmp_path


def test_mean_deviation_and_interval_of_every_measure(sweep):
    made = table(members(sweep, "emo,seed=?"), "emo,seed=?").set_index(["of", "measure"])
    row = made.loc[("train, test", "accuracy")]
    assert (row.n, row["mean"], row.deviation) == pytest.approx((3, 0.6, 0.1))
    half = 4.302652730 * 0.1 / np.sqrt(3)  # Student's t with two degrees of freedom
    assert (row.low, row.high) == pytest.approx((0.6 - half, 0.6 + half))
    assert (row.least, row.most) == (0.5, 0.7)
    assert made.loc[("train, test, per_recording", "loss")]["deviation"] == 0
    assert made.loc[("train, b, zero", "auc")]["mean"] == pytest.approx(0.3)
    assert set(made.index.get_level_values("measure")) == {"accuracy", "loss", "auc"}


def test_a_value_is_a_choice_and_a_pattern_has_a_row_for_each(sweep):
    for seed in (1, 2):
        write_run(sweep, f"emo-lr-{seed}", seed / 10, seed=seed, lr=0.2)
    made = table(members(sweep, "emo,seed=*,trainer.lr=*"), "emo,seed=*,trainer.lr=*")
    accuracy = made[made.measure == "accuracy"].set_index("trainer.lr")
    assert accuracy["mean"].to_dict() == pytest.approx({"0.1": 0.6, "0.2": 0.15})
    one = table(members(sweep, "emo,seed=2,trainer.lr=0.2"), "emo,seed=2,trainer.lr=0.2")
    row = one[one.measure == "accuracy"].iloc[0]
    assert row["mean"] == 0.2
    assert np.isnan(row.deviation)
    assert np.isnan(row.low)


def test_runs_of_several_things_are_refused(sweep):
    write_run(sweep, "emo-x", 0.1, lr=0.2)
    with pytest.raises(SpeechLRPError, match=r"differ in trainer\.lr too: .*trainer\.lr=\*"):
        members(sweep, "emo,seed=*")


def test_what_follows_from_a_seed_may_differ(tmp_path):
    for seed in (1, 2):
        write_run(tmp_path, f"emo-{seed}", 0.5, data_seed=seed, split_seed=seed)
    assert len(members(tmp_path, "emo,data_seed=*")) == 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("none,seed=*", "no trained run in .* is none,seed=\\*"),
        ("emo,seed=7", "is emo,seed=7; there are: emo, emo-seed-1"),
        ("emo,sed=*", "unknown setting of these runs 'sed'; known: .* Did you mean 'seed'"),
    ],
)
def test_what_there_is_not(sweep, asked, message):
    with pytest.raises(SpeechLRPError, match=message):
        members(sweep, asked)


def test_members_that_were_not_evaluated(tmp_path):
    write_run(tmp_path, "emo")
    with pytest.raises(SpeechLRPError, match="none of emo has been evaluated: `speechlrp evaluate"):
        table(members(tmp_path, "emo"), "emo")


def test_the_list_of_runs_says_what_differs_and_what_is_complete(sweep, capsys):
    (sweep / "emo-seed-2/report").mkdir()
    Record("report", "", {}, {}).write(sweep / "emo-seed-2/report")
    print_runs(str(sweep))
    lines = capsys.readouterr().out.splitlines()
    shown = dict(zip(lines[::2], lines[1::2], strict=True))
    assert "seed=2" in shown["emo-seed-2: evaluate flip report"]
    assert "seed=1" in shown["emo-seed-1: evaluate flip"]
