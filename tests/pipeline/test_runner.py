"""What a stage's folder holds after commands at the same time, kills, refusals and edits."""

import errno
import itertools
import json
import os
import time
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

import forks
import pytest
import toy_stage
from toy_stage import READER, STAGE, UNITS, configured, run

from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.identity import Invocation
from speechlrp.pipeline.lock import locked, taken
from speechlrp.pipeline.runner import perform

NUMBERS = itertools.count()


@dataclass
class Started:
    """A command beside the test, and where what it says stands."""

    process: BaseProcess
    place: Path

    def said(self):
        files = (self.place.with_name(f"{self.place.name}.{stream}") for stream in (1, 2))
        return "".join(file.read_text() for file in files if file.exists())


def start(outputs, value, *options):
    place = outputs.with_name(f"{outputs.name}-said-{next(NUMBERS)}")
    code = forks.script(Path(toy_stage.__file__))
    return Started(forks.start(code, outputs, value, *options, place=place), place)


def ended(started):
    """Its exit status, and what it said."""
    started.process.join(120)
    return started.process.exitcode, started.said()


def until(started, word):
    """Wait for the line with a word in it."""
    while True:
        alive = started.process.is_alive()  # asked first: what it says last is not missed
        for line in started.said().splitlines():
            if word in line:
                return line
        assert alive, f"it never said {word}"
        time.sleep(0.01)


@pytest.fixture
def held(tmp_path):
    """A file for which the first command waits in the middle of its work, and its option."""
    return tmp_path / "go", ("--hold", str(tmp_path / "go"))


def values(outputs, stage="toy"):
    return (outputs / "toy" / stage / "result.txt").read_text().splitlines()[:UNITS]


def test_the_second_of_two_commands_waits_for_the_first_and_finds_its_work_done(tmp_path, held):
    go, hold = held
    first = start(tmp_path, "a", *hold)
    until(first, "unit 0")
    second = start(tmp_path, "a")
    waiting = until(second, "waiting")
    assert waiting.startswith(f"toy: waiting for `speechlrp toy` (process {first.process.pid} on ")
    go.touch()
    status, said = ended(second)
    assert ended(first)[0] == status == 0
    assert "complete, nothing to do" in said
    assert values(tmp_path) == ["a"] * UNITS


def test_two_commands_with_other_settings_do_not_mix(tmp_path, held):
    go, hold = held
    first = start(tmp_path, "a", *hold)
    until(first, "unit 0")
    second = start(tmp_path, "b")
    until(second, "waiting")
    go.touch()
    status, said = ended(second)
    assert ended(first)[0] == status == 0
    assert "toy.value was a, is b; running again" in said
    assert values(tmp_path) == ["b"] * UNITS
    record = json.loads((tmp_path / "toy/toy/stage.json").read_text())
    assert record["config"]["toy.value"] == "b"


def test_the_lock_of_a_process_that_is_gone_is_taken_over(tmp_path):
    assert ended(start(tmp_path, "a", "--die-after", "3"))[0] == -9
    assert (tmp_path / "toy/.toy.lock").exists()
    _, said = ended(start(tmp_path, "a"))
    assert "waiting" not in said
    assert "going on where it was interrupted" in said
    assert ["unit 0" in said, "unit 3" in said] == [False, True]
    assert not (tmp_path / "toy/.toy.lock").exists()


def test_what_a_kill_left_half_written_is_not_in_the_finished_stage(tmp_path):
    assert ended(start(tmp_path, "a", "--die-after", "3"))[0] == -9
    half = tmp_path / "toy/toy.partial/.features.h5.4242.partial"
    half.write_bytes(bytes(1000))
    assert ended(start(tmp_path, "a"))[0] == 0
    assert not half.exists()
    assert not list((tmp_path / "toy").rglob(".*.partial"))


def test_force_goes_on_where_force_was_interrupted_and_nothing_else_does(tmp_path, capsys):
    run(tmp_path, value="a")
    before = (tmp_path / "toy/toy/stage.json").read_text()
    assert ended(start(tmp_path, "a", "--force", "--die-after", "3"))[0] == -9
    assert (tmp_path / "toy/toy/stage.json").read_text() == before
    capsys.readouterr()
    run(tmp_path, value="a", force=True)
    said = capsys.readouterr().out
    assert "going on where it was interrupted" in said
    assert "unit 2" not in said
    assert ended(start(tmp_path, "b", "--die-after", "3"))[0] == -9
    capsys.readouterr()
    run(tmp_path, value="b", force=True)
    said = capsys.readouterr().out
    assert "beginning anew" in said
    assert "unit 0" in said


