"""The record of a stage."""

import hashlib
import json
import os
from dataclasses import asdict

import pytest

from speechlrp import __version__
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.record import (
    FILE,
    Record,
    commit,
    fingerprint,
    is_as,
    outputs_of,
    read_record,
    versions,
)

RECORD = Record(
    stage="train",
    command="speechlrp train seed=2",
    config={"model.name": "alexnet", "task": {"classes": ["ü"]}},
    inputs={"features": {"size": 3, "sha256": "ab"}},
    outputs={"last.safetensors": {"size": 4, "sha256": "cd"}},
    notes={"accuracy": 0.5},
    seed=2,
    seconds=1.5,
    started="2020-01-01T00:00:00+00:00",
    commit="abc+",
    versions={"torch": "2"},
)


def test_a_record_comes_back(tmp_path):
    RECORD.write(tmp_path)
    assert read_record(tmp_path) == RECORD
    assert json.loads((tmp_path / FILE).read_text(encoding="utf-8"))["status"] == "complete"


def test_no_record(tmp_path):
    assert read_record(tmp_path) is None
    assert read_record(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    "content",
    [b"", b'{"stage": "tr', b"[]", b"null", b"3", b'{"stage": "train"}', b"\xff\xfe",
     b"[" * 100_000, b'{"stage": "t", "command": "", "config": 3, "inputs": {}}'],
)  # fmt: skip
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(SpeechLRPError, match=r"stage\.json is damaged .*kept"):
        read_record(tmp_path)


def test_fields_of_a_later_version_are_passed_over(tmp_path):
    values = asdict(RECORD) | {"more": 1}
    (tmp_path / FILE).write_text(json.dumps(values))
    assert read_record(tmp_path) == RECORD


def test_fingerprints(tmp_path):
    (tmp_path / "figures").mkdir()
    for name in ("a.csv", "figures/b.png", ".hidden", FILE):
        (tmp_path / name).write_bytes(name.encode())
    expected = {"size": 5, "sha256": hashlib.sha256(b"a.csv").hexdigest()}
    assert fingerprint(tmp_path / "a.csv") == expected
    found = outputs_of(tmp_path)
    assert list(found) == ["a.csv", "figures/b.png"]
    assert found["a.csv"].items() >= expected.items()


def test_a_file_is_read_again_only_where_its_time_has_changed(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    facts = outputs_of(tmp_path)["a"]
    assert is_as(path, facts)
    os.utime(path, ns=(0, 0))
    assert is_as(path, facts)  # the same bytes at another time
    path.write_bytes(b"abd")
    assert not is_as(path, facts)
    os.utime(path, ns=(0, facts["mtime_ns"]))
    assert is_as(path, facts)  # its time says that it need not be read
    path.write_bytes(b"abcd")
    assert not is_as(path, facts)
    path.unlink()
    assert not is_as(path, facts)


def test_a_changed_file_has_another_fingerprint(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100)
    before = fingerprint(path)
    path.write_bytes(b"x" * 99 + b"y")
    assert fingerprint(path) != before
    assert fingerprint(path)["size"] == before["size"]


def test_versions_and_commit():
    found = versions()
    assert found["speechlrp"] == __version__
    assert {"torch", "h5py", "hydra-core"} <= set(found)
    assert all(c in "0123456789abcdef+" for c in commit())
