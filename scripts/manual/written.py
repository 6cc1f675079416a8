"""Pages of the manual that stand elsewhere in the project: results, changelog, contributing."""

from pathlib import Path

import mkdocs_gen_files

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["RESULTS.md", "CHANGELOG.md", "CONTRIBUTING.md"]

for path in [*(ROOT / name for name in PAGES), *sorted((ROOT / "results").glob("*.md"))]:
    with mkdocs_gen_files.open(path.relative_to(ROOT).as_posix(), "w") as page:
        page.write(path.read_text(encoding="utf-8"))
