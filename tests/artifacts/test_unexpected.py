"""What a file is that its reader did not expect."""

import io
import os
import re
import zipfile

import h5py
import pytest

from speechlrp.artifacts.unexpected import kind, parse_json, read_json


def archive() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("a", "b")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "Git-LFS pointer.*pull"),
        (b"<!DOCTYPE html><title>404</title>", "HTML page"),
        (b"\xef\xbb\xbf \n<HTML>", "HTML page"),
        (b"", "empty"),
        (bytes(2000), "zeros"),
        (archive(), "ZIP archive"),
        (b"\x80\x02.", "a pickle"),
        (b"\x1f\x8b\x08", "gzip"),
    ],
)
def test_what_a_file_is_is_said(content, words, tmp_path):
    (tmp_path / "file").write_bytes(content)
    assert re.search(words, kind(tmp_path / "file"))
    with pytest.raises(ValueError, match=words):
        read_json(tmp_path / "file")


def test_a_length_is_no_pickle(tmp_path):
    (tmp_path / "a").write_bytes((0x680).to_bytes(8, "little") + b"{}")  # as safetensors begin
    assert kind(tmp_path / "a") == ""


def test_hdf5_is_known(tmp_path):
    h5py.File(tmp_path / "a.json", "w").close()
    assert kind(tmp_path / "a.json") == "an HDF5 file"


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_waited_for(make, tmp_path):
    make(tmp_path / "a.json")
    with pytest.raises(ValueError, match="no regular file"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_deep_nesting_is_an_error_of_one_line(text, tmp_path):
    with pytest.raises(ValueError, match="nested too deeply"):
        parse_json(text)
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match="nested too deeply"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("text", [b"{", b"\xff\xfe{}", b'"\xff"', b"7" * 5000, b"nothing"])
def test_what_is_no_json_is_an_error_of_one_line(text, tmp_path):
    (tmp_path / "a.json").write_bytes(text)
    with pytest.raises(ValueError, match="not JSON") as caught:
        read_json(tmp_path / "a.json")
    assert "\n" not in str(caught.value)


def test_json_is_read(tmp_path):
    (tmp_path / "a.json").write_text('{"name": "Ä", "values": [1, 2.5, null]}', encoding="utf-8")
    assert read_json(tmp_path / "a.json") == {"name": "Ä", "values": [1, 2.5, None]}
