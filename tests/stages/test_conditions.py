"""Test recordings with music and noise mixed in, through the real command line."""

import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from toy_speakers import RATE, write_corpus
from toy_speakers import TOY as SPEAKERS

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.audio.artefacts import Conditions
from speechlrp.audio.fbank import FbankSettings
from speechlrp.audio.reading import read
from speechlrp.audio.windows import place
from speechlrp.data.conditions import mixers
from speechlrp.pipeline.record import read_record
from speechlrp.stages.compare.compare_tables import pick_rows
from speechlrp.stages.compare.subject import choose
from tests.stages.test_contract import one_line

STORED = "features.train_from=features"
TOY = (*(s for s in SPEAKERS if not s.startswith("features.train_from")), STORED)
MIXED = ("conditions=synthesised",)
BOTH = "test_music+test_noise"
RULES = ("lrp_resnet_zero", "lrp_resnet_eps", "lrp_resnet_eps_gamma")
SMALL = ("flipping.repeats=1", "flipping.grids.table.percent=[0,10,50]", "compare.batch_size=4")
PLACE = f"compare/train-{BOTH}"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("speakers")
    write_corpus(folder / "voxceleb")
    return folder


def ran(project, *arguments, settings=()) -> str:
    done = project.speechlrp(*arguments, settings=settings)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def plain(data, tmp_path_factory, project_class):
    """Trained on the same recordings, without copies; not to be changed."""
    project = project_class(data, tmp_path_factory.mktemp("plain") / "outputs", TOY)
    for verb in ("preprocess", "train"):
        ran(project, verb)
    return project


@pytest.fixture(scope="module")
def mixed(data, tmp_path_factory, project_class):
    """Trained where the test recordings have copies; not to be changed but for new folders."""
    project = project_class(data, tmp_path_factory.mktemp("mixed") / "outputs", (*TOY, *MIXED))
    for verb in ("preprocess", "train"):
        ran(project, verb)
    return project


def table_of(project) -> pd.DataFrame:
    with h5py.File(project.features / "features.h5") as file:
        return read_table(file)


def test_every_test_recording_has_a_copy_of_each_kind(mixed):
    table = table_of(mixed)
    counts = table.subset.value_counts()
    assert counts["test"] == counts["test_music"] == counts["test_noise"]
    assert table.id.is_unique
    own = table[table.subset == "test"].set_index("id")
    columns = ["source", "start_s", "onset_s", "duration_s", "speaker", "label", "path"]
    for kind, (low, high) in {"music": (5, 15), "noise": (0, 15)}.items():
        copies = table[table.subset == f"test_{kind}"]
        assert (copies.condition == kind).all()
        assert copies.snr_db.between(low, high).all()
        assert copies.groupby("source").snr_db.nunique().eq(1).all()
        assert copies.snr_db.nunique() == copies.source.nunique()
        assert copies.id.str.endswith(f"+{kind}").all()
        assert copies.mixed_in.str.startswith(f"{kind}/").all()
        same = copies.set_index(copies.id.str.removesuffix(f"+{kind}"))[columns]
        pd.testing.assert_frame_equal(same, own[columns], check_like=True)
    rest = table[~table.subset.isin(["test_music", "test_noise"])]
    assert (rest.condition == "").all()
    assert rest.snr_db.isna().all()


def test_a_copy_is_the_recording_at_the_ratio_that_the_table_says(mixed):
    """The features are those of samples whose ratio is measured here."""
    table, settings = table_of(mixed), feature_settings()
    ranges = {"noise_db": [0, 15], "music_db": [5, 15], "babble_db": [13, 20]}
    copies = Conditions(mixers(None, seed=1, rate=RATE, kinds=["music", "noise"], **ranges))
    with h5py.File(mixed.features / "features.h5") as file:
        for row in table[table.subset == "test"].drop_duplicates("source").itertuples():
            wave = read(row.path)[0][0]
            for copy, about in copies(wave, row.source):
                (i,) = table.index[table.id == f"{row.id}+{about.kind}"]
                added = copy.double() - wave.double()
                ratio = 10 * torch.log10(wave.double().square().sum() / added.square().sum())
                assert float(ratio) == pytest.approx(table.snr_db[i], abs=0.02)
                start = round(row.start_s * RATE)
                window, _ = place(
                    copy[start : start + settings.length],
                    settings.length, seed=1, name=row.source, start=start,
                )  # fmt: skip
                expected = settings.transform(window[None])[0].numpy()
                np.testing.assert_allclose(file["features"][i], expected, atol=1e-3)


def feature_settings() -> FbankSettings:
    return FbankSettings(length=4080, segment_s=0.255, min_segment_s=0.2, bands=16)


