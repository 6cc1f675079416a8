"""What the code behind a name is, and when it is other code."""

import sys
from importlib import invalidate_caches

import pytest

from speechlrp.artifacts.source_digests import code_of


@pytest.fixture
def grouped(tmp_path, monkeypatch):
    """A package and a file in the working folder, which import each other's parts."""
    for name, text in {
        "own_net.py": "import math\nfrom own_parts import blocks\nimport torch\n",
        "own_parts/__init__.py": "",
        "own_parts/blocks.py": "from . import units\nfrom .units import size\n",
        "own_parts/units.py": "size = 3\n",
        "own_parts/unused.py": "",
        "own_wrong.py": "import (\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    invalidate_caches()
    yield tmp_path
    for name in [n for n in sys.modules if n.startswith("own_")]:
        del sys.modules[name]


def test_code_is_a_module_and_those_of_its_own_that_it_imports(grouped):
    before = code_of("own_net:make")
    assert list(before) == ["own_net", "own_parts", "own_parts.blocks", "own_parts.units"]
    (grouped / "own_parts/unused.py").write_text("more = 1\n")
    assert code_of("own_net:make") == before
    (grouped / "own_parts/units.py").write_text("size = 4\n")
    now = code_of("own_net:make")
    assert [name for name in now if now[name] != before[name]] == ["own_parts.units"]
    assert list(code_of("own_parts.units:size")) == ["own_parts.units"]


@pytest.mark.usefixtures("grouped")
def test_code_that_is_not_there_or_broken_has_no_more_than_it_can():
    assert code_of("own_nowhere:make") == {}
    assert list(code_of("own_wrong:make")) == ["own_wrong"]
    assert "json" in code_of("json:dumps")
