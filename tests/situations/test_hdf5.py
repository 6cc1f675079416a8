"""HDF5 files of ours that are damaged, foreign or hostile: one row a situation.

A row: what is done to a valid file of features, and what must be said; always in one line that
names the file and the command that makes it again.
"""

import os
import subprocess
import sys
from pathlib import Path

import forks
import h5py
import numpy as np
import pandas as pd
import pytest

from speechlrp.artifacts.hdf5 import created, describe, open_artifact, read_table, write_table
from speechlrp.artifacts.relevance import FEATURES
from speechlrp.data.dataset import Spoken, read_dataset
from speechlrp.errors import SpeechLRPError

N = 4
ONE = np.zeros((N, 1, 5, 6), "f4")
SETTINGS = {"name": "spectrogram_db", "window": 16, "overlap": 8, "bins": 5, "frames": 6}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    names = {name: [name] * N for name in ("path", "speaker", "subset", "source")}
    times = dict.fromkeys(("start_s", "onset_s", "duration_s"), 0.0)
    table = pd.DataFrame({"id": list("abcd"), "label": [0, 1, 0, 1], **names, **times})
    with created(tmp_path / "features.h5") as file:
        file["features"] = np.zeros((N, 1, 5, 6), "f4")
        file["train_mean"], file["frequency"], file["time"] = (
            np.zeros((1, 5, 6)),
            range(5),
            range(6),
        )
        write_table(file, table)
        describe(file, {"kind": "features", "classes": ["x", "y"], "settings": SETTINGS})
        describe(file, {"silence": -80.0, "task": "gender"})
    return tmp_path / "features.h5"


def replaced(name, value=None, **options):
    """Another dataset in the place of one."""

    def edit(file: h5py.File) -> None:
        del file[name]
        if value is not None or options:
            file.create_dataset(name, data=value, **options)

    return edit


def noted(name, value):
    """Another attribute in the place of one."""

    def edit(file: h5py.File) -> None:
        del file.attrs[name]
        if value is not None:
            file.attrs[name] = value

    return edit


def linked(name, link):
    def edit(file: h5py.File) -> None:
        del file[name]
        file[name] = link

    return edit


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((N, 1, 5, 6), "f4")
    layout[...] = h5py.VirtualSource("other.h5", "x", (N, 1, 5, 6))
    del file["features"]
    file.create_virtual_dataset("features", layout)


ZERO = [("/dev/zero", 0, h5py.h5f.UNLIMITED)]
SITUATIONS = {
    "a link to another file": (linked("table/id", h5py.ExternalLink("o.h5", "/x")), "a link"),
    "the values behind a link": (linked("features", h5py.ExternalLink("o.h5", "/x")), "a link"),
    "the table behind a link": (linked("table", h5py.ExternalLink("o.h5", "/x")), "a link"),
    "a link to itself": (linked("time", h5py.SoftLink("/time")), "a link"),
    "a link to nothing": (linked("table/label", h5py.SoftLink("/nothing")), "a link"),
    "a virtual dataset": (virtual, "lie in another file"),
    "values in a device": (
        replaced("features", None, shape=ONE.shape, dtype="f4", external=ZERO),
        "lie in another file",
    ),
    "a column in a device": (
        replaced("table/start_s", None, shape=(N,), dtype="f8", external=ZERO),
        "lie in another file",
    ),
    "no values": (replaced("features"), "no dataset 'features'"),
    "no table": (lambda f: f.__delitem__("table"), "no group 'table'"),
    "no column": (replaced("table/subset"), "no dataset 'subset'"),
    "a column too short": (replaced("table/start_s", [0.0]), "does not fit"),
    "a table in place of values": (
        lambda f: (f.__delitem__("time"), f.create_group("time")),
        "no dataset 'time'",
    ),
    "nothing in a dataset": (replaced("time", h5py.Empty("f")), "no dataset 'time'"),
    "texts as values": (replaced("time", ["a"] * 6), "where number should be"),
    "numbers as names": (replaced("table/speaker", [1.0] * N), "where text should be"),
    "labels that are no whole numbers": (replaced("table/label", [0.5] * N), "where int should be"),
    "a label of no class": (replaced("table/label", [0, 1, 2, 0]), "beyond the 2"),
    "a label below 0": (replaced("table/label", [0, 1, -1, 0]), "beyond the 2"),
    "three axes": (replaced("features", ONE[:, 0]), "does not fit"),
    "no rows": (replaced("features", ONE[:0]), "axes should be"),
    "another mean": (replaced("train_mean", np.zeros((1, 5, 7))), "does not fit"),
    "classes without end": (noted("classes", "[" * 10_000), "classes is not a list of texts"),
    "classes that are numbers": (noted("classes", "[1, 2]"), "classes is not a list of texts"),
    "no classes": (noted("classes", None), "classes is not a list of texts"),
    "settings that are none": (noted("settings", "3"), "settings is not a table"),
    "settings of other features": (noted("settings", '{"name": "x"}'), "unknown features 'x'"),
    "silence that is none": (noted("silence", float("nan")), "silence is not a number"),
    "a kind in bytes": (noted("kind", b"\xff"), "holds something foreign, not features"),
    "another kind": (noted("kind", "relevance"), "holds relevance, not features"),
    "columns that are none": (
        lambda f: f["table"].attrs.__setitem__("columns", "x"),
        "columns is not a list of texts",
    ),
    "a column of no name": (
        lambda f: f["table"].attrs.__setitem__("columns", '["\\u0000"]'),
        "no dataset|cannot be an empty string",
    ),
    "a name that is no text": (
        lambda f: f["table/id"].__setitem__(0, b"\xff\xfe"),
        "the column id of its table is no text",
    ),
}


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_damaged_file_is_named(path: Path, name: str) -> None:
    edit, right = SITUATIONS[name]
    with h5py.File(path.parent / "o.h5", "w") as other:
        other["x"] = ["secret"] * N
    with h5py.File(path, "r+") as file:
        edit(file)
    refused(path, right)


