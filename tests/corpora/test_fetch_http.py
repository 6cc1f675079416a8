import hashlib
import shutil

import pytest
import requests

from speechlrp.corpora import fetch_http
from speechlrp.corpora.fetch_http import Checksum, download
from speechlrp.errors import SpeechLRPError

CONTENT = bytes(range(256)) * 4000
SHA256 = Checksum("sha256", hashlib.sha256(CONTENT).hexdigest())
MD5 = Checksum("md5", hashlib.md5(CONTENT).hexdigest())


@pytest.fixture
def get(site, tmp_path, monkeypatch):
    """Return a function that downloads the file, with the target and its `.part`."""
    monkeypatch.setattr(fetch_http, "PAUSE", 0.001)
    site.files["a.bin"] = CONTENT
    target = tmp_path / "deep" / "a.bin"

    def run(name="a.bin", checksum=SHA256):
        with requests.Session() as session:
            run.bytes = []
            url = f"{site.url}/{name}"
            download(session, url, target, checksum, run.bytes.append)

    run.target, run.part = target, target.with_name("a.bin.part")
    return run


@pytest.mark.parametrize("checksum", [SHA256, MD5])
def test_downloads_and_verifies(get, checksum):
    get(checksum=checksum)
    assert get.target.read_bytes() == CONTENT
    assert sum(get.bytes) == len(CONTENT)
    assert not get.part.exists()


def test_goes_on_where_it_was_cut(get, site):
    site.faults["a.bin"] = [("cut", 300_000), ("cut", 200_000)]
    get()
    assert get.target.read_bytes() == CONTENT
    first, second, third = site.asked("a.bin")
    assert first is None
    assert 0 < int(second[6:-1]) <= 300_000
    assert int(second[6:-1]) < int(third[6:-1]) <= 500_000


def test_goes_on_from_an_earlier_run(get, site):
    get.part.parent.mkdir()
    get.part.write_bytes(CONTENT[:1000])
    get()
    assert get.target.read_bytes() == CONTENT
    assert site.asked("a.bin") == ["bytes=1000-"]


def test_a_server_that_cannot_resume_starts_again(get, site):
    get.part.parent.mkdir()
    get.part.write_bytes(CONTENT[:1000])
    site.faults["a.bin"] = [("norange",)]
    get()
    assert get.target.read_bytes() == CONTENT


@pytest.mark.parametrize("before", [CONTENT, CONTENT + b"x", b"wrong beginning"])
def test_a_part_that_is_whole_or_wrong(get, before):
    get.part.parent.mkdir()
    get.part.write_bytes(before)
    get()
    assert get.target.read_bytes() == CONTENT


def test_a_broken_connection_keeps_what_came(get, site):
    site.faults["a.bin"] = [("cut", 100_000)] * 4
    with pytest.raises(SpeechLRPError, match=r"the connection failed .* run the same command"):
        get()
    assert not get.target.exists()
    kept = get.part.stat().st_size
    assert 0 < kept <= 400_000
    get()
    assert get.target.read_bytes() == CONTENT
    assert site.asked("a.bin")[-1] == f"bytes={kept}-"


def test_wrong_content_is_never_in_place(get, site):
    site.faults["a.bin"] = [("wrong",)]
    with pytest.raises(SpeechLRPError, match=r"wrong checksum, sha256 [0-9a-f]{64} was expected"):
        get()
    assert list(get.target.parent.iterdir()) == []
    assert len(site.requests) == 1


def test_an_earlier_file_stays_until_the_new_one_is_right(get, site):
    get.target.parent.mkdir()
    get.target.write_bytes(b"old")
    site.faults["a.bin"] = [("wrong",)]
    with pytest.raises(SpeechLRPError):
        get()
    assert get.target.read_bytes() == b"old"


def test_no_such_file(get, site):
    with pytest.raises(SpeechLRPError, match=r"b.bin: the server answered 404 Not Found"):
        get("b.bin")
    assert len(site.requests) == 1


def test_a_busy_server_is_asked_again(get, site):
    site.faults["a.bin"] = [("status", 503), ("status", 429)]
    get()
    assert get.target.read_bytes() == CONTENT
    assert len(site.requests) == 3


def test_nobody_answers(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch_http, "PAUSE", 0.001)
    with requests.Session() as session, pytest.raises(SpeechLRPError, match=r"connection failed"):
        download(session, "http://127.0.0.1:9/a", tmp_path / "a", SHA256)


def test_a_full_disk(get):
    get.part.parent.mkdir()
    get.part.symlink_to("/dev/full")
    with pytest.raises(SpeechLRPError, match=r"cannot write .*: No space left on device") as error:
        get()
    assert "\n" not in str(error.value)
    assert not get.target.exists()


def test_too_little_space_is_seen_before_it_is_used(get, monkeypatch):
    usage = type("Usage", (), {"free": len(CONTENT) - 1})
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(SpeechLRPError, match=r"needs about .* more.*another disk: --data FOLDER"):
        get()
    assert not get.part.exists()


def test_an_unwritable_folder(get):
    get.target.parent.write_text("a file where the folder should be")
    with pytest.raises(SpeechLRPError, match=r"cannot write .*deep"):
        get()
