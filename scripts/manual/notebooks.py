"""Run the tutorials and concepts; what they print and draw goes into the page and a notebook.

A page is run again when its text has changed; what it gave is kept below `outputs/manual`. With
NOTEBOOKS=no in the environment nothing is run, and the pages are as they were written.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from pathlib import Path

import jupytext
import mkdocs_gen_files
import nbformat
from nbclient import NotebookClient
from nbconvert import MarkdownExporter

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "outputs" / "manual"
HEADER = """---
jupyter:
  kernelspec:
    name: python3
    display_name: Python 3
    language: python
---

"""
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def executed(page: Path) -> nbformat.NotebookNode:
    """The page as a notebook with its results, run in an empty folder."""
    text = page.read_text(encoding="utf-8")
    kept = KEPT / f"{page.stem}-{hashlib.sha256(text.encode()).hexdigest()[:12]}.ipynb"
    if kept.exists():
        return nbformat.read(kept, as_version=4)
    notebook = jupytext.reads(HEADER + text, fmt="md")
    for cell in notebook.cells:
        cell.source = cell.source.replace("%%bash\n", "%%bash -e\n")
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook, timeout=3600, kernel_name="python3", resources={"metadata": {"path": folder}}
        ).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
    KEPT.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, kept)
    return notebook


def joined(outputs: list) -> list:
    """Outputs, with what was printed in a row as one of them."""
    whole: list = []
    for output in outputs:
        if output.output_type == "stream" and whole and whole[-1].output_type == "stream":
            whole[-1].text += output.text
        else:
            whole.append(output)
    return whole


def as_page(notebook: nbformat.NotebookNode, name: str) -> tuple[str, dict[str, bytes]]:
    """The page's text with its results, and its pictures."""
    body, resources = MarkdownExporter().from_notebook_node(notebook)
    body = ANSI.sub("", body).replace("%%bash -e\n", "")
    pictures = {f"{name}_{path}": data for path, data in resources["outputs"].items()}
    for path in resources["outputs"]:
        body = body.replace(f"]({path})", f"]({name}_{path})")
    head, _, rest = body.partition("\n\n")
    return f"{head}\n\n[This page as a notebook]({name}.ipynb)\n\n{rest}", pictures


os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
os.environ["PYTHONPATH"] = str(ROOT)
os.environ["PYTHONWARNINGS"] = "ignore:IProgress"  # tqdm's, who misses its widgets
pages = sorted([*ROOT.glob("docs/tutorials/*.md"), *ROOT.glob("docs/concepts/*.md")])
for page in pages if os.environ.get("NOTEBOOKS") != "no" else []:
    place = page.relative_to(ROOT / "docs").with_suffix("").as_posix()
    notebook = executed(page)
    text, pictures = as_page(notebook, page.stem)
    with mkdocs_gen_files.open(f"{place}.md", "w") as file:
        file.write(text)
    with mkdocs_gen_files.open(f"{place}.ipynb", "w") as file:
        nbformat.write(notebook, file)
    for name, data in pictures.items():
        with mkdocs_gen_files.open(f"{Path(place).parent.as_posix()}/{name}", "wb") as file:
            file.write(data)