def test_training_does_not_know_of_copies(mixed, plain):
    with (
        h5py.File(mixed.features / "features.h5") as ours,
        h5py.File(plain.features / "features.h5") as other,
    ):
        table, without = read_table(ours), read_table(other)
        kept = (table.condition == "").to_numpy()
        columns = list(without.columns)
        assert table[kept][columns].reset_index(drop=True).equals(without)
        np.testing.assert_array_equal(ours["features"][:][kept], other["features"][:])
        np.testing.assert_array_equal(ours["train_mean"][:], other["train_mean"][:])
        assert set(table.columns) - set(columns) == {"condition", "snr_db", "mixed_in"}
    for name in ("recordings.csv", "rejected.csv", "left_out.csv"):
        assert (mixed.features / name).read_text() == (plain.features / name).read_text()
    weights = [(p.run / "train/last.safetensors").read_bytes() for p in (mixed, plain)]
    assert weights[0] == weights[1]
    notes = [read_record(p.features).notes for p in (mixed, plain)]
    assert notes[0]["recordings"] == notes[1]["recordings"]
    assert notes[0]["dropped_segments"] == notes[1]["dropped_segments"]


def test_killed_or_with_more_workers_it_is_the_same(mixed, killing, project_class, tmp_path):
    other = project_class(mixed.data, tmp_path / "outputs", mixed.toy)
    small = "from speechlrp.stages.preprocess import classes as preprocess\npreprocess.UNIT = 7\n"
    settings = ("workers=2",)
    deadly = small + killing("speechlrp.artifacts.shards:Shards.put", 3)
    assert other.speechlrp("preprocess", settings=settings, before=deadly).returncode == -9
    done = other.speechlrp("preprocess", settings=settings, before=small)
    assert "going on where it was interrupted" in done.stdout
    table, wanted = table_of(other), table_of(mixed)
    order = [table.index[table.id == name][0] for name in wanted.id]
    assert table.loc[order].reset_index(drop=True).equals(wanted)
    with (
        h5py.File(other.features / "features.h5") as ours,
        h5py.File(mixed.features / "features.h5") as file,
    ):
        np.testing.assert_allclose(ours["features"][:][order], file["features"][:], atol=1e-5)


def test_accuracy_is_told_for_each_condition(mixed):
    said = ran(mixed, "evaluate", "--subset", f"test+{BOTH}")
    place = mixed.run / f"evaluate/train-test+{BOTH}"
    found = pd.read_csv(place / "per_condition.csv").set_index("condition")
    rows, table = pd.read_csv(place / "recordings.csv"), table_of(mixed)
    assert list(found.index) == ["clean", "music", "noise"]
    for name, row in found.iterrows():
        some = rows[(table.condition[rows.row] == name.replace("clean", "")).to_numpy()]
        assert row.n == len(some) == len(rows) / 3
        assert row.accuracy == (some.label == some.prediction).mean()
        assert f"{name}: accuracy {100 * row.accuracy:.2f} % of {row.n:.0f}" in said
    ran(mixed, "evaluate", "--subset", "test")
    alone = json.loads((mixed.run / "evaluate/train-test/evaluation.json").read_text())
    assert alone["correct"] == found.correct["clean"]
    assert not (mixed.run / "evaluate/train-test/per_condition.csv").exists()


def test_copies_can_be_explained_and_flipped(mixed):
    settings = ("explainer=lrp_resnet_eps", *SMALL)
    for verb in ("explain", "flip"):
        ran(mixed, verb, "--subset", BOTH, settings=settings)
    with h5py.File(mixed.run / f"explain/train-lrp_resnet_eps-{BOTH}/relevance.h5") as file:
        table = read_table(file)
    assert set(table.condition) == {"music", "noise"}
    (curve,) = mixed.run.glob(f"flip/train-lrp_resnet_eps-{BOTH}-*/curve.csv")
    assert (pd.read_csv(curve).n == len(table)).all()


@pytest.fixture(scope="module")
def compared(mixed):
    asked = ("compare", "--subset", BOTH, "--explainers", ",".join(RULES))
    ran(mixed, *asked, settings=(*SMALL, "compare.examples=12"))
    return mixed


def test_copies_are_compared_together(compared):
    table = pd.read_csv(compared.run / PLACE / "examples.csv")
    one = table[table.explainer == RULES[0]]
    assert len(one) == 12
    windows = one.groupby(["source", "start_s"]).condition.agg(lambda c: "+".join(sorted(c)))
    assert (windows == "music+noise").all()
    assert (one.label.value_counts() == 4).all()


def test_scores_are_told_for_each_condition(compared):
    scores = pd.read_csv(compared.run / PLACE / "scores.csv")
    table = pd.read_csv(compared.run / PLACE / "examples.csv")
    keys = scores.set_index(["explainer", "condition", "score"])["mean"]
    assert set(scores.condition) == {"all", "music", "noise"}
    for name in RULES:
        values = table[table.explainer == name].set_index("condition").sign_mixing
        assert keys[(name, "all", "sign_mixing")] == pytest.approx(values.mean())
        for kind in ("music", "noise"):
            assert keys[(name, kind, "sign_mixing")] == pytest.approx(values[kind].mean())


