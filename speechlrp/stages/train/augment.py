"""augment: replace bins of every training spectrogram: the most relevant (T 6.2), or a region."""

import difflib
import math
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from speechlrp.artifacts.atomic import need_space
from speechlrp.artifacts.hdf5 import created, describe, label_axes, open_artifact, write_table
from speechlrp.artifacts.relevance import FEATURES as WINDOWS
from speechlrp.artifacts.relevance import RELEVANCE
from speechlrp.artifacts.tables import read_csv
from speechlrp.config.schema import Config
from speechlrp.data.crops import from_audio
from speechlrp.data.dataset import Windows, dataset
from speechlrp.data.explaining import order_of
from speechlrp.data.seen import seen
from speechlrp.errors import SpeechLRPError
from speechlrp.flipping.fill_ins import Surroundings
from speechlrp.flipping.hidden_bins import at_random, fill_bins, most_relevant
from speechlrp.measures.shares import REGION, covered
from speechlrp.pipeline.places import FEATURES, NAMED, Artifact, explanation, region_of, variant
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context, Stage


def read_regions(context: Context, examples: Windows) -> pd.DataFrame | None:
    """Rows with the columns `REGION`; of what was found, the first. None where none is configured.

    Raises:
        SpeechLRPError: the file is missing or no table of regions, nothing was found, or no
            bin of the training recordings is in them.
    """
    path = context.inputs.get("region")
    if path is None:
        return None
    columns = f"a table has some of the columns {', '.join(REGION)}, and a region a row"
    mend = context.made_by["region"] or columns
    table = read_csv(path, mend)
    there = [name for name in REGION if name in table]
    if not there or table.empty:
        raise SpeechLRPError(f"{path} holds no region; {columns}")
    for name in set(REGION) - set(there):
        if alike := difflib.get_close_matches(name, set(map(str.lower, table)) - set(there), 1):
            raise SpeechLRPError(f"{path} has a column {alike[0]!r}; is {name!r} meant?")
    table = read_csv(path, mend, there).reindex(columns=list(REGION)).astype(float)
    if (without := table.isna().all(axis=1)).any():
        raise SpeechLRPError(f"{path}, row {without.argmax() + 1} has no limit; {columns}")
    for low, high in (REGION[:2], REGION[2:]):
        wrong = table.index[table[low] >= table[high]]
        if len(wrong):
            raise SpeechLRPError(
                f"{path}, row {wrong[0] + 1}: {low} is {table[low][wrong[0]]:g} and {high} "
                f"{table[high][wrong[0]]:g}; it must be above"
            )
    table = table[:1] if context.config.augment.region == NAMED else table
    rows, axes = examples.rows("train"), (examples.frequency, examples.time)
    parts = (rows[i : i + ROWS] for i in range(0, len(rows), ROWS))
    if not any(covered(table, examples.table.iloc[part], *axes).any() for part in parts):
        raise SpeechLRPError(f"{path}: no bin of the training recordings is in its regions")
    return table


ROWS = 64
Choice = Callable[[slice, Tensor], Tensor]
"""Some training rows and their inputs ``[B, C, F, T]`` -> which bins, bool ``[B, 1, F, T]``."""


