"""evaluate, with a list of trials: is it the same speaker?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from speechlrp.artifacts.atomic import write_csv, write_json
from speechlrp.artifacts.shards import Shards
from speechlrp.audio import extract
from speechlrp.corpora import Recording
from speechlrp.corpora.voxceleb_lists import Trial, trials
from speechlrp.errors import SpeechLRPError
from speechlrp.stages.features import Network
from speechlrp.stages.preprocess import feature_settings
from speechlrp.stages.progress import progress
from speechlrp.stages.recordings import all_rejected, read_corpus, reject
from speechlrp.stages.stage import Context
from speechlrp.training.embeddings import cosine_scores, embed, means, verification

UNIT = 16
"""Recordings in a unit of work."""


def verify(context: Context, network: Network, path: Path) -> None:
    """Write `trials.csv`, a score each, `verification.json` and `trials_left_out.csv`.

    Raises:
        SpeechLRPError: none of the recordings is in the corpus, or there are no trials of
            one of both kinds.
    """
    listed = trials(path)
    wanted = sorted({name for trial in listed for name in (trial.first, trial.second)})
    corpus = {r.id: r for r in read_corpus(context.config)}
    there = [corpus[name] for name in wanted if name in corpus]
    if not there:
        raise SpeechLRPError(
            f"none of the {len(wanted)} recordings of {path} is in "
            f"{context.config.dataset['root']}; the first: {wanted[0]}"
        )
    known, rejected = _embeddings(context, network, there)
    reasons = dict.fromkeys(wanted, "not in the corpus") | rejected
    scored = _scored(listed, known)
    _note_missing(context, listed, known, reasons)
    write_csv(context.folder / "trials.csv", scored)
    found = verification(scored)
    write_json(context.folder / "verification.json", found)
    context.note("verification", found)
    context.say(
        f"{found['trials']:,} trials, {found['same']:,} of one speaker: "
        f"equal error rate {found['equal_error_rate']:.2%}, "
        f"minDCF {found['min_dcf_0.01']:.3f} (P = 0.01), {found['min_dcf_0.05']:.3f} (P = 0.05)"
    )


def _embeddings(
    context: Context, network: Network, recordings: Sequence[Recording]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The mean embedding of each recording ``[E]``, and why there is none of the others."""
    units = [recordings[i : i + UNIT] for i in range(0, len(recordings), UNIT)]
    shards = Shards(context.folder / ".trials", len(units))
    todo = shards.missing()
    files = [[(r.id, r.path) for r in units[unit]] for unit in todo]
    settings, seed = feature_settings(context.config), context.config.data_seed
    batches = extract(files, settings, seed=seed, workers=context.workers)
    for unit, batch in zip(todo, progress(batches, "embed", len(todo)), strict=True):
        reject(shards, unit, batch.rejected)
        found = embed(network.model, network.inputs(batch.features)).cpu().numpy()
        own = means(found, batch.segments["id"])
        rows = np.stack(list(own.values())) if own else np.zeros((0, 1), np.float32)
        shards.put(unit, {"embeddings": rows}, pd.DataFrame({"id": list(own)}, dtype=str))
    known = {}
    for arrays, table in shards:
        known |= dict(zip(table.id, arrays["embeddings"], strict=True))
    rejected = all_rejected(shards)
    shards.remove()
    return known, dict(zip(rejected.id, rejected.reason, strict=True))


def _scored(listed: Sequence[Trial], known: dict[str, np.ndarray]) -> pd.DataFrame:
    usable = [t for t in listed if t.first in known and t.second in known]
    if not usable:
        raise SpeechLRPError(f"none of {len(listed)} trials has two recordings that can be used")
    table = pd.DataFrame([(t.same, t.first, t.second) for t in usable], columns=COLUMNS)
    return table.assign(score=cosine_scores(known, table["first"], table["second"]))


COLUMNS = ["same", "first", "second"]


def _note_missing(
    context: Context, listed: Sequence[Trial], known: dict[str, np.ndarray], reasons: dict[str, str]
) -> None:
    rows = [
        (t.same, t.first, t.second, name, reasons[name])
        for t in listed
        for name in [next((n for n in (t.first, t.second) if n not in known), None)]
        if name is not None
    ]
    table = pd.DataFrame(rows, columns=[*COLUMNS, "recording", "reason"])
    write_csv(context.folder / "trials_left_out.csv", table)
    context.note("trials_left_out", len(table))
    if len(table):
        name, reason = table.recording[0], table.reason[0]
        context.say(
            f"{len(table)} of {len(listed)} trials left out, see trials_left_out.csv; "
            f"the first: {name} ({reason})"
        )
