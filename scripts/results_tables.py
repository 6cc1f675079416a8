"""Print a run's tables as Markdown, each with the command and commit that made it.

python scripts/results_tables.py outputs/ravdess_gender [...]
"""

import json
import re
import sys
from pathlib import Path

import pandas as pd

from speechlrp.report.tables import as_text, to_markdown

WANTED = re.compile(r"(accuracy|verdicts|how-few-bins|mean-share)")


def main() -> None:
    for run in map(Path, sys.argv[1:]):
        record = json.loads((run / "report/stage.json").read_text())
        print(f"### {run.name}\n\n`{record['command']}`, commit {record['commit']}\n")
        for path in sorted((run / "report/tables").glob("*.csv")):
            if WANTED.search(path.name):
                texts = str if "accuracy-in" in path.stem else None
                table = as_text(pd.read_csv(path, dtype=texts), decimals=3)
                print(f"**{path.stem}**\n\n{to_markdown(table, index=False)}\n")


if __name__ == "__main__":
    main()
