"""Tables of names, and the error for a name that is in none."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.registry import Interface, Registry, references_in

ROOT = Path(__file__).resolve().parents[1]
TABLE = Registry("shape", {"square": "math:sqrt", "round": "builtins:round", "gone": "nowhere:x"})
ROOMS = {
    "stages": ["CLASSES", "LETTERS"],
    "corpora": ["CORPORA", "SPLITS", "DOWNLOADS"],
    "audio": ["FEATURES"],
    "models": ["MODELS"],
    "explainers": ["EXPLAINERS"],
    "letters": ["DECODERS"],
    "measures": ["SCORES"],
    "navai": ["ALIGNMENTS", "CLASSES"],
    "training": ["LOGGERS"],
}
TABLES = [(room, name) for room, names in ROOMS.items() for name in names]


def test_a_name_is_resolved_when_it_is_used():
    assert TABLE["round"] is round
    assert list(TABLE) == ["square", "round", "gone"]
    assert len(TABLE) == 3
    assert "gone" in TABLE
    assert "square " not in TABLE
    with pytest.raises(ModuleNotFoundError):
        TABLE["gone"]


def test_an_unknown_name_is_answered_with_those_there_are():
    expected = "unknown shape 'squaer'; known: gone, round, square. Did you mean 'square'?"
    with pytest.raises(SpeechLRPError) as caught:
        TABLE["squaer"]
    assert str(caught.value) == expected


def test_no_suggestion_where_none_is_close():
    assert str(unknown("shape", "xyz", ["b", 1, "a"])) == "unknown shape 'xyz'; known: 1, a, b."


@pytest.mark.parametrize(("room", "name"), TABLES)
def test_every_entry_is_there(room, name):
    table = getattr(importlib.import_module(f"speechlrp.{room}"), name)
    for entry in table:
        assert table[entry] is not None
        assert table.interface is None or table.interface.fits(table[entry]), entry
    if table.interface is None and room != "stages":
        assert all(callable(value) for value in table.values())


def test_listing_the_names_imports_neither_torch_nor_hydra():
    rooms = "; ".join(f"import speechlrp.{room} as r{i}; [list(getattr(r{i}, n)) for n in {names}]"
                      for i, (room, names) in enumerate(ROOMS.items()))  # fmt: skip
    code = (
        f"import sys; {rooms}; print([m for m in ('torch', 'hydra', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


SHAPES = Registry("shape", {}, Interface("derived from numbers:Number", bases=("numbers:Number",)))
SUMS = Registry(
    "sum",
    {},
    Interface("a function of two numbers and scale=", positional=2, named=("scale",)),
)
OBJECTS = Registry("pattern", {}, Interface("a fraction", kind="fractions:Fraction"))


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Modules of a user's, in the working folder; some are broken."""
    for name, text in {
        "own_entries": "from fractions import Fraction\n"
        "half = Fraction(1, 2)\nsize = 3\n"
        "class Outer:\n    class Inner(Fraction):\n        pass\n"
        "def plain(a, b): return a + b\n"
        "def scaled(a, b, *, scale=1): return scale * (a + b)\n"
        "def loose(*args, **kwargs): return 0\n",
        "own_leaving": "import sys\nsys.exit(3)\n",
        "own_missing": "import nowhere_at_all\n",
        "own_raising": "raise ValueError('two\\nlines')\n",
        "own_broken": "def (:\n",
        "own_group/__init__": "",
        "own_group/inner": "size = 4\nhalf = 0.5\n",
        "own_asserting": "assert 1 == 2\n",
    }.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    yield
    for name in [n for n in sys.modules if n.startswith("own_")]:
        del sys.modules[name]


@pytest.mark.usefixtures("mine")
def test_a_name_of_ones_own_is_taken_wherever_one_of_the_table_is():
    path = list(sys.path)
    inner = SHAPES["own_entries:Outer.Inner"]
    assert inner.__name__ == "Inner"
    assert SUMS["own_entries:scaled"](1, 2, scale=2) == 6
    assert SUMS["own_entries:loose"](1) == 0
    assert OBJECTS["own_entries:half"] * 2 == 1
    assert TABLE["own_group.inner:size"] == 4
    assert sys.path == path


@pytest.mark.usefixtures("mine")
@pytest.mark.parametrize(
    ("table", "name", "words"),
    [
        (SHAPES, "own_entries:size", "shape own_entries:size is of type int; it must be derived"),
        (SHAPES, "own_entries:Outer", "is the class Outer; it must be derived from numbers"),
        (SHAPES, "own_entries:plain", r"is the function plain\(a, b\); it must be derived from"),
        (
            SUMS,
            "own_entries:plain",
            r"the function plain\(a, b\); it must be a function of",
        ),
        (SUMS, "own_entries:size", "is of type int; it must be a function"),
        (OBJECTS, "own_group.inner:half", "is of type float; it must be a fraction"),
        (
            SHAPES,
            "own_entries:Shape",
            "shape own_entries:Shape: name in own_entries 'Shape'",
        ),
        (SHAPES, "own_entries:Outer.Iner", "name in own_entries 'Outer.Iner'"),
        (SHAPES, "own_nowhere:X", "there is no module 'own_nowhere'; put it into the"),
        (SHAPES, "own_group.gone:X", "there is no module 'own_group.gone'"),
        (SHAPES, "own_entries.gone:X", "there is no module 'own_entries.gone'"),
        (SHAPES, "own_missing:X", "ModuleNotFoundError: No module named 'nowhere_at_all'"),
        (SHAPES, "own_leaving:X", r"own_leaving raises SystemExit: 3 \(own_leaving.py, line 2\)"),
        (SHAPES, "own_raising:X", r"raises ValueError: two lines \(own_raising.py, line 1\)"),
        (SHAPES, "own_asserting:X", "raises AssertionError"),
        (SHAPES, "own_broken:X", r"raises SyntaxError: .*own_broken.py, line 1"),
        (SHAPES, "own_entries:", "'own_entries:' is no package.module:Name"),
        (SHAPES, ":Shape", "':Shape' is no package.module:Name"),
        (SHAPES, ".own_entries:X", "is no package.module:Name"),
        (SHAPES, "own_entries.py:X", "there is no module 'own_entries.py'"),
        (SHAPES, "some/own_entries.py:X", "is no package.module:Name"),
        (SHAPES, "a:b:c", "is no package.module:Name"),
        (SHAPES, 3, "unknown shape '3'"),
    ],
)
def test_what_cannot_be_an_entry_is_one_line(table, name, words):
    with pytest.raises(SpeechLRPError, match=words) as error:
        table[name]
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        ("mine:Net", ["mine:Net"]),
        ("lrp,mine.deep:Net, random", ["mine.deep:Net"]),
        ("max-mine:Net,min-sens", ["mine:Net"]),
        ({"a": [1, {"rule": "b:C"}], "d": "e:F"}, ["b:C", "e:F"]),
        ("speechlrp.lrp:Zero", []),
        ("0:516:5", []),
        ("cuda:0", []),
        ("https://host:80/a:b", []),
        ("/data/a:b/c", []),
        (5, []),
        (None, []),
    ],
)
def test_names_of_ones_own_are_found_in_settings(setting, found):
    assert references_in(setting) == found
