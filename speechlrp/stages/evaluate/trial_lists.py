"""Which trials evaluate scores: those of a list, or pairs of the corpus's own recordings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from speechlrp.artifacts.atomic import whole
from speechlrp.config.schema import Config
from speechlrp.corpora import Recording
from speechlrp.corpora.trial_pairs import trial_pairs
from speechlrp.corpora.voxceleb_lists import Trials, trial_lines, trials
from speechlrp.data.dataset import Dataset
from speechlrp.data.recordings import unseen
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.stage import Context

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
            f"evaluate.trials={setting} is a folder; give a file such as "
            f"{setting}/veri_test.txt, or "
            f"evaluate.trials={ALL} for pairs of the corpus's own recordings"
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


def check_trials(listed: Trials, ids: Mapping[str, str], setting: str, root: str) -> None:
    """Check, before anything is computed, that there are trials to score.

    Args:
        listed: the trials.
        ids: of those names in them that are in the corpus.
        setting: what the configuration says, for the error.
        root: of the corpus, for the error.

    Raises:
        SpeechLRPError: the corpus has none of the recordings, or trials of one kind alone.
    """
    if not ids:
        raise SpeechLRPError(
            f"none of the {len(listed.names)} recordings of {setting} is in {root}; the first: "
            f"{listed.names[0]}"
        )
    check_kinds(listed.same, setting)
    there = np.array([name in ids for name in listed.names])
    usable = there[listed.first] & there[listed.second]
    check_kinds(listed.same[usable], f"{setting} whose recordings are in {root}")


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
