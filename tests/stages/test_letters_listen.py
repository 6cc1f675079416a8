"""listen through the real command line, on a recogniser that predicts a and b everywhere."""

import shutil

import h5py
import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
import toy_letters as toy

from speechlrp.artifacts.utterances import Utterances
from speechlrp.audio.inversion import distance_db
from speechlrp.letters.error_rates import count_errors

SMALL = (
    *toy.SMALL, "maximize.steps=12", "maximize.layer='1,output'", "explainer.examples=1",
    "explainer.utterances=1", "listen.iterations=4", "listen.share=0.2", "listen.letters='a,b,q'",
)  # fmt: skip
SOURCES = ("navai", "--align", "none,min-sens"), ("maximize",), ("explain",)


@pytest.fixture(scope="session")
def heard(made_once, tmp_path_factory, project_class):
    """A project that has gone through listen; not to be changed."""
    place = tmp_path_factory.mktemp("listen")
    project = toy.trained(made_once, project_class, place, SMALL)
    toy.predict_a_and_b(project)
    for stage in (*SOURCES, ("listen",)):
        done = project.speechlrp(*stage)
        assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def copied_heard(heard, tmp_path, project_class):
    """A copy of it, to be changed."""
    shutil.copytree(heard.outputs, tmp_path / "outputs")
    return project_class(heard.data, tmp_path / "outputs", SMALL)


@pytest.fixture(scope="session")
def folder(heard):
    return heard.run / "listen/train-test"


@pytest.fixture(scope="session")
def index(folder):
    return pd.read_csv(
        folder / "sounds.csv", keep_default_na=False, na_values={"distance_db": [""], "score": [""]}
    )


def test_every_sound_is_a_file_of_its_length_and_one_peak(folder, index):
    named = set(index.file) - {""}
    assert named == {p.relative_to(folder).as_posix() for p in folder.rglob("*.wav")}
    for row in index[index.file != ""].itertuples():
        wave, rate = soundfile.read(folder / row.file)
        assert rate == 16000
        assert len(wave) / rate == pytest.approx(row.seconds)
        assert np.abs(wave).max() == pytest.approx(0.5, abs=1e-3)
        assert not row.beside or row.beside in named
        assert f'src="{row.file}"' in (folder / "index.html").read_text(encoding="utf-8")


def test_what_there_is_to_hear(index):
    count = index.groupby(["source", "what"]).size().to_dict()
    assert count == {
        ("patterns", "all letters"): 2, ("patterns", "pattern"): 6,
        ("maximized", "wanted"): 2, ("utterances", "whole"): 1,
        ("utterances", "for"): 1, ("utterances", "against"): 1,
    }  # fmt: skip
    never = index[index.file == ""]
    assert set(never.letter) == {"q"}
    assert never.distance_db.isna().all()


def test_the_whole_is_the_recording_and_is_heard_as_it_was(heard, folder, index):
    (row,) = index[index.what == "whole"].itertuples()
    wave, _ = soundfile.read(folder / row.file)
    (path,) = heard.data.rglob(f"{row.place}.flac")
    said, _ = soundfile.read(path)
    np.testing.assert_allclose(wave, said * 0.5 / np.abs(said).max(), atol=1e-4)
    (explained,) = heard.run.glob("explain/*/utterances.h5")
    with h5py.File(explained) as file:
        assert set(row.heard) == set(file["table/recognised"].asstr()[0]) == {"a", "b"}
    assert row.score == count_errors([row.letter], [row.heard]).letter_error_rate
    others = index[index.what.isin(["for", "against"])]
    assert set(others.beside) == {row.file}


def test_the_distance_is_that_of_what_was_asked_for(heard, folder, index):
    (row,) = index[(index.source == "maximized") & (index.place == "output, 'a'")].itertuples()
    (wanted,) = heard.run.glob("maximize/*/maximized.h5")
    with h5py.File(wanted) as file:
        asked = torch.from_numpy(file["inputs"][-2 if file["table/neuron"][-1] else -1].T.copy())
        assert "a" in file["table/symbol"].asstr()[:]
    with Utterances(heard.features / "utterances.h5") as file:
        table = file.table[file.table.subset == "test"]
    wave, _ = soundfile.read(folder / row.file, dtype="float32")
    about = {"mean": table.mean_db.median(), "deviation": table.deviation_db.median()}
    found = distance_db(torch.from_numpy(wave), asked, **about)
    assert found == pytest.approx(row.distance_db, abs=0.1)


@pytest.mark.parametrize(("what", "sign"), [("for", 1), ("against", -1)])
def test_the_covered_bins_that_speak_most_are_kept(heard, folder, index, what, sign):
    (explained,) = heard.run.glob("explain/*/utterances.h5")
    with h5py.File(explained) as file:
        relevance, windows = sign * file["relevance"][:], file["windows"][:]
    covered = np.broadcast_to((windows > 0)[:, None], relevance.shape)
    most = round(0.2 * covered.sum())
    border = np.sort(relevance[covered])[-most]
    kept = (relevance >= max(border, 1e-30)) & covered
    by_what = dict(zip(index.what, index.file, strict=True))
    levels = {w: _levels(folder / by_what[w]) for w in ("whole", what)}
    change = levels[what] - levels["whole"]
    assert change[kept].mean() > change[~kept].mean() + 5


def _levels(path):
    from speechlrp.audio.log_mel import log_mel

    wave, _ = soundfile.read(path, dtype="float32")
    found = log_mel(torch.from_numpy(wave))
    return found.values.numpy() * found.deviation + found.mean


def test_a_killed_run_goes_on_with_the_same_bytes(copied_heard, killing):
    before = copied_heard.run / "listen/train-test/sounds.csv"
    kept = before.read_bytes()
    shutil.rmtree(before.parent)
    dead = copied_heard.speechlrp(
        "listen", before=killing("speechlrp.stages.listen.letters:to_wave", 4)
    )
    assert dead.returncode == -9
    done = copied_heard.speechlrp("listen")
    assert "going on where it was interrupted" in done.stdout
    assert before.read_bytes() == kept
    assert "complete, nothing to do" in copied_heard.speechlrp("listen").stdout


def test_one_source_alone_has_a_folder_of_its_own(copied_heard):
    done = copied_heard.speechlrp("listen", "--source", "maximized")
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(copied_heard.run / "listen/train-test-maximized/sounds.csv")
    assert set(table.source) == {"maximized"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--source", "patterns", "--subset", "validate"), "make it with `speechlrp navai "),
        (("--source", "maximized", "--layer", "2"), "speechlrp maximize --layer 2 --neuron chosen"),
        (
            ("--source", "utterances", "--subset", "validate"),
            "make it with `speechlrp explain --explainer lrp",
        ),
        (("--source", "patterns", "--align", "max-lrp"), "unknown value of listen.align 'max-lrp'"),
        (("listen.share=2",), "listen.share is 2.0; it must be in (0, 1]"),
        (("listen.floor_db=3",), "listen.floor_db is 3.0; it must be below 0"),
    ],
)
def test_what_there_is_not(copied_heard, arguments, message):
    given = ("explainer.", arguments[0].split("=")[0])
    small = [s for s in SMALL if not s.startswith(given)]
    copied_heard.toy = tuple(small)
    if "--layer" in arguments:
        copied_heard.toy = tuple(s for s in small if not s.startswith("maximize.layer"))
    done = copied_heard.speechlrp("listen", *arguments)
    assert done.returncode == 1
    assert message in done.stderr.strip().splitlines()[-1]
