import gzip
import hashlib
import io
import random
import tarfile

import pytest

from speechlrp.corpora import fetch_archives, fetch_http
from speechlrp.corpora.fetch import fetch
from speechlrp.corpora.fetch_archives import LIBRISPEECH, MUSAN, Archive, librispeech, musan
from speechlrp.corpora.fetch_http import Checksum
from speechlrp.corpora.librispeech import librispeech as read
from speechlrp.errors import SpeechLRPError

FILES = {
    "LibriSpeech/SPEAKERS.TXT": b"14 | F | dev | 1 | K\n",
    "LibriSpeech/dev/14/2/14-2.trans.txt": b"14-2-0000 HELLO\n",
    "LibriSpeech/dev/14/2/14-2-0000.flac": random.Random(0).randbytes(100_000),
}


def pack(files):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), 0o644
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), mtime=0)


@pytest.fixture
def get(site, tmp_path, monkeypatch):
    """Return a function that downloads the subset `dev`, made of the given files."""
    monkeypatch.setattr(fetch_http, "PAUSE", 0.001)

    def run(files=FILES, subsets=("dev",)):
        site.files["dev.tar.gz"] = content = pack(files)
        checksum = Checksum("sha256", hashlib.sha256(run.claim or content).hexdigest())
        known = {"dev": Archive("dev.tar.gz", "LibriSpeech/dev", checksum)}
        monkeypatch.setattr(fetch_archives, "LIBRISPEECH", known)
        return librispeech(tmp_path, subsets=subsets, base_url=site.url, progress=False)

    run.root, run.claim = tmp_path, None
    return run


def test_downloads_unpacks_and_then_does_nothing(get, site):
    report = get()
    assert (report.downloaded, report.kept) == (1, 0)
    assert report.root == get.root / "LibriSpeech"
    assert report.received == len(site.files["dev.tar.gz"])
    (recording,) = read(report.root)
    assert (recording.transcript, recording.gender) == ("HELLO", "female")
    assert recording.path.read_bytes() == FILES["LibriSpeech/dev/14/2/14-2-0000.flac"]
    assert [p.name for p in get.root.iterdir()] == ["LibriSpeech"]
    again = get()
    assert (again.downloaded, again.kept, again.received) == (0, 1, 0)
    assert len(site.requests) == 1


def test_goes_on_after_an_interruption(get, site):
    site.faults["dev.tar.gz"] = [("cut", 40_000)] + [("cut", 10)] * 3
    with pytest.raises(SpeechLRPError, match=r"connection failed"):
        get()
    part = get.root / "dev.tar.gz.part"
    kept = part.stat().st_size
    assert not (get.root / "LibriSpeech").exists()
    get()
    assert kept > 0
    assert site.asked("dev.tar.gz")[-1] == f"bytes={kept}-"
    assert len(read(get.root / "LibriSpeech")) == 1


def test_killed_after_the_download_it_does_not_download_again(get, site):
    content = pack(FILES)
    (get.root / "dev.tar.gz").write_bytes(content)
    (get.root / ".unpack-dev.tar.gz/LibriSpeech/dev").mkdir(parents=True)
    (get.root / ".unpack-dev.tar.gz/LibriSpeech/dev/half.flac").touch()
    get.claim = content
    assert get().received == 0
    assert site.requests == []
    assert len(read(get.root / "LibriSpeech")) == 1
    assert [p.name for p in get.root.iterdir()] == ["LibriSpeech"]


def test_a_wrong_archive_is_not_unpacked(get):
    get.claim = b"something else"
    with pytest.raises(SpeechLRPError, match=r"dev.tar.gz has a wrong checksum, sha256"):
        get()
    assert list(get.root.iterdir()) == []


def test_a_second_subset_joins_the_first(get):
    (get.root / "LibriSpeech/test").mkdir(parents=True)
    get()
    names = sorted(p.name for p in (get.root / "LibriSpeech").iterdir())
    assert names == ["SPEAKERS.TXT", "dev", "test"]


def test_what_the_user_put_there_is_left_alone(get, site):
    (get.root / "LibriSpeech/dev").mkdir(parents=True)
    with pytest.raises(SpeechLRPError, match=r"dev was not put there by this command"):
        get()
    assert site.requests == []


@pytest.mark.parametrize("name", ["../evil", "LibriSpeech/../../evil", "/tmp/../evil/../../x"])
def test_nothing_is_unpacked_outside(get, name):
    with pytest.raises(SpeechLRPError, match=r"cannot unpack .*dev.tar.gz: "):
        get({**FILES, name: b"evil"})
    assert not (get.root.parent / "evil").exists()
    assert not (get.root / "LibriSpeech").exists()


def test_an_archive_of_something_else(get):
    with pytest.raises(SpeechLRPError, match=r"does not hold LibriSpeech/dev"):
        get({"other/file": b""})


def test_subsets_are_checked(get):
    with pytest.raises(SpeechLRPError, match=r"which subsets of LibriSpeech\? Known: dev"):
        get(subsets=[])
    with pytest.raises(SpeechLRPError, match=r"unknown subset .*'dve'.*Did you mean 'dev'"):
        get(subsets=["dve"])


def test_musan(site, tmp_path, monkeypatch):
    site.files["musan.tar.gz"] = content = pack({"musan/noise/a/b.wav": b"noise"})
    archive = Archive("musan.tar.gz", "musan", Checksum("md5", hashlib.md5(content).hexdigest()))
    monkeypatch.setattr(fetch_archives, "MUSAN", archive)
    options = {"base_url": site.url, "progress": False}
    report = musan(tmp_path, subsets=(), **options)
    assert (report.root / "noise/a/b.wav").read_bytes() == b"noise"
    assert musan(tmp_path, subsets=(), **options).kept == 1
    with pytest.raises(SpeechLRPError, match=r"MUSAN has no subsets; found: noise"):
        musan(tmp_path, subsets=["noise"], **options)


def test_the_published_checksums():
    assert len({a.checksum.digest for a in LIBRISPEECH.values()}) == 7
    assert all(len(a.checksum.digest) == 64 for a in LIBRISPEECH.values())
    assert LIBRISPEECH["dev-clean"].folder == "LibriSpeech/dev-clean"
    assert len(MUSAN.checksum.digest) == 32


def test_fetch_by_name(site, tmp_path):
    with pytest.raises(SpeechLRPError, match=r"unknown download 'libri'"):
        fetch("libri", tmp_path)
    with pytest.raises(SpeechLRPError, match=r"ask for it on https://"):
        fetch("voxceleb", tmp_path)
    with pytest.raises(SpeechLRPError, match=r"musan.tar.gz: the server answered 404"):
        fetch("musan", tmp_path, base_url=site.url, progress=False)
    with pytest.raises(SpeechLRPError, match=r"dev-clean.tar.gz: the server answered 404"):
        fetch("librispeech", tmp_path, subsets=["dev-clean"], base_url=site.url, progress=False)
    with pytest.raises(SpeechLRPError, match=r"data/.*: the server answered 404"):
        fetch("audiomnist", tmp_path, subsets=["01"], base_url=site.url, progress=False)
