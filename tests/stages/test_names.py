"""Speakers, classes and recordings whose names other programs take for nothing or for numbers."""

import csv
import unicodedata

import pandas as pd
import pytest
from toy_project import SPEAKERS

NAMES = ("NA", "nan", "null", "None", "N/A", "01", "1e3", "true")
COMPOSED, APART = (unicodedata.normalize(form, "\u00e9t\u00e9") for form in ("NFC", "NFD"))
BROKEN = ("NA", "nan", "null", "None")
"""Ids of recordings that are no audio."""


def rows_of(file) -> list[dict[str, str]]:
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.fixture
def named(corpus, project_class, tmp_path):
    """The toy corpus as a list whose names are those of NAMES, one recording of four broken."""
    speakers = dict(zip(SPEAKERS, NAMES, strict=True))
    lines = []
    for number, path in enumerate(sorted((corpus / "audiomnist/data").glob("*/*.wav"))):
        speaker = speakers[path.parent.name]
        kind = "null" if number // 4 % 2 else (APART if number % 2 else COMPOSED)
        lines.append((str(path), speaker, kind, f"r{number}"))
    for name in BROKEN:
        (tmp_path / f"{name}.wav").write_text(f"not audio: {name}")
        lines.append((f"{name}.wav", "NA", COMPOSED, name))
    with (tmp_path / "recordings.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("path", "speaker", "kind", "id"), *lines])
    project = project_class(tmp_path, tmp_path / "outputs")
    project.toy = (*project.toy, "dataset=manifest", "trainer.epochs=1", "run=names")
    return project


def run(project, *verbs: str, settings: tuple[str, ...]) -> list[str]:
    said = []
    for verb in verbs:
        done = project.speechlrp(verb, settings=settings)
        assert done.returncode == 0, done.stderr
        said.append(done.stdout + done.stderr)
    return said


def test_names_stay_names_from_the_list_to_the_page(named):
    settings = ("task.name=kind", "task.classes=null", "trainer.epochs=1", "split.balance=equal")
    said, *_ = run(named, "preprocess", "train", "evaluate", "report", settings=settings)
    assert "4 of 36 recordings left out" in said
    folder = named.features
    rejected = rows_of(folder / "rejected.csv")
    assert [row["id"] for row in rejected] == sorted(BROKEN)
    about = rows_of(folder / "recordings.csv")
    assert {row["speaker"] for row in about} == set(NAMES)
    assert {row["label"] for row in about} == {COMPOSED, "null"}
    of_speakers = rows_of(named.run / "evaluate/train-test/per_speaker.csv")
    (shown,) = (named.run / "report/tables").glob("*per-speaker.csv")
    assert [row["speaker"] for row in rows_of(shown)] == [row["speaker"] for row in of_speakers]
    assert {row["speaker"] for row in of_speakers} <= set(NAMES)


def test_classes_of_such_names_are_trained_from_their_recordings(named):
    settings = (
        *("task=speaker", "split=recordings", "split.train=0.5", "split.validate=0.25"),
        *("split.test=0.25", "split.min_recordings=2", "features=fbank"),
        *("features.segment_s=0.3", "features.min_segment_s=0.1", "features.train_from=audio"),
        *("model=resnet34_small", "trainer=speaker", "trainer.epochs=1"),
    )
    small = ("features.window", "features.overlap", "features.bins", "features.frames")
    named.toy = tuple(s for s in named.toy if s.split("=")[0] not in small)
    said, _ = run(named, "preprocess", "train", settings=settings)
    assert "nothing to train on" not in said
    training = pd.DataFrame(rows_of(named.features / "recordings.csv")).query("subset == 'train'")
    assert set(training.label) == set(NAMES)


def test_a_class_is_chosen_in_any_code(named):
    settings = ("task.name=kind", f'task.classes=["{APART}","null"]', "split.balance=equal")
    run(named, "preprocess", settings=settings)
    assert {row["label"] for row in rows_of(named.features / "recordings.csv")} == {
        COMPOSED,
        "null",
    }
