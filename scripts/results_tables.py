"""Print a run's tables as Markdown, each with the command and commit that made it.

python scripts/results_tables.py outputs/ravdess_gender [...]
"""

import json
import re
import sys
from pathlib import Path

import pandas as pd

from speechlrp.artifacts.tables import read_csv
from speechlrp.report.accuracy_tables import as_text, to_markdown

WANTED = re.compile(r"(accuracy|verdicts|how-few-bins|mean-share)")


def main() -> None:
    for run in map(Path, sys.argv[1:]):
        record = json.loads((run / "report/stage.json").read_text())
        print(f"### {run.name}\n\n`{record['command']}`, commit {record['commit']}\n")
        for path in sorted((run / "report/tables").glob("*.csv")):
            if WANTED.search(path.name):
                table = read_csv(path, f"make it again with `{record['command']}`")
                if "accuracy-in" in path.stem:  # its cells are texts already
                    table = pd.read_csv(path, dtype=str, keep_default_na=False)
                table = as_text(table, decimals=3)
                print(f"**{path.stem}**\n\n{to_markdown(table, index=False)}\n")


if __name__ == "__main__":
    main()
