"""What preprocess knows of whole recordings, and what it says of all that is left out."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from speechlrp.artifacts.atomic import write_csv
from speechlrp.artifacts.shards import Shards, read_arrays, write_arrays
from speechlrp.artifacts.tables import read_csv
from speechlrp.config.schema import Config
from speechlrp.corpora import Recording
from speechlrp.corpora.recording import by_speaker
from speechlrp.data.recordings import AGAIN, unseen
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.stage import Context

DROPPED = ("short", "quiet", "surplus")
"""Why a segment is left out, as `audio.windows.cut` has it."""
UNSEEN = "unseen speaker"
"""Why a recording is in no split: no network is to know its speaker (`split.unseen`)."""


def split_off(
    config: Config, recordings: Sequence[Recording], subset: Mapping[str, str], classes: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Which recordings the split leaves out, and the classes that can be learnt.

    Classes that the configuration doesn't name are those of the training split: a speaker
    with too few recordings is none.

    Returns:
        A row for each class of which recordings are left out: class, recordings, reason;
        for each unseen speaker, who stands in the place of the class; and the classes.

    Raises:
        SpeechLRPError: fewer than two classes are left.
    """
    task, apart = config.task.name, unseen(config, recordings)
    rows = [
        (name, len(utterances), UNSEEN) for name, utterances in sorted(by_speaker(apart).items())
    ]
    hidden = {r.id for r in apart}
    recordings = [r for r in recordings if r.id not in hidden]
    labels = pd.Series([r.label(task) for r in recordings], dtype=str)
    where = pd.Series([subset.get(r.id, "") for r in recordings], dtype=str)
    learnt = sorted(set(labels[where == "train" if (where == "train").any() else where != ""]))
    if config.task.classes is None:
        unknown = ~labels.isin(learnt)
        classes = learnt
        if len(classes) < 2:
            raise SpeechLRPError(
                f"the split leaves {len(classes)} classes of {task} to learn; a classifier needs "
                "two: use other split settings, or more recordings of each"
            )
    else:
        unknown = pd.Series(False, index=labels.index)
    outside = [(labels[where == ""], "not in the split")]
    outside.append((labels[unknown & (where != "")], "no recording to train on"))
    rows += [
        (name, count, reason)
        for classes_out, reason in outside
        for name, count in classes_out.value_counts().sort_index().items()
    ]
    return pd.DataFrame(rows, columns=["class", "recordings", "reason"]), classes


def put_recordings(
    shards: Shards,
    unit: int,
    recordings: pd.DataFrame,
    known: Mapping[str, Recording],
    subset: Mapping[str, str],
    task: str,
) -> None:
    """Write down what is known of a unit's recordings that gave features."""
    rows = [known[name] for name in recordings.id]
    columns = {
        "path": [str(Path(r.path).absolute()) for r in rows],
        "speaker": [r.speaker for r in rows],
        "label": [r.label(task) for r in rows],
        "subset": [subset[r.id] for r in rows],
    }
    write_csv(_csv(shards, unit), recordings.assign(**columns))


def put_sums(shards: Shards, unit: int, features: np.ndarray) -> None:
    """Write the sum of training features ``[n, 1, F, T]`` that are not kept, and ``n``."""
    total = features.sum(axis=0, dtype=np.float64)
    write_arrays(_npz(shards, unit), {"total": total, "count": len(features)})


def add_sums(shards: Shards, total: np.ndarray | float, count: int) -> tuple:
    """Add the sums of all units to a sum and a count."""
    for unit in range(shards.count):
        if _npz(shards, unit).exists():
            held = read_arrays(_npz(shards, unit))
            total, count = total + held["total"], count + int(held["count"])
    return total, count


def note_dropped(context: Context, shards: Shards, outside: pd.DataFrame) -> pd.DataFrame:
    """Write `recordings.csv` and `left_out.csv`, see `split_off`, and say what they count.

    Returns:
        A row for each recording that gave features.
    """
    files = [read_csv(_csv(shards, unit), AGAIN) for unit in range(shards.count)]
    recordings = pd.concat([f for f in files if len(f)] or files[:1], ignore_index=True)
    context.write(recordings=recordings, left_out=outside)
    context.note("left_out", outside.head(1000).to_dict(orient="records"))
    for reason, group in outside.groupby("reason"):
        first = ", ".join(group["class"].head(3)) + ", ..." * (len(group) > 3)
        what = f"{group.recordings.sum()} recordings of {len(group)}"
        if reason == UNSEEN:
            context.say(f"{what} unseen speakers kept for trials, see left_out.csv: {first}")
            continue
        context.say(
            f"{what} {context.config.task.name} classes left out, see left_out.csv: {reason} "
            f"({first})"
        )
    counts = {reason: int(recordings[reason].sum()) for reason in DROPPED}
    padded = int((recordings.padded_s > 0).sum())
    context.note("dropped_segments", counts)
    context.note("padded_recordings", padded)
    if any(counts.values()):
        reasons = ", ".join(f"{count} {reason}" for reason, count in counts.items() if count)
        context.say(f"{sum(counts.values())} segments left out, see recordings.csv: {reasons}")
    if padded and context.config.features.get("segment_s"):
        context.say(f"{padded} recordings are shorter than a segment and padded, see padded_s")
    return recordings


def without_training(context: Context, recordings: pd.DataFrame, classes: Sequence[str]) -> None:
    """Say which classes have lost all their recordings to train on."""
    training = recordings[recordings.subset == "train"]
    missing = sorted(set(classes) - set(training.label)) if len(training) else []
    context.note("classes_without_training", missing)
    if missing:
        first = ", ".join(missing[:3]) + ", ..." * (len(missing) > 3)
        context.say(f"{len(missing)} of {len(classes)} classes have nothing to train on: {first}")


def _csv(shards: Shards, unit: int) -> Path:
    return shards.path(unit).with_suffix(".recordings.csv")


def _npz(shards: Shards, unit: int) -> Path:
    return shards.path(unit).with_suffix(".sums.npz")
