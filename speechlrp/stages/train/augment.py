"""augment: replace the most relevant bins of every training spectrogram (T 6.2)."""

from __future__ import annotations

import numpy as np
import torch

from speechlrp.artifacts import windows
from speechlrp.artifacts.hdf5 import (
    created,
    describe,
    label_axes,
    open_artifact,
    read_table,
    write_table,
)
from speechlrp.artifacts.layout import indices
from speechlrp.config.schema import Config
from speechlrp.data.crops import from_audio
from speechlrp.data.dataset import dataset
from speechlrp.data.seen import section_of, seen
from speechlrp.errors import SpeechLRPError
from speechlrp.flipping.augmentation import fill_most_relevant
from speechlrp.pipeline.places import FEATURES, Artifact, explanation
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context, Stage

ROWS = 64


def work(context: Context) -> None:
    """Write `features.h5` with the augmented training split."""
    augment = context.config.augment
    examples = dataset(context)
    path, command = context.inputs["relevance"], context.made_by["relevance"]
    with (
        examples.features() as stored,
        open_artifact(path, windows.RELEVANCE, command) as relevance,
        created(context.folder / "features.h5") as file,
    ):
        table, rows = read_table(relevance), examples.rows("train")
        view = seen(examples, section_of(relevance)).view
        filled = file.create_dataset(
            "features", (len(rows), *stored.shape[1:]), stored.dtype, chunks=(1, *stored.shape[1:])
        )
        changed = 0
        starts = range(0, len(rows), ROWS)
        for start in progress(starts, "augment", len(starts)):
            some = slice(start, start + ROWS)
            inputs = torch.from_numpy(stored[rows[some]])
            ranked = indices(relevance["order"], some, relevance["relevance"][0].size)
            order = torch.from_numpy(ranked.astype(np.int64))
            bins = view.analysis(inputs) if view else inputs
            outputs = fill_most_relevant(bins, order, augment.share, augment.fill)
            changed += int((outputs != bins).any(1).sum())
            filled[some] = view.synthesis(outputs, inputs.shape) if view else outputs
        label_axes(filled, ("recording", *examples.feature_settings.axes), examples.units)
        for name in (*examples.feature_settings.axes[1:], "train_mean"):
            file[name] = getattr(examples, name)
        write_table(file, table)
        describe(file, {"kind": windows.FEATURES.kind, "classes": examples.classes})
        describe(file, {"settings": examples.settings, "silence": examples.silence})
        describe(file, {"task": examples.task, "fill": augment.fill, "share": augment.share})
    count = round(augment.share * order.shape[1])
    share = changed / (count * len(rows))
    context.say(f"{len(rows)} recordings, {count} bins each: {augment.fill}, {share:.0%} differ")
    context.note("bins", count)
    context.note("changed_share", share)


def need_stored(config: Config, stage: str) -> None:
    """Check that there are training features to change.

    Raises:
        SpeechLRPError: training reads the recordings themselves.
    """
    if from_audio(config):
        raise SpeechLRPError(
            f"{stage} works on stored training features, and features.train_from=audio stores "
            "none; use features.train_from=features mixing=none, from preprocess on"
        )


def _inputs(config: Config) -> dict[str, Artifact]:
    need_stored(config, "augment")
    relevance = explanation(config, "relevance.h5", "train", "train")
    return {"features": FEATURES, "relevance": relevance}


STAGE = Stage(
    name="augment",
    facts=lambda config: {"fill": config.augment.fill},
    keys=("augment.fill", "augment.share"),
    inputs=_inputs,
    work=work,
)
