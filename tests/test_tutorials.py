"""The tutorials and concepts run, small and in the order in which they stand."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("docs/tutorials/*.md"), *ROOT.glob("docs/concepts/*.md")])
SMALL = {
    "--per-speaker 30": "--per-speaker 8",
    "trainer.epochs=6": "trainer.epochs=1",
    "trainer.epochs=15": "trainer.epochs=1",
    "flipping.limit=32": "flipping.limit=8",
    "range(160)": "range(40)",
}
"""What a page does at full length, and here."""
NEEDS = {"transformers.md": "transformers", "letters.md": "espeakng_loader",
         "my-own-recordings.md": "espeakng_loader", "speakers.md": "espeakng_loader"}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_runs(page, tmp_path):
    """Commands in bash, Python in one process, in a folder that was empty."""
    if (package := NEEDS.get(page.name)) and not find_spec(package):
        pytest.skip(f"needs {package}: pip install -e '.[docs]'")
    text = page.read_text(encoding="utf-8")
    for full, small in SMALL.items():
        text = text.replace(full, small)
    program = ["import subprocess, matplotlib", "matplotlib.use('Agg')"]
    for language, block in re.findall(r"```(python|bash)\n(.*?)```", text, re.DOTALL):
        bash = f"subprocess.run(['bash', '-ec', {block!r}], check=True)"
        program.append(block if language == "python" else bash)
    command = tmp_path / "bin" / "speechlrp"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m speechlrp "$@"\n')
    command.chmod(0o755)
    (tmp_path / "work").mkdir()
    here = {k: v for k, v in os.environ.items() if not k.startswith("SPEECHLRP")}
    here |= {"PYTHONPATH": str(ROOT), "PATH": f"{command.parent}{os.pathsep}{here['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(program)],
        cwd=tmp_path / "work",
        env=here,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_the_contents_name_pages_that_there_are():
    contents = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = re.findall(r"[\w/-]+\.md", str(yaml.safe_load(contents)["nav"]))
    assert all((ROOT / "docs" / page).exists() or (ROOT / page).exists() for page in named)
    assert len(named) == len(set(named)) > 30
