"""Lists of one's own recordings: one row a situation, and what is right."""

import gzip
import io
import os
import unicodedata

import numpy as np
import pytest
import soundfile

from speechlrp.corpora.manifest import manifest
from speechlrp.errors import SpeechLRPError

COMPOSED, APART = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))


def wav(seed: int | None) -> bytes:
    """A second of noise, or of silence."""
    draw = np.random.default_rng(seed)
    file = io.BytesIO()
    soundfile.write(file, draw.normal(0, 0.1, 8000) * (seed is not None), 8000, format="WAV")
    return file.getvalue()


@pytest.fixture
def listed(lay):
    """Read a list of a.wav, its copy, its links, and b.wav, which is another of the same size."""

    def write(*rows: str, header: str = "path,speaker,kind"):
        sound, other = wav(0), wav(1)
        root = lay({"a.wav": sound, "copy.wav": sound, "b.wav": other, "sub/c.wav": "c"})
        lay({"end.wav": sound[:-1] + b"c", "empty.wav": "", "nil.wav": ""})
        lay(dict.fromkeys(["page.wav", "web.wav"], "<html>" + "not audio" * 999))
        lay(dict.fromkeys(["still.wav", "quiet.wav"], wav(None)))
        if not (root / "soft.wav").exists():
            (root / "soft.wav").symlink_to("a.wav")
            os.link(root / "a.wav", root / "hard.wav")
        (root / "manifest.csv").write_text("\n".join((header, *rows)) + "\n")
        return manifest(root)

    return write


