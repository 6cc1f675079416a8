"""A trained network as a folder that stands alone, with what `speechlrp.load` needs of its run.

`model.safetensors` and `model.json` are the weights and what they are; `features.h5` (of a
recogniser `utterances.h5`) holds the classes, axes and settings of the features, and no
recording; `run.json` the settings, beside the user's own in `conf/`; `README.md` is the card.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
from pandas.api.types import is_numeric_dtype

from speechlrp.answers.card import card
from speechlrp.artifacts.atomic import write_json, write_text
from speechlrp.artifacts.hdf5 import created, label_axes, read_table, write_table
from speechlrp.config.composing import CONFIG_DIR
from speechlrp.config.names import key_of
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.identity import FILE, read_run
from speechlrp.pipeline.identity import Run as Remembered

if TYPE_CHECKING:
    from speechlrp.answers.run import Run

WEIGHTS, META = "model.safetensors", "model.json"
CONF = "conf"
KEPT = ("frequency", "time", "train_mean", "features")
"""Of a file of features; of the last no more than its shape."""


def export(run: Run, folder: str | Path) -> Path:
    """Write a run's network, settings and model card into a folder of their own.

    Args:
        run: as `load` gives it.
        folder: that is not there, or empty.

    Raises:
        SpeechLRPError: the folder has something in it.
    """
    target = Path(folder).expanduser()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise SpeechLRPError(f"{target} has something in it; name a folder that is not there yet")
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        _fill(run, partial)
        if target.exists():
            target.rmdir()
        partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _fill(run: Run, folder: Path) -> None:
    inputs = run.inputs
    shutil.copyfile(inputs["weights"], folder / WEIGHTS)
    shutil.copyfile(inputs["meta"], folder / META)
    without_recordings(inputs["features"], folder / inputs["features"].name)
    remembered = read_run(run.folder) or Remembered(run.name)
    own = [o.removeprefix(CONFIG_DIR) for o in remembered.overrides if o.startswith(CONFIG_DIR)]
    for path in (p for name in own[-1:] for p in Path(name).rglob("*.yaml")):
        copy = folder / CONF / path.relative_to(own[-1])
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    overrides = [_without_places(o) for o in remembered.overrides if not o.startswith(CONFIG_DIR)]
    alone = replace(remembered, name=run.name, data_run=run.name, overrides=overrides)
    write_json(folder / FILE, vars(alone))
    write_text(folder / "README.md", card(run))


def _without_places(override: str) -> str:
    """An override that tells nothing of the folders where it was given."""
    value = override.partition("=")[2].strip("'\"")
    return f"{key_of(override)}={Path(value).name}" if Path(value).is_absolute() else override


def without_recordings(source: Path, target: Path) -> None:
    """Copy what a file of features says of them; a row of zeros stands for its recordings."""
    with h5py.File(source) as old, created(target) as new:
        new.attrs.update(old.attrs)
        for name in (n for n in KEPT if n in old):
            new[name] = np.zeros_like(old[name][:1]) if name == "features" else old[name][:]
            axes, units = json.loads(old[name].attrs["axes"]), old[name].attrs.get("units", "")
            label_axes(new[name], tuple(axes), str(units))
        if "offsets" in old:
            new["offsets"] = np.array([0, 1])
        row = read_table(old).iloc[:1]
        blank = {name: 0 if is_numeric_dtype(column) else "" for name, column in row.items()}
        write_table(new, row.assign(**blank))
