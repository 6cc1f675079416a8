"""How commands end that do not end well: one line and a status, and bugs with their traceback."""

import itertools
import signal
import sys
from concurrent.futures.process import BrokenProcessPool

import pytest

from speechlrp.cli import bridge
from speechlrp.errors import SpeechLRPError


def _failed_at_tidying_up():
    error = AttributeError("half made")
    error.__context__ = KeyboardInterrupt()
    return error


def _in_a_ring():
    error, earlier = SpeechLRPError("no such file"), ValueError("first")
    error.__cause__, earlier.__context__ = earlier, error
    return error


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (SpeechLRPError("two\nlines"), 1, "error: two lines"),
        (OSError(28, "No space left on device", "/a/b"), 1, "/a/b: No space left on device"),
        (OSError("write\nfailed"), 1, "error: cannot read or write: write failed"),
        (OSError(), 1, "error: cannot read or write: OSError"),
        (MemoryError(), 1, "error: too little memory (); smaller batches or fewer workers"),
        (RuntimeError("CUDA out of memory."), 1, "too little memory (CUDA out of memory.)"),
        (RuntimeError("can't start new thread"), 1, "too little memory (can't start new thread)"),
        (ImportError("a.so: failed to map segment"), 1, "too little memory (a.so: failed to map"),
        (BrokenProcessPool("A worker was unexpectedly terminated"), 1, "too little memory (A wor"),
        (KeyboardInterrupt(), 130, "interrupted; the same command goes on"),
        (KeyboardInterrupt(signal.SIGTERM), 143, "interrupted; the same command goes on"),
        (_failed_at_tidying_up(), 130, "interrupted; the same command goes on"),
        (_in_a_ring(), 1, "error: no such file"),
    ],
)
def test_expected_errors_of_a_stage_are_one_line(speechlrp, monkeypatch, error, status, line):
    def fail(*_):
        raise error

    monkeypatch.setattr("speechlrp.stages.sequence.run_verb", fail)
    result = speechlrp("train")
    assert result.exit_code == status
    assert line in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_an_interruption_while_a_verb_imports_is_one_line(speechlrp, monkeypatch):
    class Import:
        def find_spec(self, name, *_):
            if name == "speechlrp.cli.runs":
                raise KeyboardInterrupt

    monkeypatch.delitem(sys.modules, "speechlrp.cli.runs")
    monkeypatch.setattr(sys, "meta_path", [Import(), *sys.meta_path])
    result = speechlrp("runs")
    assert (result.exit_code, len(result.stderr.splitlines())) == (130, 1)


def test_a_member_of_a_sweep_that_fails_is_named_and_ends_no_other(speechlrp, monkeypatch):
    done = []

    def work(verb, config, invocation):
        if config.seed == 2:
            raise SpeechLRPError("no luck")
        done.append(config.seed)

    monkeypatch.setattr("speechlrp.stages.sequence.run_verb", work)
    result = speechlrp("train", "-m", "seed=1,2,3", "trainer.epochs=9")
    assert (result.exit_code, done) == (1, [1, 3])
    of_member, of_sweep = result.stderr.splitlines()
    assert of_member == "error: no luck"
    assert of_sweep.endswith("failed, for what is said above: seed=2")


def test_in_a_process_of_a_launchers_it_is_named_and_ends_no_other(speechlrp, monkeypatch):
    done = []

    def work(verb, config, invocation):
        if config.seed != 2:
            raise SpeechLRPError("no luck")
        done.append(config.seed)

    monkeypatch.setattr("speechlrp.stages.sequence.run_verb", work)
    monkeypatch.setattr(bridge.os, "getpid", itertools.count().__next__)
    result = speechlrp("train", "-m", "seed=1,2,3", "trainer.epochs=9")
    assert (result.exit_code, done) == (1, [2])
    told = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    named = [line.rpartition(": ")[2] for line in told if "of the sweep these failed" in line]
    assert named == ["seed=1", "seed=3"]
    assert told[-1] == "error: members of the sweep failed, which are named above"


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyError("a bug"), RuntimeError("a bug")])
def test_a_bug_keeps_its_traceback(speechlrp, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("speechlrp.stages.sequence.run_verb", fail)
    assert speechlrp("train").exception is error