SAME = {
    "the row again": ("a.wav,ann,x", "a.wav,ann,x", "the same file"),
    "the row with another label less": ("a.wav,ann,x", "a.wav,ann,", "the same file"),
    "another path": ("a.wav,ann,x", "./a.wav,ann,x", "the same file"),
    "a way around": ("a.wav,ann,x", "sub/../a.wav,ann,x", "the same file"),
    "a link": ("a.wav,ann,x", "soft.wav,ann,x", "the same file"),
    "a hard link": ("a.wav,ann,x", "hard.wav,ann,x", "the same file"),
    "a copy": ("a.wav,ann,x", "copy.wav,ann,x", "files of the same content"),
    "a label that one lacks": ("a.wav,ann,x", "copy.wav,ann,", "files of the same content"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_is_listed_twice_is_taken_once_and_said(listed, caplog, name):
    one, other, what = SAME[name]
    found = listed(one, "b.wav,bob,y", other)
    assert [r.id for r in found] == ["a.wav", "b.wav"]
    assert f"lists {what} twice, taken once: {other.split(',')[0]} as a.wav (1)" in caplog.text


PAIRS = [
    "nil.wav,ann,x\nempty.wav,bob,y",
    "page.wav,ann,x\nweb.wav,bob,y",
    "still.wav,ann,x\nquiet.wav,bob,y",
]
"""What may well be alike: it is left out when it is read."""


@pytest.mark.parametrize("row", ["b.wav,bob,x", "end.wav,ann,x", *PAIRS])
def test_what_only_looks_alike_is_kept(listed, caplog, row):
    assert len(listed("a.wav,ann,x", *row.split("\n"))) == 1 + len(row.split("\n"))
    assert caplog.text == ""


@pytest.mark.parametrize("names", ["start,end", "Start_s,duration", "offset,kind",
                         "xmin,xmax", "t_start,t_end", "end_sec,kind", "frame_offset,num_frames",
                         "Channel,kind"])  # fmt: skip
def test_columns_that_name_parts_are_told_to_be_labels(listed, caplog, names):
    (recording,) = listed("a.wav,ann,0.5,0.8", header=f"path,speaker,{names}")
    assert recording.extra[names.split(",")[0]] == "0.5"
    assert f"taken whole; what its columns {names.split(',')[0]}" in caplog.text


CONTRADICTIONS = {
    "row, speaker": ("a.wav,bob,x", "speaker is 'ann' and 'bob'"),
    "row, label": ("a.wav,ann,y", "kind is 'x' and 'y'"),
    "path, speaker": ("./a.wav,bob,x", "speaker is 'ann' and 'bob'"),
    "path, label": ("./a.wav,ann,y", "kind is 'x' and 'y'"),
    "link, label": ("soft.wav,ann,y", "are the same file, but their kind is 'x' and 'y'"),
    "copy, label": ("copy.wav,ann,y", "files of the same content, but their kind is 'x' and 'y'"),
    "copy, speaker": ("copy.wav,bob,x", "speaker is 'ann' and 'bob'"),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_two_rows_that_contradict_each_other_are_refused(listed, name):
    row, reason = CONTRADICTIONS[name]
    with pytest.raises(SpeechLRPError, match=f"manifest.csv: a.wav and .*{reason}"):
        listed("a.wav,ann,x", row)


def test_a_speaker_of_two_genders_is_refused(listed):
    with pytest.raises(SpeechLRPError, match=r"speaker 'ann' is female in a.wav and male in b.wav"):
        listed("a.wav,ann,f", "b.wav,ann,m", header="path,speaker,gender")


@pytest.mark.parametrize("name", ["NA", "nan", "null", "None", "N/A", "01", "1e3", "true", "#N/A"])
def test_names_are_names(listed, name):
    (found,) = listed(f"a.wav,{name},{name}")
    assert (found.speaker, found.label("kind")) == (name, name)


def test_one_word_in_two_codes_is_one_class_and_one_speaker(listed):
    found = listed(f"a.wav,{COMPOSED},{COMPOSED}", f"b.wav,{APART},{APART}")
    assert {r.speaker for r in found} == {r.label("kind") for r in found} == {COMPOSED}


def test_a_column_in_two_codes_is_one_label(listed):
    (found,) = listed("a.wav,ann,x", header=f"path,speaker,{APART}")
    assert found.label(COMPOSED) == found.label(APART) == "x"


def test_a_column_twice_in_two_codes_is_refused(listed):
    with pytest.raises(SpeechLRPError, match="a column's name is there twice"):
        listed("a.wav,ann,x,y", header=f"path,speaker,{APART},{COMPOSED}")


def test_a_blank_before_a_quote_is_no_part_of_a_name(listed):
    (found,) = listed('"a.wav", "ann", "x, y"')
    assert (found.speaker, found.label("kind")) == ("ann", "x, y")


def test_a_speaker_is_chosen_in_any_code(lay):
    root = lay({"a.wav": "a", "m.csv": f"path,speaker\na.wav,{APART}\n"})
    assert len(manifest(root, file="m.csv", speakers=[COMPOSED])) == 1
    assert len(manifest(root, file="m.csv", speakers=[APART])) == 1


def test_a_file_whose_name_is_in_either_code_is_found(lay):
    root = lay({f"{APART}.wav": "a", "m.csv": f"path,speaker\n{APART}.wav,x\n"})
    assert [r.path.name for r in manifest(root, file="m.csv")] == [f"{APART}.wav"]


TEXTS = {
    "utf-16": ("path,speaker\na.wav,ann\n".encode("utf-16"), None),
    "utf-16 without its mark": (
        "path,speaker\na.wav,ann\n".encode("utf-16-le"),
        "save it as UTF-8",
    ),
    "zeros": (b"path,speaker\na.wav,a\0nn\n", "is not UTF-8 text"),
    "a workbook": (b"PK\x03\x04\x14\0\x06\0" + bytes(99), "a workbook of Excel"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + bytes(99), "a workbook of Excel"),
    "a table of parquet": (b"PAR1" + bytes(99), "a table of Parquet"),
    "something packed": (gzip.compress(b"path,speaker\na.wav,ann\n"), "compressed by gzip"),
    "a quote that is not closed": (
        b'path,speaker,kind\na.wav,ann,"x\nb.wav,bob,y\nc.wav,cid,z\n',
        "line 4: .*is a quote not closed",
    ),
    "two quotes, each not closed": (
        b'path,speaker,kind\na.wav,ann,"x\nb.wav,bob,y"\n',
        "line 3: kind holds a line break",
    ),
    "a bell in a label": (b"path,speaker,kind\na.wav,ann,x\a\n", "another control character"),
    "an address": (b"path,speaker\nhttps://x.org/a.wav,ann\n", "https://... is not fetched"),
    "a bucket": (b"path,speaker\ns3://x/a.wav,ann\n", "s3://... is not fetched"),
    "a drive": (b"path,speaker\nC:\\data\\a.wav,ann\n", "a drive of Windows"),
    "a third gender": (b"path,speaker,gender\na.wav,ann,w\n", "leave it empty where"),
    "an endless cell": (b'path,speaker\na.wav,"' + b"x" * 200_000, "field larger than field limit"),
    "latin-1": ("path,speaker\na.wav,Zo\xeb\n".encode("latin-1"), "save it as UTF-8"),
    "a page": (b"<!DOCTYPE html>\n<html></html>\n", "has no column 'path'"),
    "no rows": (b"path,speaker\n", "no recordings"),
    "a zero in a path": (b"path,speaker\na\0.wav,ann\n", "is not UTF-8 text"),
    "a device": (b"path,speaker\n/dev/zero,ann\n", "not there: /dev/zero"),
    "a folder": (b"path,speaker\n.,ann\n", "not there"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_list_is_read_or_refused_in_one_line(lay, name):
    content, reason = TEXTS[name]
    root = lay({"a.wav": "a", "manifest.csv": content})
    if reason is None:
        assert len(manifest(root)) == 1
        return
    with pytest.raises(SpeechLRPError, match=reason) as caught:
        manifest(root)
    assert "\n" not in str(caught.value)


WRITTEN = {
    "as it should be": "path,speaker,kind\na.wav,01,x\n",
    "the index of pandas": ",path,speaker,kind\n0,a.wav,01,x\n",
    "a comma at each line's end": "path,speaker,kind,\na.wav,01,x,\n",
    "a comma at the rows' ends": "path,speaker,kind\na.wav,01,x,\n",
    "blanks around": " path , speaker,kind\n a.wav , 01 , x \n",
    "no-break spaces around": "path,speaker,kind\na.wav\u00a0,01,\u00a0x\n",
    "nothing's width around": "path,speaker,kind\n\u200ba.wav,01\u2060,x\u200b\n",
    "empty lines first": "\n\npath,speaker,kind\n\na.wav,01,x\n\n",
    "lines of an old Mac": "path,speaker,kind\ra.wav,01,x\r",
    "Excel's first line": "sep=;\r\npath;speaker;kind\r\na.wav;01;x\r\n",
    "a comma in a name": 'path;speaker;kind;"a, b"\na.wav;01;x;\n',
    "quotes around all": '"path","speaker","kind"\n"a.wav","01","x"\n',
    "a quote that tabs enclose": 'path\tspeaker\tkind\ttranscript\na.wav\t01\tx\t"Oh\n',
    "quotes around cells of tabs": 'path\tspeaker\tkind\n"a.wav"\t"01"\t"x"\n',
    "an address of this machine": "path,speaker,kind\nfile://{root}/a.wav,01,x\n",
    "a path of Windows": "path,speaker,kind\nsub\\..\\a.wav,01,x\n",
    "a gender that is not known": "path,speaker,kind,gender\na.wav,01,x,Unknown\n",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_one_list_written_in_many_ways(lay, name):
    root = lay({"a.wav": "a", "sub/b.wav": "b"})
    (root / "manifest.csv").write_text(WRITTEN[name].replace("{root}", str(root)), newline="")
    (recording,) = manifest(root)
    assert (recording.speaker, recording.label("kind"), recording.gender) == ("01", "x", None)
    assert recording.path.samefile(root / "a.wav")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "manifest.csv")
    with pytest.raises(SpeechLRPError, match="is not a file"):
        manifest(tmp_path)
