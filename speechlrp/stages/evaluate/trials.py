"""evaluate, with trials: is it the same speaker? Of a list, or of pairs of the corpus's own."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from speechlrp.artifacts.atomic import whole
from speechlrp.artifacts.shards import Shards
from speechlrp.audio import extract
from speechlrp.config.schema import Config
from speechlrp.corpora import Recording
from speechlrp.corpora.trial_pairs import trial_pairs
from speechlrp.corpora.voxceleb_lists import Trials, trial_lines, trials, under_ids
from speechlrp.data.dataset import Dataset
from speechlrp.data.network import Classifier
from speechlrp.data.recordings import all_rejected, read_corpus, reject, unseen
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context
from speechlrp.report.det import det_figure
from speechlrp.training.embeddings import cosine_scores, embed, error_rates, means, verification

UNIT = 16
"""Recordings in a unit of work."""


def verify(context: Context, network: Classifier) -> None:
    """Write `trials.csv`, a score each, `verification.json`, `det.png`, `trials_left_out.csv`.

    Raises:
        SpeechLRPError: none of the recordings is in the corpus, there are no trials of one
            of both kinds, or one contradicts another.
    """
    config = context.config
    corpus = {r.id: r for r in read_corpus(config)}
    listed = under_ids(listed_trials(context, network.dataset, list(corpus.values())), corpus)
    check_trials(
        listed, corpus, f"evaluate.trials={config.evaluate.trials}", config.dataset["root"]
    )
    _tell_odd(context, listed, corpus)
    there = [corpus[name] for name in listed.names if name in corpus]
    known, rejected = _embeddings(context, network, there)
    row_of = {name: row for row, name in enumerate(known)}
    rows = np.array([row_of.get(name, -1) for name in listed.names])
    usable = _usable(listed, rows >= 0)
    table = _table(listed)
    _note_missing(context, table, listed, rows, rejected)
    check_kinds(listed.same[usable], "recordings that can be used")
    pairs = rows[listed.first[usable]], rows[listed.second[usable]]
    scores = cosine_scores(np.stack(list(known.values())), *pairs)
    scored = table[usable].assign(score=scores)
    context.write(trials=scored)
    _sum_up(context, network, scored, {corpus[name].speaker for name in known})


def _sum_up(
    context: Context, network: Classifier, scored: pd.DataFrame, speakers: set[str]
) -> None:
    measured = verification(scored) | {"speakers": len(speakers)}
    trained = "published" not in network.meta
    if trained:  # what others trained on is not known
        measured["speakers_trained_on"] = len(speakers & set(network.meta["classes"]))
    context.note("verification", measured)
    miss, false, _ = error_rates(scored.score.to_numpy(), scored.same.to_numpy(bool))
    counts = int(measured["same"]), int(measured["trials"] - measured["same"])
    curve = det_figure(miss, false, measured["equal_error_rate"], counts=counts)
    context.write(verification=measured, det=curve)
    context.say(
        f"{measured['trials']:,} trials, {measured['same']:,} of one speaker: "
        f"equal error rate {measured['equal_error_rate']:.2%}, "
        f"minDCF {measured['min_dcf_0.01']:.3f} (P = 0.01), "
        f"{measured['min_dcf_0.05']:.3f} (P = 0.05)"
    )
    if trained and measured["speakers_trained_on"]:
        context.say(_known(int(measured["speakers_trained_on"]), len(speakers), context.config.on))


def _known(known: int, speakers: int, on: str) -> str:
    """That the network has heard speakers before; in another corpus names alone say so."""
    if on:
        return (
            f"{known} of these {speakers} speakers have names of speakers that the network was "
            "trained on; where they are the same people, it knows them"
        )
    return (
        f"the network was trained on {known} of these {speakers} speakers, so it knows them: "
        "split.unseen keeps speakers apart"
    )


def _embeddings(
    context: Context, network: Classifier, recordings: Sequence[Recording]
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The mean embedding of each recording ``[E]``, and why there is none of the others."""
    units = [recordings[i : i + UNIT] for i in range(0, len(recordings), UNIT)]
    shards = Shards(context.units("trials"), len(units))
    todo = shards.missing()
    files = [[(r.id, r.path) for r in units[unit]] for unit in todo]
    settings, seed = network.dataset.feature_settings, context.config.data_seed
    batches = extract(files, settings, seed=seed, workers=context.workers)
    for unit, batch in zip(todo, progress(batches, "embed", len(todo)), strict=True):
        reject(shards, unit, batch.rejected)
        vectors = embed(network.model, network.inputs(batch.features)).cpu().numpy()
        by_id = means(vectors, batch.segments["id"])
        rows = np.stack(list(by_id.values())) if by_id else np.zeros((0, 1), np.float32)
        shards.put(unit, {"embeddings": rows}, pd.DataFrame({"id": list(by_id)}, dtype=str))
    known: dict[str, np.ndarray] = {}
    for arrays, table in shards:
        known |= dict(zip(table.id, arrays["embeddings"], strict=True))
    rejected = all_rejected(shards)
    shards.remove()
    return known, dict(zip(rejected.id, rejected.reason, strict=True))


def _usable(listed: Trials, there: np.ndarray) -> np.ndarray:
    """Which trials compare two recordings of those that are `there`, bool ``[N]``."""
    return there[listed.first] & there[listed.second] & (listed.first != listed.second)


