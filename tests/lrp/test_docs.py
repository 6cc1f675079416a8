"""The examples in the documentation run, and the library imports torch alone."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["lrp.md", "adding-a-rule.md"])
def test_examples_run(page):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)
    assert blocks
    names = {}
    for block in blocks:
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