def test_the_report_shows_the_thesis_figure(compared):
    ran(compared, "evaluate", "--subset", f"test+{BOTH}")
    ran(compared, "report")
    page = (compared.run / "report/index.html").read_text()
    assert "T Figures 6.10, 6.12 and 6.14 in one" in page
    assert "(c) LRP-0, LRP-epsilon and LRP-gamma" in page
    assert "Accuracy (0..1) under each condition" in page
    assert "sign_mixing, noise" in page
    assert "test_music, test_noise: copies of test" in page


def copies_of(classes: int, each: int) -> pd.DataFrame:
    """Windows under two conditions, all of one condition first."""
    labels = np.repeat(np.arange(classes), each)
    about = {"label": labels, "speaker": [f"s{i}" for i in labels], "start_s": 0.0}
    one = pd.DataFrame({"source": [f"r{i}" for i in range(len(labels))], **about})
    parts = [one.assign(condition=name, snr_db=9.4) for name in ("noise", "music")]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(("limit", "windows"), [(None, 12), (12, 6), (13, 6), (4, 2), (1, 1)])
def test_what_is_chosen_comes_with_its_copies(limit, windows):
    table = copies_of(3, 4)
    rows = choose(table, np.arange(len(table)), limit, seed=1)
    assert (np.diff(rows) > 0).all()
    counts = table.loc[rows].source.value_counts()
    assert len(counts) == windows
    assert (counts == 2).all()
    if windows >= 3:
        assert (table.loc[rows].label.value_counts() == 2 * windows / 3).all()


def test_the_same_recordings_are_shown_music_above_noise():
    table = copies_of(3, 2)  # rows 0 to 5 with noise, 6 to 11 with music
    predicted = table.label.to_numpy().copy()
    predicted[[0, 6, 7, 4]] = -1  # r0 is wrong under both, r1 with music, r4 with noise
    assert pick_rows(table, predicted, 4) == [8, 2, 11, 5]  # not r3, of the speaker of r2
    assert pick_rows(table, predicted, 6)[4:] == [7, 1]  # the third speaker's best
    assert pick_rows(table, predicted, 1) == [8]


@pytest.mark.parametrize(("settings", "message"), [
    (("conditions=musan", "conditions.root=/nowhere"),
     "conditions.root: no music and noise to mix in /nowhere: run `speechlrp download musan`"),
    (("conditions=musan",), "conditions.root: no music and noise to mix in"),
    (("conditions.kinds=[]",), "conditions.kinds is []; it must name some of noise, music"),
    (("conditions.kinds=[noise,noise]",), "each once"),
    (("conditions.kinds=music",), "conditions.kinds is music; it must name some of"),
    (("conditions.kinds=null",), "conditions.kinds is None"),
    (("conditions.kinds=[musik]",), "unknown kind in conditions.kinds 'musik'"),
    (("conditions.kinds=[babble]",), "conditions.kinds holds babble, which is not synthesised"),
    (("conditions.noise_db=[5]",), "conditions.noise_db is [5]"),
    (("+conditions.loudness=3",), "unknown setting of conditions synthesised 'loudness'"),
])  # fmt: skip
def test_what_cannot_be_is_one_line(data, tmp_path, project_class, settings, message):
    project = project_class(data, tmp_path / "outputs", (*TOY, *MIXED))
    assert message in one_line(project.speechlrp("preprocess", settings=settings))


def test_a_subset_that_there_is_not_is_one_line(plain, mixed):
    line = one_line(plain.speechlrp("evaluate", "--subset", BOTH))
    assert "no examples in the split 'test_music'; there are: " in line
    assert "conditions=musan" in line
    line = one_line(mixed.speechlrp("evaluate", "--subset", "test_music+test_babble"))
    assert "split 'test_babble'; there are: " in line
    assert "test_music, test_noise" in line


def test_other_additions_are_another_preprocessing(data, tmp_path, project_class):
    musan = tmp_path / "musan"
    for kind in ("music", "noise"):
        (musan / kind / "some").mkdir(parents=True)
        shutil.copy(next(data.rglob("*.wav")), musan / kind / "some/a.wav")
    project = project_class(data, tmp_path / "outputs", (*TOY, "conditions=musan"))
    settings = (f"conditions.root={musan}",)
    assert "test_noise: " in ran(project, "preprocess", settings=settings)
    assert "nothing to do" in ran(project, "preprocess", settings=settings)
    shutil.copy(next(data.rglob("*.wav")), musan / "noise/some/b.wav")
    assert "additions" in ran(project, "preprocess", settings=settings)


def test_whole_utterances_have_no_copies(data, tmp_path, project_class):
    toy = ("dataset=voxceleb", "task=letters", "split=transcripts", "features=log_mel", *MIXED)
    project = project_class(data, tmp_path / "outputs", toy)
    line = one_line(project.speechlrp("preprocess"))
    assert "conditions=synthesised makes copies of windows" in line
    assert "use conditions=none" in line
