"""Parts of a result, each with an identity of its own."""

from dataclasses import replace
from pathlib import Path

import pytest

from speechlrp.pipeline.parts import Part, clear_but_parts, prune
from speechlrp.pipeline.stage import Context

READS = {"weights": {"sha256": "a"}, "the code of own:A": {"own": "1"}, "own.choice": ["own:A"]}


def part(folder: Path, settings="x", file="maps/a.h5", reads=READS, before=None) -> Part:
    folder.mkdir(exist_ok=True)
    inputs = {"weights": folder / "w"}
    return Part(
        Context(None, folder, folder, inputs, {}, reads=reads, before=before or {}), file, settings
    )


def write(one: Part) -> Part:
    with one.written() as file:
        file["x"] = [1.0]
    return one


def test_a_part_is_there_once_it_is_written_whole(tmp_path):
    one = part(tmp_path / "a")
    assert not one.there()
    with pytest.raises(ZeroDivisionError), one.written() as file:
        file["x"] = 1 / 0
    assert not one.there()
    assert write(one).there()
    one.path.write_bytes(b"damaged")
    assert not one.there()


@pytest.mark.parametrize(
    "change",
    [
        {"settings": "y"},
        {"file": "maps/b.h5"},
        {"reads": READS | {"weights": {"sha256": "b"}}},
        {"settings": ["own:A"], "reads": READS | {"the code of own:A": {"own": "2"}}},
    ],
)
def test_what_it_depends_on_makes_another(tmp_path, change):
    first = part(tmp_path, **{k: v for k, v in change.items() if k == "settings" and v != "y"})
    assert write(first).there()
    assert not part(tmp_path, **change).there()


def test_what_it_does_not_depend_on_changes_nothing(tmp_path):
    write(part(tmp_path))
    assert part(tmp_path, reads=READS | {"the code of own:A": {"own": "2"}}).there()
    assert part(tmp_path, reads=READS | {"own.choice": ["own:B"]}).there()


def test_the_result_that_is_replaced_gives_its_part(tmp_path):
    before = write(part(tmp_path / "old")).path
    one = part(tmp_path / "new", before={"maps/a.h5": before})
    assert one.there()
    assert one.path.read_bytes() == before.read_bytes()
    assert before.stat().st_ino != one.path.stat().st_ino
    assert not replace(one, settings="y").there()


def test_what_no_part_is_goes(tmp_path):
    kept, other = write(part(tmp_path)), write(part(tmp_path, file="maps/b.h5"))
    other.shards("maps", 1)
    (tmp_path / "x.csv").write_text("")
    prune(kept.context, ["maps"], [kept])
    assert kept.there()
    assert not other.path.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["maps", "x.csv"]
    clear_but_parts(tmp_path, ["maps"])
    assert [p.name for p in tmp_path.iterdir()] == ["maps"]
