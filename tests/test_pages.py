"""The written pages: every link leads somewhere, every claim has a verdict and a page."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("results/*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page):
    heads = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in heads}


def written(page):
    """What a page says, without its code."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"`[^`\n]*`", "", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    for link in LINK.findall(written(page)):
        if link.startswith(("http:", "https:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def claims():
    lines = (ROOT / "RESULTS.md").read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return [row for row in rows if row[0] not in ("claim", "---")]


def test_results_are_one_page_of_claims():
    assert len(claims()) > 30
    for row in claims():
        assert len(row) == 4, row
        claim, verdict, number, where = row
        assert re.match(r"confirmed|refuted|open|short confirmed", verdict), claim
        assert number
        assert "](results/" in where


def test_every_topic_is_linked():
    linked = set(LINK.findall((ROOT / "RESULTS.md").read_text(encoding="utf-8")))
    for page in ROOT.glob("results/*.md"):
        assert f"results/{page.name}" in linked


@pytest.mark.slow
def test_the_manual_is_built_without_a_warning(tmp_path):
    if not find_spec("mkdocs"):
        pytest.skip("needs mkdocs: pip install -e '.[docs]'")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path)]
    here = os.environ | {"NOTEBOOKS": "no", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    settings = (tmp_path / "reference" / "settings.html").read_text(encoding="utf-8")
    assert all(f"model={path.stem}" in settings for path in ROOT.glob("conf/model/*.yaml"))
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"<(script|link|img)[^>]*(src|href)=.https?:", text), page
