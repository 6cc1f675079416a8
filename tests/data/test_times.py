"""Known times of phonemes and words: from tables, from TextGrid files, and from neither."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from speechlrp.config.sections import Times
from speechlrp.data.times import check_tier, has_times, read_times, spoken_in, times_on_disk
from speechlrp.errors import SpeechLRPError
from speechlrp.stages.navai.known_times import phoneme_times, word_times

TABLE = pd.DataFrame(
    {
        "id": ["NA", "v"],
        "path": ["bdl/wav/a1.wav", "slt/wav/a1.wav"],
        "speaker": ["bdl", "slt"],
        "transcript": ["A CAB", "A"],
        "seconds": [0.6, 0.1],
    }
)
SPOKEN = SimpleNamespace(table=TABLE, rows=lambda subset: np.arange(2))
PHONEMES = "id,phoneme,start_s,end_s\nNA,ˈeɪ,0.1,0.2\nNA,k,0.2,0.3\nNA,æ,0.3,0.4\nNA,b,0.4,0.5\n"
WORDS = "id,word,start_s,end_s\nNA,A,0.1,0.2\nNA,CAB,0.2,0.5\n"


@pytest.fixture
def context(tmp_path):
    """Of a corpus without times, which says what it says into `said`."""
    said, notes = [], {}
    config = SimpleNamespace(times=Times(), subset="test", dataset={"root": str(tmp_path)})
    return SimpleNamespace(config=config, note=notes.__setitem__, say=said.append, said=said)


def grid(path, **tiers):
    """A TextGrid file: tier -> labels, each of 0.1 s."""
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", 0, 1, "<exists>"]
    lines.append(len(tiers))
    for name, labels in tiers.items():
        lines += ['"IntervalTier"', f'"{name}"', 0, 1, len(labels)]
        for place, label in enumerate(labels):
            lines += [round(place / 10, 6), round((place + 1) / 10, 6), f'"{label}"']
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(map(str, lines)))


def rows(table):
    return list(table.itertuples(index=False, name=None))


def test_times_of_a_synthesised_corpus(context, tmp_path):
    assert not has_times(context.config, "phoneme")
    (tmp_path / "phonemes.csv").write_text(PHONEMES)
    (tmp_path / "words.csv").write_text(WORDS)
    assert has_times(context.config, "phoneme")
    phonemes = phoneme_times(context, SPOKEN)
    assert rows(phonemes)[:2] == [("NA", "eɪ", 0.1, 0.2), ("NA", "k", 0.2, 0.3)]
    assert "1 of 2 utterances have no phoneme times" in context.said[0]
    words = word_times(context.config, SPOKEN, phonemes)
    assert rows(words) == [("NA", "A", 0.1, 0.2), ("NA", "CAB", 0.2, 0.5)]
    (tmp_path / "words.csv").unlink()
    spelt = word_times(context.config, SPOKEN, phonemes)
    pd.testing.assert_frame_equal(spelt[[*words]].reset_index(drop=True), words)


def test_times_of_an_aligner_in_any_folder_and_without_unknown_words(context, tmp_path):
    grid(tmp_path / "bdl/a1.TextGrid", phones=["EY1", "sil", "B"], words=["a", "", "<unk>"])
    grid(tmp_path / "slt/a1.textgrid", phones=["EY0"])
    context.config.times.path = str(tmp_path)
    phonemes = phoneme_times(context, SPOKEN)
    expected = [("NA", "EY", 0.0, 0.1), ("NA", "B", 0.2, 0.3), ("v", "EY", 0.0, 0.1)]
    assert rows(phonemes) == expected
    words = word_times(context.config, SPOKEN, phonemes)
    assert rows(words[["id", "word", "start_s", "end_s"]]) == [
        ("NA", "a", 0.0, 0.1),
        ("v", "A", 0.0, 0.1),  # by the spelling of its transcript
    ]


def test_files_of_one_name_in_no_speakers_folder_are_not_guessed(context, tmp_path):
    for folder in ("one", "two"):
        grid(tmp_path / folder / "a1.TextGrid", phones=["EY"])
    context.config.times.path = str(tmp_path)
    with pytest.raises(SpeechLRPError, match=r"2 TextGrid files are named a1 .* named bdl"):
        phoneme_times(context, SPOKEN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,phoneme\nu,a\n", "has no column start_s, end_s"),
        ("", "is no table"),
        ("<html>\n", "has no column id"),
        (PHONEMES + "NA,d,early,0.6\n", r"row 5: start_s is 'early', no number"),
        (PHONEMES + "NA,d,0.7,0.6\n", r"row 5: 'd' is from 0.7 to 0.6 s"),
        (PHONEMES + "NA,d,,0.6\n", r"row 5: 'd' is from nan to 0.6 s"),
        (PHONEMES + "NA,d,0.6,inf\n", r"row 5: 'd' is from 0.6 to inf s"),
        (PHONEMES.replace("NA,", "other,"), "no phoneme of the 2 utterances of test is known"),
    ],
    ids=range(8),
)
def test_a_wrong_table_is_one_line(context, tmp_path, text, message):
    (tmp_path / "phonemes.csv").write_text(text)
    with pytest.raises(SpeechLRPError, match=message) as raised:
        phoneme_times(context, SPOKEN)
    assert "times.path=FOLDER" in str(raised.value)


def test_rows_in_any_order_are_taken_in_order_of_time(context, tmp_path):
    head, *lines = PHONEMES.splitlines()
    (tmp_path / "phonemes.csv").write_text("\n".join([head, *reversed(lines)]))
    assert phoneme_times(context, SPOKEN).phoneme.tolist() == ["eɪ", "k", "æ", "b"]


def test_a_folder_without_textgrids_is_one_line(context, tmp_path):
    context.config.times.path = str(tmp_path)
    with pytest.raises(SpeechLRPError, match=r"there is no \.TextGrid file"):
        phoneme_times(context, SPOKEN)


def test_what_is_on_disk_has_a_digest_where_it_is_asked_for(context, tmp_path):
    assert times_on_disk(context.config) == {}
    (tmp_path / "phonemes.csv").write_text(PHONEMES)
    before = times_on_disk(context.config)
    (tmp_path / "words.csv").write_text(WORDS)
    assert times_on_disk(context.config) != before


CTM = ";; by an aligner\na1 1 0.40 0.10 EY1\nv 1 0.00 0.25 HH\nv 1 0.25 0.10 sil\nx 1 0 1 B 0.9\n"


def test_times_of_a_ctm_file_by_id_or_by_the_audio_files_name(context, tmp_path):
    (tmp_path / "phones.ctm").write_text(CTM)
    table = TABLE.assign(path=["bdl/wav/a1.wav", "slt/wav/a2.wav"])
    known = read_times(context.config, "phoneme", table)
    assert rows(known) == [("NA", "EY1", 0.4, 0.5), ("v", "HH", 0.0, 0.25)]
    assert rows(read_times(context.config, "phoneme", TABLE)) == [("v", "HH", 0.0, 0.25)]
    assert read_times(context.config, "word", table).empty
    context.config.times = Times(str(tmp_path), words="phones")
    assert len(read_times(context.config, "word", table)) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a1 1 0.4", "`recording channel begin"),
        ("a1 1 early 0.1 EY1", "`recording channel begin"),
        ("a1 1 nan 0.1 EY1", "is from no time to another"),
        ("a1 1 -0.1 0.1 EY1", "is from no time to another"),
        ("a1 1 0.1 -0.1 EY1", "is from no time to another"),
        ("a1 1 0.1 1e999 EY1", "is from no time to another"),
        ("a1 B 0.1 0.1 EY1", "a1 has the channels 1 and B"),
    ],
)
def test_a_line_that_is_none_of_a_ctm_file_is_named(context, tmp_path, line, message):
    (tmp_path / "words.ctm").write_text(CTM + line)
    with pytest.raises(SpeechLRPError, match=f"words.ctm, line 6: .*{message}"):
        read_times(context.config, "word", TABLE)


B = [("NA", "B", 0.0, 0.5)]
HEAD = "id,phoneme,start_s,end_s\n"
WRITTEN = {
    "with semicolons": ("phonemes.csv", (HEAD + "NA,B,0,0.5\n").replace(",", ";")),
    "with tabs": ("phonemes.csv", (HEAD + "NA,B,0,0.5\n").replace(",", "\t")),
    "with blanks": ("phonemes.csv", (HEAD + "NA,B,0,0.5\n").replace(",", ", ")),
    "in UTF-16": ("phonemes.csv", (HEAD + "NA,B,0,0.5\n").encode("utf-16")),
    "a row twice": ("phonemes.csv", HEAD + "NA,B,0,0.5\n" * 2),
    "silence in a table": ("phonemes.csv", HEAD + "NA,B,0,0.5\nNA,SIL,0.5,1\nNA,,1,2\n"),
    "a place in its word": ("phones.ctm", "NA 1 0 0.5 B_E\n"),
    "comments that are indented": ("phones.ctm", "  ;; x\nNA 1 0.0 0.5 B\n"),
    "lines of an old Mac": ("phones.ctm", ";; x\rNA 1 0.0 5e-1 B\r"),
    "a separator of Unicode": ("phones.ctm", ";; x\u2028y\nNA 1 0.0 0.5 B\n"),
    "times out of order": ("phones.ctm", "NA 1 0.5 0.1 <eps>\nNA 1 0.0 0.5 B\n"),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_times_written_in_many_ways(context, tmp_path, name):
    file, text = WRITTEN[name]
    (tmp_path / file).write_bytes(text if isinstance(text, bytes) else text.encode())
    assert rows(read_times(context.config, "phoneme", TABLE)) == B


def test_accents_are_one_letter_or_two(context, tmp_path):
    table = TABLE[:1].assign(id="Zo\u00eb", path="Zoe\u0308.wav")
    context.config.times.path = str(tmp_path)
    for name, text in (
        ("phones.ctm", "Zoe\u0308 1 0 0.1 B\n"),
        ("phonemes.csv", HEAD + "Zoe\u0308,B,0,0.1\n"),
    ):
        (tmp_path / name).write_text(text)
        assert rows(read_times(context.config, "phoneme", table)) == [("Zo\u00eb", "B", 0.0, 0.1)]
        (tmp_path / name).unlink()
    grid(tmp_path / "Zoe\u0308.TextGrid", phones=["B"])
    assert len(read_times(context.config, "phoneme", table)) == 1


def test_hidden_files_are_no_grids(context, tmp_path):
    context.config.times.path = str(tmp_path)
    for folder in (".", ".old"):
        grid(tmp_path / folder / "a1.TextGrid", phones=["EY"])
    (tmp_path / "._a1.TextGrid").write_bytes(b"\0\5\x16\7")
    table = TABLE[:1]
    assert len(read_times(context.config, "phoneme", table)) == 1
    check_tier(context.config, "phoneme")


def test_a_word_may_be_silence(context, tmp_path):
    context.config.times.path = str(tmp_path)
    grid(tmp_path / "NA.TextGrid", words=["silence", "sil"])
    assert read_times(context.config, "word", TABLE).word.tolist() == ["silence"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("NA,XQ,0,0.1", "1 of 1 phonemes are unknown, .* 'XQ' of NA at 0 s"),
        ("NA,B,300,400", "1 of 1 phonemes begin after the end of their recording; are these sec"),
    ],
)
def test_what_is_odd_about_phonemes_is_said(context, tmp_path, row, message):
    (tmp_path / "phonemes.csv").write_text(HEAD + row + "\n")
    phoneme_times(context, SPOKEN)
    assert re.search(message, "\n".join(context.said))


def test_what_is_said_stands_where_the_example_has_it():
    rows = [("a", "x", 0.1, 0.4), ("a", "y", 0.4, 0.9), ("a", "z", 2.0, 2.5), ("b", "w", 0.4, 0.5)]
    times = pd.DataFrame(rows, columns=["id", "phoneme", "start_s", "end_s"])
    one = pd.Series({"source": "a", "start_s": 0.3, "duration_s": 1.0, "onset_s": 0.2})
    (first, second) = spoken_in(times, one)
    assert [round(value, 6) for value in first[:2]] == [0.0, 0.3]
    assert (first[2], second[2]) == ("x", "y")
