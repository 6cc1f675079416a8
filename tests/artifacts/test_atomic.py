"""Files appear whole or not at all."""

import json
import os
import signal
from pathlib import Path

import forks
import pandas as pd
import pytest

from speechlrp.artifacts.atomic import (
    need_space,
    sweep,
    whole,
    write_bytes,
    write_csv,
    write_json,
    write_text,
)
from speechlrp.errors import SpeechLRPError

DIES = """
import os, signal, sys
from pathlib import Path
from speechlrp.artifacts.atomic import whole
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "replace":
    os.replace = die
with whole(Path(sys.argv[1])) as beside:
    beside.write_text("half of it")
    if sys.argv[2] == "write":
        die()
"""


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _stop_half_way(path: Path, error: type[BaseException]) -> None:
    with whole(path) as beside:
        beside.write_text("half of it")
        raise error("stop")


def test_a_file_and_its_folders_appear(tmp_path):
    path = tmp_path / "a" / "b" / "c.txt"
    with whole(path) as beside:
        beside.write_text("new")
        assert beside.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "new"
    assert _names(path.parent) == ["c.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, OSError])
def test_an_error_leaves_the_old_content_and_nothing_else(tmp_path, error):
    path = tmp_path / "c.txt"
    path.write_text("old")
    with pytest.raises(error):
        _stop_half_way(path, error)
    assert path.read_text() == "old"
    assert _names(tmp_path) == ["c.txt"]


def test_an_error_leaves_no_file_where_there_was_none(tmp_path):
    with pytest.raises(ValueError, match="stop"):
        _stop_half_way(tmp_path / "c.txt", ValueError)
    assert _names(tmp_path) == []


@pytest.mark.parametrize("moment", ["write", "replace"])
def test_a_kill_leaves_the_old_content(tmp_path, moment):
    path = tmp_path / "c.txt"
    path.write_text("old")
    assert forks.run(DIES, path, moment).returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert all(name == "c.txt" or name.endswith(".partial") for name in _names(tmp_path))
    write_text(path, "new")
    assert path.read_text() == "new"
    assert _names(tmp_path) == ["c.txt"]


def test_what_another_process_is_writing_stays(tmp_path):
    with whole(tmp_path / "learnt" / "a") as beside:
        beside.touch()
    living = beside.name.replace(str(os.getpid()), str(os.getppid()))
    folder = tmp_path / "shared"
    folder.mkdir()
    for name in (living, ".a.ffffffff-999999999.partial", ".a.partial"):  # another machine's, ...
        (folder / name).touch()
    kept = _names(folder)
    write_text(folder / "b", "new")
    assert _names(folder) == sorted([*kept, "b"])


def test_a_full_disk_is_told_with_the_name_of_the_file(tmp_path):
    with pytest.raises(OSError, match="No space left") as error, whole(tmp_path / "c"):
        raise OSError(28, "No space left on device")
    assert error.value.filename == str(tmp_path / "c")


def test_where_a_folder_is_in_the_way_nothing_stays(tmp_path):
    (tmp_path / "c").mkdir()
    with pytest.raises(OSError, match="c"):
        write_text(tmp_path / "c", "new")
    assert _names(tmp_path) == ["c"]


def test_writers(tmp_path):
    write_bytes(tmp_path / "a", b"\x00\xff")
    write_json(tmp_path / "b", {"b": "ü", "a": [1.5, None]})
    write_csv(tmp_path / "c", pd.DataFrame({"x": [1, 2], "name": ["é, è", None]}, index=[7, 8]))
    assert (tmp_path / "a").read_bytes() == b"\x00\xff"
    assert json.loads((tmp_path / "b").read_text(encoding="utf-8")) == {"b": "ü", "a": [1.5, None]}
    assert (tmp_path / "b").read_text(encoding="utf-8").index('"b"') < 8  # keys keep their order
    assert (tmp_path / "c").read_text(encoding="utf-8") == 'x,name\n1,"é, è"\n2,\n'


def test_what_killed_commands_left_is_swept_and_nothing_else(tmp_path):
    (tmp_path / "deep").mkdir()
    left = [tmp_path / ".a.h5.17.partial", tmp_path / "deep" / ".b.npz.18.partial"]
    kept = [tmp_path / "a.h5", tmp_path / "c.partial", tmp_path / "deep" / ".hidden"]
    for path in (*left, *kept):
        path.write_text("x")
    sweep(tmp_path)
    assert [path.exists() for path in (*left, *kept)] == [False, False, True, True, True]


def test_a_disk_without_room_is_said(tmp_path):
    need_space(tmp_path, 1000)
    with pytest.raises(SpeechLRPError, match=r"about 1e\+06 GB more, .* free; .*paths.outputs"):
        need_space(tmp_path, 1e15)
