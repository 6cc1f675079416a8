import csv
import gzip
import hashlib
import io
import tarfile

import pytest

from speechlrp.corpora import fetch_audiomnist, fetch_http
from speechlrp.corpora.audiomnist import audiomnist as read
from speechlrp.corpora.fetch_audiomnist import META, Official, audiomnist, official
from speechlrp.errors import SpeechLRPError


@pytest.fixture
def table(site):
    """Serve a small AudioMNIST: two speakers with four files each."""
    meta = b'{"01": {"gender": "male"}, "02": {"gender": "female"}}'
    content = {META: meta}
    for s in ("01", "02"):
        for r in range(4):
            content[f"data/{s}/0_{s}_{r}.wav"] = f"{s} {r}".encode() * 1000
    site.files.update(content)
    return {
        path: Official(path, hashlib.sha256(data).hexdigest(), len(data))
        for path, data in content.items()
    }


@pytest.fixture
def get(site, table, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch_audiomnist, "official", lambda: table)
    monkeypatch.setattr(fetch_http, "PAUSE", 0.001)

    def run(subsets=(), archive_from=1000, connections=3):
        monkeypatch.setattr(fetch_audiomnist, "ARCHIVE_FROM", archive_from)
        monkeypatch.setattr(fetch_audiomnist, "CONNECTIONS", connections)
        return audiomnist(tmp_path, subsets=subsets, base_url=site.url, progress=False)

    run.folder = tmp_path / "audiomnist"
    return run


def pack(files, prefix="AudioMNIST-abc/"):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, data in files.items():
            member = tarfile.TarInfo(prefix + path)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), mtime=0)


def whole(get, site, table):
    return all((get.folder / path).read_bytes() == site.files[path] for path in table)


def test_the_compact_form_equals_the_official_table(shared_data):
    with open(shared_data / "audiomnist/official_sha256.csv") as file:
        rows = {row["file"]: (row["sha256"], int(row["bytes"])) for row in csv.DictReader(file)}
    ours = {f.path: (f.sha256, f.size) for f in official().values() if f.path != META}
    assert len(ours) == len(rows) == 30_000
    assert ours == {f"data/{n.split('_')[1]}/{n}": entry for n, entry in rows.items()}


def test_genuine_files_are_the_official_ones(shared_data):
    # digit 0 of 04 and 05 is left out: there these are the official files of 05 and 06
    folder, files = shared_data / "audiomnist", official()
    names = [r.id for r in read(folder) if not r.id.startswith(("0_04_", "0_05_"))]
    there = [META, *(f"data/{name[2:4]}/{name}.wav" for name in names)]
    assert len(there) > 400
    assert [path for path in there if not files[path].is_in(folder)] == []


def test_there_are_30000_files_and_a_table_of_speakers():
    files = official()
    assert len(files) == 30_001
    assert len({file.sha256 for file in files.values()}) > 29_900
    assert all(len(file.sha256) == 64 and file.size > 10_000 for file in files.values())


def test_file_by_file_and_then_nothing(get, site, table):
    report = get()
    assert (report.downloaded, report.kept, report.root) == (9, 0, get.folder)
    assert report.received == sum(file.size for file in table.values())
    assert whole(get, site, table)
    assert len(read(get.folder)) == 8
    assert len(site.requests) == 9
    again = get()
    assert (again.downloaded, again.kept, again.received) == (0, 9, 0)
    assert len(site.requests) == 9
    assert "9 were there already" in str(again)


def test_one_speaker(get, table):
    report = get(subsets=["2"])
    assert report.downloaded == 5
    assert {r.speaker for r in read(get.folder)} == {"02"}
    with pytest.raises(SpeechLRPError, match=r"unknown speaker of AudioMNIST '61'; known: 01, 02"):
        get(subsets=["61"])


def test_a_file_that_is_wrong_is_fetched_again(get, site, table):
    get()
    path = "data/01/0_01_3.wav"
    content = site.files[path]
    (get.folder / path).write_bytes(content[:-1] + b"!")
    (get.folder / "data/01/0_01_2.wav").write_bytes(b"short")
    site.requests.clear()
    assert get().downloaded == 2
    assert whole(get, site, table)
    assert len(site.requests) == 2


def test_one_wrong_file_stops_it_and_the_next_run_goes_on(get, site, table):
    site.faults["data/01/0_01_1.wav"] = [("wrong",)]
    with pytest.raises(SpeechLRPError, match=r"0_01_1.wav has a wrong checksum"):
        get(connections=1)
    assert not (get.folder / "data/01/0_01_1.wav").exists()
    kept = get().kept
    assert kept >= 2
    assert whole(get, site, table)


def test_a_missing_file(get, site):
    del site.files["data/02/0_02_0.wav"]
    with pytest.raises(SpeechLRPError, match=r"0_02_0.wav: the server answered 404"):
        get()


def test_cut_connections_are_mended(get, site, table):
    for path in table:
        site.faults[path] = [("cut", 10)]
    get()
    assert whole(get, site, table)


def test_the_archive_serves_all(get, site, table):
    site.files["archive.tar.gz"] = pack({**site.files, "README.md": b"no"})
    report = get(archive_from=1)
    assert (report.downloaded, report.kept) == (9, 0)
    assert whole(get, site, table)
    assert [path for path, _ in site.requests] == ["archive.tar.gz"]
    assert sorted(p.name for p in get.folder.iterdir()) == ["data"]


def test_the_archive_is_left_alone_where_little_is_missing(get, site, table):
    site.files["archive.tar.gz"] = pack(site.files)
    get(subsets=["01"])
    site.requests.clear()
    get(archive_from=5)
    assert len(site.requests) == 4
    assert site.asked("archive.tar.gz") == []


@pytest.mark.parametrize("fault", [("cut", 150), ("status", 404), ("wrong",), ("cut", 0)])
def test_what_a_broken_archive_lacks_comes_file_by_file(get, site, table, fault, caplog):
    site.files["archive.tar.gz"] = pack(site.files)
    site.faults["archive.tar.gz"] = [fault]
    get(archive_from=1)
    assert whole(get, site, table)
    assert "files still missing are fetched one by one" in caplog.text


def test_wrong_files_in_the_archive_are_not_taken(get, site, table):
    bad = dict(site.files)
    bad["data/01/0_01_0.wav"] = b"!" * len(bad["data/01/0_01_0.wav"])
    bad["data/01/0_01_1.wav"] = b"short"
    site.files["archive.tar.gz"] = pack(bad)
    get(archive_from=1)
    assert whole(get, site, table)
    assert {path for path, _ in site.requests} == {
        "archive.tar.gz",
        "data/01/0_01_0.wav",
        "data/01/0_01_1.wav",
    }


def test_a_folder_that_cannot_be_written(get):
    get.folder.write_text("a file where the folder should be")
    with pytest.raises(SpeechLRPError, match=r"cannot write"):
        get()