def work(context: Context) -> None:
    """Write `features.h5` with the augmented training split."""
    augment, seed = context.config.augment, context.config.seed
    plain = dataset(context)
    examples = seen(plain, context.config.explainer)
    rows, view = examples.rows("train"), examples.view
    table = examples.table.iloc[rows].reset_index(drop=True)
    ids = table.id.astype(str).tolist()
    around = _surroundings(examples, seed)
    with ExitStack() as stack:
        stored = stack.enter_context(examples.features())
        choose = _choice(context, examples, stack, around)
        file = stack.enter_context(created(context.folder / "features.h5"))
        shape = stored.shape[1:]
        need_space(context.folder, len(rows) * math.prod(shape) * stored.dtype.itemsize)
        filled = file.create_dataset(
            "features", (len(rows), *shape), stored.dtype, chunks=(1, *shape)
        )
        bins = changed = 0
        starts = range(0, len(rows), ROWS)
        for start in progress(starts, "augment", len(starts)):
            chunk = slice(start, start + ROWS)
            inputs = torch.from_numpy(stored[rows[chunk]])
            before = view.analysis(inputs) if view else inputs
            chosen = choose(chunk, before)
            outputs = fill_bins(before, chosen, augment.fill, ids[chunk], around)
            bins += int(chosen.sum())
            changed += int((outputs != before).any(1).sum())
            filled[chunk] = view.synthesis(outputs, inputs.shape) if view else outputs
        axes = plain.feature_settings.axes
        for name in (*axes[1:], "train_mean"):
            file[name] = getattr(plain, name)
        label_axes(filled, ("recording", *axes), plain.units)
        label_axes(file["train_mean"], axes, plain.units)
        write_table(file, table)
        describe(file, {"kind": WINDOWS.kind, "classes": examples.classes})
        describe(file, {"settings": examples.settings, "silence": examples.silence})
        describe(file, {"task": examples.task, "fill": augment.fill, "share": augment.share})
    each, share = round(bins / len(rows)), changed / max(bins, 1)
    context.say(f"{len(rows)} recordings, {each} bins each: {augment.fill}, {share:.0%} differ")
    context.note("bins", each)
    context.note("changed_share", share)


def _surroundings(examples: Windows, seed: int) -> Surroundings:
    def bins_of(features: np.ndarray) -> Tensor:
        values = torch.from_numpy(features)
        return examples.view.analysis(values) if examples.view else values

    def donors() -> tuple[list[str], Tensor]:
        names, features = examples.donors(seed)
        return names, bins_of(features)

    return Surroundings(examples.silence, bins_of(examples.train_mean), donors, seed)


def _choice(context: Context, examples: Windows, stack: ExitStack, around: Surroundings) -> Choice:
    """The bins that are configured: the most relevant, a region's, or as many at random."""
    augment = context.config.augment
    table = examples.table.iloc[examples.rows("train")]
    ids = table.id.astype(str).tolist()
    regions = read_regions(context, examples)

    def in_region(rows: slice, inputs: Tensor) -> Tensor:
        inside = covered(regions, table.iloc[rows], examples.frequency, examples.time)
        return torch.from_numpy(inside)[:, None]

    def drawn(rows: slice, inputs: Tensor) -> Tensor:
        if regions is None:
            counts = [round(augment.share * one[0].numel()) for one in inputs]
        else:
            counts = in_region(rows, inputs).flatten(1).sum(1).tolist()
        return at_random(inputs, counts, ids[rows], around)

    if augment.fill == "none":
        return lambda rows, inputs: torch.zeros_like(inputs[:, :1], dtype=torch.bool)
    if augment.random:
        return drawn
    if regions is not None:
        return in_region
    path, command = context.inputs["relevance"], context.made_by["relevance"]
    relevance = stack.enter_context(open_artifact(path, RELEVANCE, command))

    def relevant(rows: slice, inputs: Tensor) -> Tensor:
        return most_relevant(inputs, order_of(relevance, rows), augment.share)

    return relevant


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


def _inputs(config: Config) -> dict[str, Artifact | Path]:
    need_stored(config, "augment")
    inputs = {"features": FEATURES, **region_of(config)}
    augment = config.augment
    if augment.fill != "none" and not augment.region and not augment.random:
        inputs["relevance"] = explanation(config, "relevance.h5", "train", "train")
    return inputs


STAGE = Stage(
    name="augment",
    facts=lambda config: {"bins": variant(config)},
    keys=("augment.fill", "augment.share", "augment.region", "augment.random", "seed"),
    inputs=_inputs,
    work=work,
)
