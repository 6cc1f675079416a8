"""A stage whose work is one slow file a unit, for tests of what commands do to each other.

``python toy_stage.py OUTPUTS SETTING [--reader] [--force] [--die-after N] [--hold FILE]``
"""

import argparse
import os
import signal
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from speechlrp.config.names import IDENTITY
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.identity import Invocation
from speechlrp.pipeline.places import Artifact
from speechlrp.pipeline.runner import perform
from speechlrp.pipeline.stage import Context, Stage

UNITS = 6


@dataclass
class Paths:
    outputs: str
    data: str = "data"


@dataclass
class Settings:
    value: str = ""
    hold: str = ""
    die_after: int = -1
    refuse: str = ""


@dataclass
class Toy:
    """As much of a configuration as the runner asks for."""

    paths: Paths
    toy: Settings = field(default_factory=Settings)
    run: str = "toy"
    data_run: str = "toy"
    device: str = "cpu"
    force: bool = False
    on: str = ""
    seed: int = 1
    data_seed: int = 1
    dataset: dict = field(default_factory=dict)
    task: dict = field(default_factory=dict)
    split: dict = field(default_factory=dict)
    features: dict = field(default_factory=dict)
    conditions: dict = field(default_factory=dict)
    model: dict = field(default_factory=dict)
    trainer: dict = field(default_factory=dict)
    mixing: dict = field(default_factory=dict)
    shortcut: dict = field(default_factory=dict)


assert {*IDENTITY} <= set(Toy.__dataclass_fields__)


def work(context: Context) -> None:
    """Write a file a unit, with the setting in it; then all of them together."""
    settings, folder = context.config.toy, context.units()
    folder.mkdir(exist_ok=True)
    for unit in range(UNITS):
        path = folder / str(unit)
        if unit == settings.die_after:
            os.kill(os.getpid(), signal.SIGKILL)
        if settings.refuse and unit == 2:
            raise SpeechLRPError(settings.refuse)
        if not path.exists():
            context.say(f"unit {unit}")
            while settings.hold and not Path(settings.hold).exists():
                time.sleep(0.01)
            path.write_text(settings.value)
    read = context.inputs["source"].read_text() if context.inputs else ""
    lines = [(folder / str(unit)).read_text() for unit in range(UNITS)]
    for unit in range(UNITS):
        (folder / str(unit)).unlink()
    folder.rmdir()
    (context.folder / "result.txt").write_text("\n".join([*lines, read]))


STAGE = Stage(name="toy", keys=("toy.value", "seed"), inputs=lambda config: {}, work=work)
READER = replace(
    STAGE, name="reader", inputs=lambda config: {"source": Artifact("toy", "result.txt")}
)


def configured(outputs: Path, **settings) -> Toy:
    own = {k: settings.pop(k) for k in ("force", "run", "seed") if k in settings}
    return Toy(Paths(str(outputs)), Settings(**settings), **own)


def run(outputs: Path, stage: Stage = STAGE, **settings) -> Path:
    """Run a stage in this process."""
    return perform(
        stage, configured(outputs, **settings), Invocation("speechlrp toy", ("run=toy",))
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("outputs", type=Path)
    parser.add_argument("value")
    parser.add_argument("--reader", action="store_true")
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--die-after", type=int, default=-1)
    parser.add_argument("--hold", default="")
    asked = vars(parser.parse_args())
    run(asked.pop("outputs"), READER if asked.pop("reader") else STAGE, **asked)
