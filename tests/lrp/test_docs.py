"""The examples in the documentation run, and the library imports torch alone."""

import ast
import re
import sys
from graphlib import TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["lrp.md", "adding-a-rule.md"])
def test_examples_run(page):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    assert blocks
    names = {}
    for block in blocks:
        needed = re.match(r"# needs (\w+)\n", block)
        if not needed or find_spec(needed[1]):
            exec(compile(block, page, "exec"), names)
    assert names["relevance"].shape == names["inputs"].shape


def test_the_table_of_rules_is_complete():
    from speechlrp.lrp import RULES

    text = (ROOT / "docs" / "lrp.md").read_text()
    for rule in RULES.values():
        assert f"`{rule.__name__}(" in text


@pytest.mark.parametrize(
    "file", sorted((ROOT / "speechlrp/lrp").rglob("*.py")), ids=lambda f: f.stem
)
def test_imports_torch_and_the_standard_library_only(file):
    allowed = {*sys.stdlib_module_names, "torch"}
    for node in ast.walk(ast.parse(file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name.split(".")[0] in allowed or name.startswith("speechlrp.lrp"), name


def test_no_module_imports_itself_by_way_of_others():
    files = {module_name(file): file for file in (ROOT / "speechlrp/lrp").rglob("*.py")}
    graph = {name: set(imported(file, files)) for name, file in files.items()}
    assert all(graph[name] for name in graph if name.endswith(".engine"))
    TopologicalSorter(graph).prepare()  # which raises CycleError, with the circle


def imported(file, modules):
    """The modules that a file imports, those under TYPE_CHECKING included."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module in modules:
            for name in (f"{node.module}.{alias.name}" for alias in node.names):
                yield name if name in modules else node.module


def module_name(file):
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
