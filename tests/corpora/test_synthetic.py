"""A synthesised corpus as a whole: layouts, sameness, resumption, refusals."""

import csv
import json
import shutil
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from speechlrp.corpora import CORPORA
from speechlrp.corpora.synthetic import store, synthesise
from speechlrp.errors import SpeechLRPError

pytest.importorskip("espeakng_loader", reason="needs the extra `synth` (espeakng-loader)")

SIZES = {"audiomnist": (4, 13), "librispeech": (2, 3), "voxceleb": (2, 2)}
FORMATS = {
    "audiomnist": (48_000, "WAV"),
    "librispeech": (16_000, "FLAC"),
    "voxceleb": (16_000, "WAV"),
}


def make(root, layout, **options):
    speakers, per_speaker = SIZES[layout]
    return synthesise(
        root, layout, **{"speakers": speakers, "per_speaker": per_speaker, "seed": 7} | options
    )


def contents(root):
    paths = (path for path in Path(root).rglob("*") if path.is_file())
    return {str(path.relative_to(root)): path.read_bytes() for path in paths}


def spans(path):
    rows = defaultdict(list)
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            name = row.get("phoneme") or row["word"]
            rows[row["id"]].append((name, float(row["start_s"]), float(row["end_s"])))
    return rows


@pytest.fixture
def small_blocks(monkeypatch):
    """Ten recordings are a unit of work, not fifty."""
    monkeypatch.setattr(store, "BLOCK", 10)