def _tell_odd(context: Context, listed: Trials, corpus: Mapping[str, Recording]) -> None:
    """Say what is odd about a list, which counts as it is written."""
    if repeated := len(listed) - len(np.unique(listed.pairs())):
        context.say(f"{repeated} trials repeat others, and count as often as they are listed")
    speakers = [corpus[name].speaker if name in corpus else "" for name in listed.names]
    _, of = np.unique(speakers, return_inverse=True)
    there = _usable(listed, np.array([name in corpus for name in listed.names]))
    odd = np.flatnonzero(there & ((of[listed.first] == of[listed.second]) != listed.same))
    if len(odd):
        one, other = (int(ends[odd[0]]) for ends in (listed.first, listed.second))
        context.say(
            f"{len(odd)} trials say of their speakers what the corpus does not, and count as "
            f"listed; the first: {listed.names[one]} and {listed.names[other]}, which are of "
            f"{speakers[one]} and {speakers[other]}"
        )


def _table(listed: Trials) -> pd.DataFrame:
    """A row a trial: same, first, second; each name is held once."""
    columns = {"first": listed.first, "second": listed.second}
    texts = {n: pd.Categorical.from_codes(codes, listed.names) for n, codes in columns.items()}
    return pd.DataFrame({"same": listed.same} | texts)


def _note_missing(
    context: Context,
    table: pd.DataFrame,
    listed: Trials,
    rows: np.ndarray,
    rejected: dict[str, str],
) -> None:
    """Write and say which trials have a recording that cannot be used, the first of the two."""
    missing = rows < 0
    which = np.where(missing[listed.first], listed.first, listed.second)
    left = ~_usable(listed, ~missing)
    names = [listed.names[k] for k in which[left]]
    known = {listed.names[k]: "compared with itself" for k in np.flatnonzero(~missing)} | rejected
    reasons = [known.get(name, "not in the corpus") for name in names]
    context.write(trials_left_out=table[left].assign(recording=names, reason=reasons))
    context.note("trials_left_out", len(names))
    if names:
        context.say(
            f"{len(names)} of {len(listed)} trials left out, see trials_left_out.csv; "
            f"the first: {names[0]} ({reasons[0]})"
        )


ALL = "all"
"""In the place of a list: pairs of the corpus's own recordings."""


def trials_input(config: Config) -> dict[str, Path]:
    """The list of trials, where there is one, as a stage's input.

    Raises:
        SpeechLRPError: the task is another than speakers, or the list is a folder.
    """
    setting = config.evaluate.trials
    if setting is None:
        return {}
    if config.task.name != "speaker":
        raise SpeechLRPError(
            f"evaluate.trials compares speakers; task={config.task.name} learns something else: "
            "use task=speaker"
        )
    if setting == ALL:
        return {}
    path = Path(setting).expanduser().resolve()
    if path.is_dir():
        raise SpeechLRPError(
            f"evaluate.trials={setting} is a folder; give a file such as {setting}/veri_test.txt, "
            f"or evaluate.trials={ALL} for pairs of the corpus's own recordings"
        )
    return {"trials": path}


def trials_drawn(config: Config) -> dict[str, dict]:
    """What decides which pairs are drawn, where there is no list."""
    if config.evaluate.trials != ALL:
        return {}
    return {"trials": {"max_trials": config.evaluate.max_trials, "seed": config.data_seed}}


def listed_trials(context: Context, examples: Dataset, corpus: Sequence[Recording]) -> Trials:
    """Read the list; or pair recordings, and write them as a list, `trials.txt`.

    They are those of the unseen speakers (`split.unseen`); where there are none, those of
    the split that is evaluated.

    Raises:
        SpeechLRPError: the list cannot be read, or there are no pairs of one of both kinds.
    """
    config = context.config
    if "trials" in context.inputs:
        return trials(context.inputs["trials"])
    chosen, whose = unseen(config, corpus), "unseen speakers"
    if not chosen:
        names = set(examples.table.source.iloc[examples.rows(config.subset)])
        chosen, whose = [r for r in corpus if r.id in names], f"the split {config.subset}"
    listed = trial_pairs(chosen, most=config.evaluate.max_trials, seed=config.data_seed)
    with whole(context.folder / "trials.txt") as beside, beside.open("w", encoding="utf-8") as file:
        file.writelines(trial_lines(listed))
    total = len(chosen) * (len(chosen) - 1) // 2
    drawn = f" drawn from {total:,} (evaluate.max_trials)" if len(listed) < total else ""
    context.say(
        f"{len(chosen)} recordings of {whose}: {len(listed):,} pairs{drawn}, see trials.txt"
    )
    return listed


def check_trials(listed: Trials, ids: Collection[str], setting: str, root: str) -> None:
    """Check, before anything is computed, that there are trials to score.

    Raises:
        SpeechLRPError: the corpus, which has these `ids`, has none of the recordings, or trials
            of one kind alone.
    """
    there = np.array([name in ids for name in listed.names])
    if not there.any():
        raise SpeechLRPError(
            f"none of the {len(listed.names)} recordings of {setting} is in {root}; the first: "
            f"{listed.names[0]}"
        )
    check_kinds(listed.same, setting)
    check_kinds(listed.same[_usable(listed, there)], f"{setting} whose recordings are in {root}")


def check_kinds(same: np.ndarray, whose: str) -> None:
    """Check that trials are of both kinds.

    Raises:
        SpeechLRPError: they are not.
    """
    if not 0 < same.sum() < len(same):
        raise SpeechLRPError(
            f"{same.sum()} of the {len(same)} trials of {whose} are of one speaker; both kinds "
            "are needed for error rates"
        )
