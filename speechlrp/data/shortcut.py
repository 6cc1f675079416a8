"""A sound that goes with a class in training and validation, and with nothing at test."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial

from speechlrp.audio import ARTEFACTS
from speechlrp.audio.artefacts import Artefacts
from speechlrp.config.schema import Config, configure, options
from speechlrp.corpora import Recording
from speechlrp.corpora.recording import rank
from speechlrp.data.crops import from_audio
from speechlrp.errors import SpeechLRPError, unknown

COLUMN = "artefact"
"""Of the features' table: 1 where the recording has the artefact, 0 where not."""
DEALT = ("train", "validate")
OURS = ("name", "share", "label")


def known(
    config: Config, recordings: Sequence[Recording], subset: Mapping[str, str], classes: list[str]
) -> dict[str, int] | None:
    """Which recordings have an artefact, 1 or 0 by their ids; None where nobody knows.

    As it is dealt, or as the corpus says: a manifest's column ``artefact`` of 1 and 0.

    Raises:
        SpeechLRPError: the configured class is none, or training reads the recordings.
    """
    if config.shortcut["name"]:
        need_windows(config)
        having = dealt(config, recordings, subset, classes)
        return {r.id: int(r.id in having) for r in recordings}
    said = {r.id: r.extra.get(COLUMN) for r in recordings}
    if not set(said.values()) <= {"0", "1"}:
        return None
    return {name: int(text == "1") for name, text in said.items()}


def need_windows(config: Config) -> None:
    """Check that an artefact, if one is configured, would be heard in training.

    Raises:
        SpeechLRPError: training reads the recordings themselves, or has no classes.
    """
    name = config.shortcut["name"]
    if name and (from_audio(config) or config.task.name == "letters"):
        raise SpeechLRPError(
            f"shortcut={name} goes into stored features of classes; use "
            "features.train_from=features and a task of classes, or shortcut=none"
        )


def dealt(
    config: Config, recordings: Sequence[Recording], subset: Mapping[str, str], classes: list[str]
) -> set[str]:
    """The ids of the recordings that get the artefact.

    In training and in validation, ``share`` of the recordings of the class ``label`` have it,
    and 1 - ``share`` of those of every other class: to know it is to be right so often where
    two classes are alike many.

    Raises:
        SpeechLRPError: no such class.
    """
    share, label = config.shortcut["share"], config.shortcut["label"] or classes[0]
    if label not in classes:
        raise unknown("class in shortcut.label", label, classes)
    groups: dict[tuple[str, str | None], list[str]] = defaultdict(list)
    for r in recordings:
        if subset[r.id] in DEALT:
            groups[subset[r.id], r.label(config.task.name)].append(r.id)
    chosen: set[str] = set()
    for (_, name), ids in groups.items():
        part = share if name == label else 1 - share
        chosen.update(sorted(ids, key=partial(rank, config.data_seed))[: round(part * len(ids))])
    return chosen


def artefacts(config: Config, having: Mapping[str, int], rate: int) -> Artefacts | None:
    """What puts the configured artefact into recordings; None where none is configured."""
    name = config.shortcut["name"]
    if not name:
        return None
    make = partial(configure, f"shortcut {name}", ARTEFACTS[name], options(config.shortcut, *OURS))
    return Artefacts(make, {r for r, has in having.items() if has}, rate, config.data_seed)
