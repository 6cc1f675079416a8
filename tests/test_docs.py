"""The examples of the pages on extending the project run, as a user would run them."""

import re
import sys
from pathlib import Path

import pytest

from speechlrp.cli.help import names

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(path.name for path in DOCS.glob("adding-a*.md"))


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_run(page, tmp_path, monkeypatch):
    """What begins with a file's name is that file, in the working folder."""
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    monkeypatch.chdir(tmp_path)
    sys.modules.pop("mine", None)
    scope = {}
    for block in blocks:
        if file := re.match(r"# (\w+\.py)\n", block):
            Path(file[1]).write_text(block, encoding="utf-8")
        else:
            exec(compile(block, page, "exec"), scope)
    sys.modules.pop("mine", None)
    assert text.rstrip().endswith(("```", "has a short one."))


@pytest.mark.parametrize("page", PAGES)
def test_the_places_that_a_page_names_are_there(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    for path in re.findall(r"`((?:speechlrp|tests|conf)/[\w/.-]+)`", text):
        assert (DOCS.parent / path).exists(), path
    for link in re.findall(r"\]\(([\w.-]+\.md)\)", text):
        assert (DOCS / link).exists(), link


def test_every_kind_of_extension_has_a_page():
    kinds = {"models", "corpora", "explainers", "strategies", "scores", "rules"}
    assert kinds <= {line.partition(":")[0] for line in names(None)}
    assert len(PAGES) == len(kinds | {"a task", "a callback"})