@pytest.fixture(scope="module", params=SIZES)
def corpus(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("synthetic") / request.param
    return make(root, request.param)


def test_reader_finds_all(corpus):
    recordings = CORPORA[corpus.layout](corpus.root)
    speakers, per_speaker = SIZES[corpus.layout]
    assert len(recordings) == corpus.utterances == speakers * per_speaker
    assert corpus.written == corpus.utterances
    genders = {recording.speaker: recording.gender for recording in recordings}
    assert sorted(genders.values()) == ["female"] * (speakers // 2) + ["male"] * (speakers // 2)
    for recording in recordings:
        info = soundfile.info(recording.path)
        assert (info.samplerate, info.format) == FORMATS[corpus.layout]
        assert (info.channels, info.subtype) == (1, "PCM_16")


def test_times_lie_inside_and_in_order(corpus):
    tables = {"phonemes": spans(corpus.phonemes), "words": spans(corpus.words)}
    for recording in CORPORA[corpus.layout](corpus.root):
        seconds = soundfile.info(recording.path).duration
        for rows in tables.values():
            times = [time for _, *both in rows[recording.id] for time in both]
            assert times == sorted(times)
            assert times[0] > 0
            assert times[-1] < seconds
        said = tables["phonemes"][recording.id]
        assert tables["words"][recording.id][0][1] == said[0][1]
        assert tables["words"][recording.id][-1][2] == said[-1][2]


def test_samples_stay_in_range_and_differ(corpus):
    waves = [soundfile.read(r.path)[0] for r in CORPORA[corpus.layout](corpus.root)]
    assert all(0.01 < np.abs(wave).max() < 0.99 for wave in waves)
    assert len({wave.tobytes() for wave in waves}) == len(waves)


def test_digits_are_short_and_repeat(tmp_path):
    summary = make(tmp_path / "a", "audiomnist", speakers=1, per_speaker=25, digits=(0, 9))
    recordings = CORPORA["audiomnist"](summary.root)
    assert {r.id for r in recordings} == {f"{d}_01_{k}" for d in (0, 9) for k in range(13)} - {
        "9_01_12"
    }
    assert all(0.25 < soundfile.info(r.path).duration < 0.96 for r in recordings)


def test_transcripts_are_the_words(tmp_path):
    text = ["It's one of the Queen's boxes, isn't it?", "Quiet!"]
    summary = make(tmp_path / "l", "librispeech", speakers=1, per_speaker=2, sentences=text)
    recordings = CORPORA["librispeech"](summary.root)
    assert {r.transcript for r in recordings} == {
        "IT'S ONE OF THE QUEEN'S BOXES ISN'T IT",
        "QUIET",
    }
    words = spans(summary.words)
    for recording in recordings:
        assert " ".join(w for w, *_ in words[recording.id]).upper() == recording.transcript


@pytest.mark.usefixtures("small_blocks")
def test_same_bytes_for_any_number_of_workers(tmp_path):
    options = {"speakers": 4, "per_speaker": 10}
    one = make(tmp_path / "one", "audiomnist", **options, workers=1)
    two = make(tmp_path / "two", "audiomnist", **options, workers=2)
    assert contents(one.root) == contents(two.root)
    other = make(tmp_path / "other", "audiomnist", **options, seed=8)
    name = "data/01/0_01_0.wav"
    assert contents(one.root)[name] != contents(other.root)[name]


@pytest.mark.usefixtures("small_blocks")
def test_goes_on_after_an_interruption(tmp_path):
    whole = make(tmp_path / "whole", "audiomnist", speakers=3, per_speaker=8)

    def stop(done, _):
        if done >= 10:
            raise KeyboardInterrupt

    again = {"root": tmp_path / "cut", "layout": "audiomnist", "speakers": 3, "per_speaker": 8}
    with pytest.raises(KeyboardInterrupt):
        make(**again, progress=stop)
    (tmp_path / "cut/data/01/0_01_0.wav").write_bytes(b"RIFF")
    (tmp_path / "cut/data/02/.0_02_3.wav.part").write_bytes(b"RIFF")
    seen = []
    resumed = make(**again, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(0, 24), (10, 24), (20, 24), (24, 24)]
    (tmp_path / "cut/data/02/.0_02_3.wav.part").unlink(missing_ok=True)
    assert contents(resumed.root) == contents(whole.root)


@pytest.mark.usefixtures("small_blocks")
def test_a_disk_that_is_too_small_is_said_after_the_first_block(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1_000_000))
    with pytest.raises(SpeechLRPError, match=r"needs about .* more.*disk: --out FOLDER"):
        make(tmp_path, "audiomnist")
    assert len(list(tmp_path.rglob("*.wav"))) == 10


@pytest.mark.usefixtures("small_blocks")
def test_rerun_keeps_what_is_there(tmp_path):
    first = make(tmp_path / "a", "audiomnist", speakers=3, per_speaker=8)
    before = {path: path.stat().st_mtime_ns for path in first.root.rglob("*.*")}
    assert make(tmp_path / "a", "audiomnist", speakers=3, per_speaker=8).written == 0
    assert before == {path: path.stat().st_mtime_ns for path in first.root.rglob("*.*")}
    (first.root / "data/03/7_03_0.wav").unlink()
    assert make(tmp_path / "a", "audiomnist", speakers=3, per_speaker=8).written == 4


def test_other_settings_need_force(tmp_path):
    make(tmp_path / "l", "librispeech")
    with pytest.raises(SpeechLRPError, match=r"seed: 7 -> 8.*--force"):
        make(tmp_path / "l", "librispeech", seed=8)
    own = tmp_path / "l" / "train-clean-100" / "notes.txt"
    own.write_text("mine")
    make(tmp_path / "l", "librispeech", speakers=1, seed=8, force=True)
    own.unlink()
    make(tmp_path / "fresh", "librispeech", speakers=1, seed=8)
    assert contents(tmp_path / "l") == contents(tmp_path / "fresh")


def test_leaves_foreign_folders_alone(tmp_path):
    (tmp_path / "data").mkdir()
    with pytest.raises(SpeechLRPError, match="did not make"):
        make(tmp_path, "audiomnist", force=True)
    assert contents(tmp_path) == {}


def test_spoilt_settings_are_named(tmp_path):
    make(tmp_path / "v", "voxceleb")
    (tmp_path / "v/.synthetic/settings.json").write_text(json.dumps([1]))
    with pytest.raises(SpeechLRPError, match=r"settings\.json is not as"):
        make(tmp_path / "v", "voxceleb")


def test_an_unwritable_root_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file"):
        make(tmp_path / "file", "audiomnist")


@pytest.mark.parametrize(
    ("layout", "options", "message"),
    [
        ("timit", {"speakers": 1, "per_speaker": 1}, "unknown layout 'timit'"),
        ("audiomnist", {"speakers": 0}, "at least one speaker"),
        ("audiomnist", {"speakers": 100}, "two digits"),
        ("audiomnist", {"digits": (3, 3)}, "digits must be"),
        ("voxceleb", {"per_speaker": 0}, "at least 1"),
        ("voxceleb", {"sentences": []}, "no sentences"),
        ("librispeech", {"sentences": ["Room 101"]}, "cannot transcribe 'Room 101'"),
        ("librispeech", {"subset": "../x"}, "subset must be"),
    ],
)
def test_bad_arguments(tmp_path, layout, options, message):
    with pytest.raises(SpeechLRPError, match=message):
        synthesise(tmp_path / "x", layout, **{"speakers": 2, "per_speaker": 1} | options)
    assert not (tmp_path / "x").exists()
