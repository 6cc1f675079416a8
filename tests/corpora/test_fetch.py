import io

from speechlrp.corpora.fetch import Meter


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_plain_lines_where_there_is_no_terminal():
    out = io.StringIO()
    with Meter("files", 40, size=False, stream=out) as meter:
        for _ in range(40):
            meter.advance(1)
    lines = out.getvalue().splitlines()
    assert len(lines) == 10
    assert lines[0] == "files: 4 of 40"
    assert lines[-1] == "files: 40 of 40"


def test_bytes_whose_total_is_learnt_later():
    out = io.StringIO()
    with Meter("a.tar.gz", None, stream=out) as meter:
        meter.expect(10_000_000)
        meter.advance(5_000_000)
    assert out.getvalue() == "a.tar.gz: 5.0 MB of 10.0 MB\n"


def test_bytes_whose_total_nobody_knows():
    out = io.StringIO()
    with Meter("a.tar.gz", None, stream=out) as meter:
        meter.expect(0)
        meter.advance(99_000_000)
        meter.advance(2_000_000)
    assert out.getvalue() == "a.tar.gz: 101.0 MB\n"


def test_a_bar_on_a_terminal():
    out = Terminal()
    with Meter("AudioMNIST files", 2, size=False, stream=out) as meter:
        meter.advance(2)
    assert "AudioMNIST files" in out.getvalue()
    assert "2/2" in out.getvalue()


def test_silence():
    out = io.StringIO()
    with Meter("files", 1, show=False, stream=out) as meter:
        meter.advance(1)
    assert (out.getvalue(), meter.done) == ("", 1)
