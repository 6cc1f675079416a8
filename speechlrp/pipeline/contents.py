"""What a run has on disk, for the report."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py
import pandas as pd

from speechlrp.artifacts.hdf5 import open_artifact
from speechlrp.artifacts.layout import Layout
from speechlrp.artifacts.tables import read_csv
from speechlrp.config.schema import Config
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.pipeline.inputs import run_folder
from speechlrp.pipeline.record import FILE, Record, is_as, read_record

NAMES = ("weights", "explainer", "subset", "grid", "baseline_asked", "strategy_asked")


@dataclass(frozen=True)
class RunFiles:
    """The complete stages of a run."""

    run: Path  # the run's folder
    data: Path  # the folder of its features

    @cached_property
    def records(self) -> dict[str, Record]:
        """The record of every complete stage but the report, by its place in the run."""
        records = {}
        for root, pattern in ((self.data, "preprocess"), (self.run, "*"), (self.run, "*/*")):
            for folder in sorted(root.glob(pattern)):
                where = folder.relative_to(root).as_posix()
                unfinished = folder.name.endswith((".partial", ".old"))
                record = None if unfinished or where == "report" else read_record(folder)
                if record:
                    records[where] = record
        return records

    def path(self, where: str, name: str) -> Path:
        """A file of a stage.

        Raises:
            SpeechLRPError: it is not what the stage wrote.
        """
        path = (self.data if where == "preprocess" else self.run) / where / name
        facts = self.records[where].outputs.get(name) if where in self.records else None
        if facts and not is_as(path, facts):
            raise SpeechLRPError(
                f"{path} is gone or changed since {where} wrote it; make it again with "
                f"`{self._command(where)} --force`"
            )
        return path

    def table(self, where: str, name: str) -> pd.DataFrame:
        """A CSV of a stage."""
        mend = f"make it again with `{self._command(where)} --force`"
        return read_csv(self.path(where, name), mend)

    def open(self, where: str, name: str, layout: Layout) -> AbstractContextManager[h5py.File]:
        """An HDF5 file of a stage."""
        return open_artifact(self.path(where, name), layout, self._command(where))

    def _command(self, where: str) -> str:
        run = self.data if where == "preprocess" else self.run
        return f"speechlrp {where.split('/')[0]} run={run.name}"

    def image(self, where: str, name: str) -> bytes:
        """A PNG of a stage."""
        return self.path(where, name).read_bytes()

    def of(self, stage: str) -> list[str]:
        """The places of a stage's artifacts, the trained network's first."""
        wheres = [where for where, record in self.records.items() if record.stage == stage]
        return sorted(wheres, key=lambda where: self.facts(where).get("weights") != "train")

    def facts(self, where: str) -> dict[str, str]:
        """What tells a stage's result apart, such as weights and subset."""
        return self.records[where].facts

    def summary(self, where: str) -> dict[str, Any]:
        """The numbers of an evaluation, as `evaluation.json` has them."""
        return self.records[where].notes["summary"]

    def made(self, where: str, name: str) -> bool:
        """Whether a stage has written a file."""
        return name in self.records[where].outputs

    def name(self, where: str) -> str:
        """The same in words, such as ``train, lrp, test``."""
        return ", ".join(value for value in self.facts(where).values() if value)

    @cached_property
    def curves(self) -> pd.DataFrame:
        """All flipping curves, with the columns of NAMES and the run's reference."""
        columns = ["strategy", "baseline", "repeat", "bins", "percent", "accuracy"]
        return self._flipped("curve.csv", columns, of="bins")

    @cached_property
    def areas(self) -> pd.DataFrame:
        """The areas of all speakers' flipping curves, with the same columns."""
        columns = ["strategy", "baseline", "repeat", "speaker"]
        return self._flipped("areas.csv", columns, of="speaker")

    def _flipped(self, name: str, columns: list[str], of: str) -> pd.DataFrame:
        """A table of every flip, each strategy, baseline, repeat and `of` once."""
        parts = [pd.DataFrame(columns=[*NAMES, *columns])]
        for where in self.of("flip"):
            parts.append(self.table(where, name).assign(**self.asked(where)))
        parts = parts[1:] or parts  # an empty table would change the columns' types
        keys = [*NAMES[:4], "strategy", "baseline", "repeat", of]
        table = pd.concat(parts, ignore_index=True).drop_duplicates(keys)
        return table.assign(reference=self.reference)

    def asked(self, where: str) -> dict[str, str]:
        """The facts of a flip, as the columns of NAMES."""
        facts = self.facts(where)
        return {name: facts[name.removesuffix("_asked")] for name in NAMES}

    @property
    def task(self) -> str:
        """What the run's network tells apart."""
        return self.records["preprocess"].config.get("task.name", "")

    @property
    def reference(self) -> str:
        """The reference of the run's features."""
        return self.records["preprocess"].config.get("features.reference", "")


def run_files(config: Config) -> RunFiles:
    """The files of the configured run."""
    return RunFiles(run_folder(config, "report"), run_folder(config, "preprocess"))


def other_run(config: Config, name: str) -> RunFiles:
    """The files of another run, by its name; its features are found through its record.

    Raises:
        SpeechLRPError: there is no such run, or nobody has its features.
    """
    outputs = Path(config.paths.outputs)
    run = outputs / name
    data = run if (run / "preprocess" / FILE).exists() else _data_of(run, outputs)
    if not (data / "preprocess" / FILE).exists():
        known = sorted(path.parents[1].name for path in outputs.glob(f"*/train/{FILE}"))
        raise unknown("run with features", name, known)
    return RunFiles(run, data)


def _data_of(run: Path, outputs: Path) -> Path:
    """The folder whose features the run's network was trained on."""
    record = read_record(run / "train")
    wanted = record.inputs["features"]["sha256"] if record else None
    for folder in sorted(outputs.glob("*/preprocess")):
        made = read_record(folder)
        if made and made.outputs["features.h5"]["sha256"] == wanted:
            return folder.parent
    return run