INSTEAD = {
    "a page": (b"<!DOCTYPE html><title>404</title>", "an HTML page"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", "Git-LFS pointer"),
    "zeros": (bytes(9000), "zeros"),
    "nothing": (b"", "empty"),
    "something packed": (b"\x1f\x8b\x08" + bytes(99), "gzip"),
    "a text": (b"features\n" * 99, "file signature not found"),
}


@pytest.mark.parametrize("name", INSTEAD)
def test_what_lies_in_its_place_is_said(path: Path, name: str) -> None:
    content, right = INSTEAD[name]
    path.write_bytes(content)
    refused(path, right)


@pytest.mark.parametrize(
    ("damaged", "right"),
    [(b"\x01\x09", "Unknown string encoding"), (b"\x09\x01", "kind is of no type of ours")],
)
def test_a_text_in_no_known_code_is_said(path: Path, damaged: bytes, right: str) -> None:
    """The library crashes when it reads a value of any length that is neither list nor text."""
    content = path.read_bytes()
    known = b"kind\0\0\0\0\x19\x01\x01"  # an attribute's name, of any length: a text, UTF-8
    assert content.count(known) == 1
    path.write_bytes(content.replace(known, known[:-2] + damaged))
    refused(path, right)


def test_a_text_among_zeros_is_not_waited_for(path: Path) -> None:
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL") + 16
    content[heap : heap + 64] = bytes(64)
    path.write_bytes(content)
    refused(path, "a list of its texts has no end")


def test_a_pipe_is_not_waited_for(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)
    refused(path, "no features at")


@pytest.mark.parametrize("seed", range(40))
def test_fallen_bits_are_read_or_said_in_one_line(path: Path, seed: int) -> None:
    content, draw = bytearray(path.read_bytes()), np.random.default_rng(seed)
    for place in draw.integers(len(content), size=8):
        content[place] ^= 1 << int(draw.integers(8))
    path.write_bytes(content)
    words = ""
    try:
        read_dataset(path, "speechlrp preprocess")
        with open_artifact(path, FEATURES, "speechlrp preprocess") as file:
            read_table(file)
    except SpeechLRPError as error:
        words = str(error)
    assert "\n" not in words


def refused(path: Path, right: str) -> None:
    with pytest.raises(SpeechLRPError, match=right) as caught:
        _ = read_dataset(path, "speechlrp preprocess run=x").feature_settings
    words = str(caught.value)
    assert str(path) in words
    assert "`speechlrp preprocess run=x" in words
    assert "\n" not in words


def test_a_file_that_a_notebook_holds_is_called_locked(path: Path) -> None:
    code = (
        f"import h5py, sys; f = h5py.File({str(path)!r}, 'r+'); print(flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", code, path], **pipes) as notebook:
        notebook.stdout.readline()
        with pytest.raises(SpeechLRPError, match=r"is locked: .*close it") as caught:
            read_dataset(path, "speechlrp preprocess")
        notebook.communicate(b"\n")
    assert "--force" not in str(caught.value)
    assert read_dataset(path, "speechlrp preprocess").classes == ["x", "y"]


FULL = """
import resource, signal, sys, numpy as np
from pathlib import Path
from speechlrp.artifacts.hdf5 import created
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), most[1]))
try:
    with created(Path(sys.argv[1])) as file:
        options = {"maxshape": (None, 50, 50), "chunks": (1, 50, 50)}
        rows = file.create_dataset("x", (0, 50, 50), "f4", **options)
        for row in range(300):
            rows.resize(row + 1, axis=0)
            rows[row] = np.random.default_rng(row).random((50, 50))
        file["table"] = ["text"] * 3000
        read = file["x"][:].sum()
except OSError as error:
    resource.setrlimit(resource.RLIMIT_FSIZE, most)
    print(error.errno, error.filename, end="")
"""


@pytest.mark.parametrize("size", [0, 100, 3000, 100_000, 2_900_000])
def test_a_disk_that_fills_is_said_and_leaves_nothing(tmp_path: Path, size: int) -> None:
    path = tmp_path / "new" / "a.h5"
    done = forks.run(FULL, path, size)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"27 {path}", "")
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("settings", [{}, {"rate": 0, "hop": 1, "window": 2}, {"rate": "x"}])
def test_utterances_whose_frames_have_no_time_are_said(settings):
    facts = dict.fromkeys(("table", "classes", "frequency", "task", "units"))
    spoken = Spoken(path=Path("u.h5"), command="make", settings=settings, **facts)
    with pytest.raises(SpeechLRPError, match=r"u.h5, made with `make`: its settings have no rate"):
        _ = spoken.clock
