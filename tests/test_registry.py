"""Tables of names, and the error for a name that is in none."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.registry import Registry

ROOT = Path(__file__).resolve().parents[1]
TABLE = Registry("shape", {"square": "math:sqrt", "round": "builtins:round", "gone": "nowhere:x"})
ROOMS = {
    "stages": ["STAGES"],
    "corpora": ["CORPORA", "SPLITS", "DOWNLOADS"],
    "audio": ["FEATURES"],
    "models": ["MODELS"],
    "explainers": ["EXPLAINERS"],
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
    if room != "stages":
        assert all(callable(value) for value in table.values())


def test_listing_the_names_imports_neither_torch_nor_hydra():
    rooms = "; ".join(f"import speechlrp.{room} as r{i}; [list(getattr(r{i}, n)) for n in {names}]"
                      for i, (room, names) in enumerate(ROOMS.items()))  # fmt: skip
    code = (
        f"import sys; {rooms}; print([m for m in ('torch', 'hydra', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