def test_a_refused_command_leaves_no_folder(tmp_path):
    with pytest.raises(SpeechLRPError, match="not like this"):
        run(tmp_path / "outputs", refuse="not like this")
    assert not (tmp_path / "outputs/toy").exists()
    with pytest.raises(
        SpeechLRPError, match=r"no .*result.txt; make it with `speechlrp toy run=toy`"
    ):
        run(tmp_path / "outputs", READER)
    assert not (tmp_path / "outputs/toy").exists()


def test_a_run_is_not_made_of_settings_that_were_refused(tmp_path):
    """Its name would be taken by a network that there is not."""
    run(tmp_path, value="a")
    before = (tmp_path / "toy/run.json").read_bytes()
    asked = configured(tmp_path, value="b", refuse="not like this")
    invocation = Invocation("speechlrp toy", ("run=toy",), ("model.depth=0",))
    with pytest.raises(SpeechLRPError, match="not like this"):
        perform(STAGE, asked, invocation)
    assert (tmp_path / "toy/run.json").read_bytes() == before


def test_a_refused_command_leaves_what_was_there(tmp_path):
    run(tmp_path, value="a")
    with pytest.raises(SpeechLRPError, match="not like this"):
        run(tmp_path, value="b", refuse="not like this")
    assert values(tmp_path) == ["a"] * UNITS
    assert sorted(p.name for p in (tmp_path / "toy").iterdir()) == ["run.json", "toy"]


def test_a_refused_command_leaves_what_an_interrupted_one_had_done(tmp_path, capsys):
    assert ended(start(tmp_path, "a", "--die-after", "3"))[0] == -9
    with pytest.raises(SpeechLRPError, match="not like this"):
        run(tmp_path, value="a", refuse="not like this")
    capsys.readouterr()
    run(tmp_path, value="a")
    said = capsys.readouterr().out
    assert ["unit 0" in said, "unit 3" in said] == [False, True]


def test_what_changes_while_it_is_read_is_noticed(tmp_path, held):
    go, hold = held
    run(tmp_path, value="a")
    reader = start(tmp_path, "r", "--reader", *hold)
    until(reader, "unit 0")
    run(tmp_path, value="b")
    go.touch()
    status, said = ended(reader)
    assert status == 1
    assert "result.txt changed while reader read it; nothing was kept" in said
    assert not (tmp_path / "toy/reader").exists()


@pytest.mark.parametrize("longer", [False, True])
def test_a_file_edited_in_place_is_noticed(tmp_path, capsys, longer):
    run(tmp_path, value="a")
    run(tmp_path, READER)
    path = tmp_path / "toy/toy/result.txt"
    path.write_text(path.read_text().replace("a", "ab" if longer else "x"))
    capsys.readouterr()
    run(tmp_path, READER)
    assert "reader: source changed; running again" in capsys.readouterr().out
    run(tmp_path, value="a")
    assert "result.txt is missing or was changed; running again" in capsys.readouterr().out
    assert values(tmp_path) == ["a"] * UNITS


def test_the_same_bytes_at_another_time_are_the_same(tmp_path, capsys):
    run(tmp_path, value="a")
    run(tmp_path, READER)
    os.utime(tmp_path / "toy/toy/result.txt")
    capsys.readouterr()
    run(tmp_path, value="a")
    run(tmp_path, READER)
    assert capsys.readouterr().out.count("complete, nothing to do") == 2


def test_a_missing_file_makes_a_stage_incomplete(tmp_path, capsys):
    run(tmp_path, value="a")
    (tmp_path / "toy/toy/result.txt").unlink()
    run(tmp_path, value="a")
    assert "result.txt is missing" in capsys.readouterr().out


def test_a_damaged_record_is_named_and_nothing_is_lost(tmp_path, capsys):
    run(tmp_path, value="a")
    (tmp_path / "toy/toy/stage.json").write_text('{"stage": "to')
    with pytest.raises(SpeechLRPError, match=r"stage\.json is damaged"):
        run(tmp_path, value="a")
    assert values(tmp_path) == ["a"] * UNITS
    capsys.readouterr()
    run(tmp_path, value="a", force=True)
    assert "made again, by --force" in capsys.readouterr().out


def test_a_record_of_a_later_version_is_read(tmp_path, capsys):
    run(tmp_path, value="a")
    path = tmp_path / "toy/toy/stage.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "colour": "red"}))
    run(tmp_path, value="a")
    assert "complete, nothing to do" in capsys.readouterr().out


def test_a_full_disk_holds_no_command_back_that_writes_nothing(tmp_path, monkeypatch):
    def full(*_, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with locked(tmp_path / "train", "train", "speechlrp train", tmp_path):
        assert (tmp_path / ".train.lock").exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc here")
def test_where_no_lock_can_be_made_nobody_waits():
    with (
        pytest.raises(FileNotFoundError, match="no file can be made"),
        taken(Path("/proc/nowhere"), "a command"),
    ):
        pass
