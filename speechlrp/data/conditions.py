"""Copies of the test recordings with music, noise or babble mixed in (T 6.3)."""

from collections.abc import Collection, Sequence
from pathlib import Path

import pandas as pd

from speechlrp.audio.artefacts import Conditions
from speechlrp.audio.augmentation import loader
from speechlrp.audio.mixing import KINDS, Mixer
from speechlrp.audio.noises import synthesised, synthesiser
from speechlrp.config.schema import Config, configure, options
from speechlrp.corpora.musan import musan
from speechlrp.data.crops import kind_at
from speechlrp.data.recordings import files_on_disk
from speechlrp.errors import SpeechLRPError, unknown

COPIED = "test"
"""The split whose recordings are copied."""

CLEAN = "clean"
"""What tables and figures call the recordings as they are."""

WINDOW = ["source", "start_s"]
"""Columns that a window and its copies share."""


def subset_of(condition: str) -> str:
    """The subset of the copies under a condition."""
    return f"{COPIED}_{condition}"


def configured(config: Config, recordings: Collection[str], rate: int) -> Conditions | None:
    """What makes the copies of some recordings at a rate; None where none are configured.

    Raises:
        SpeechLRPError: a setting that cannot be, or nothing to draw a kind from.
    """
    section = config.conditions
    if not section.get("name"):
        return None
    settings = options(section, "name", "root")
    what = f"conditions {section['name']}"
    source = {"seed": config.data_seed, "rate": rate}
    return Conditions(configure(what, mixers, settings, section["root"], **source), recordings)


def mixers(
    root: str | None,
    *,
    seed: int,
    rate: int,
    kinds: Sequence[str],
    noise_db: Sequence[float],
    music_db: Sequence[float],
    babble_db: Sequence[float],
) -> dict[str, Mixer]:
    """Set up the section ``conditions``; see ``conf/conditions/musan.yaml``."""
    ranges = {"noise": noise_db, "music": music_db, "babble": babble_db}
    files, load = _files(root, kinds), synthesiser(rate) if root is None else loader(rate)
    return {
        name: Mixer(
            files,
            load,
            seed=seed,
            probability=1.0,
            kinds={name: kind_at("conditions", name, ranges[name])},
        )
        for name in kinds
    }


def _files(root: str | None, kinds: Sequence[str]) -> dict[str, list[Path]]:
    """What each kind is made of.

    Raises:
        SpeechLRPError: no kind, one that there is not, or one without files.
    """
    if not isinstance(kinds, list) or not kinds or len(set(kinds)) < len(kinds):
        raise SpeechLRPError(
            f"conditions.kinds is {kinds}; it must name some of {', '.join(KINDS)}, each "
            "once (to make no copies: conditions=none)"
        )
    for name in kinds:
        if name not in KINDS:
            raise unknown("kind in conditions.kinds", name, KINDS)
    wanted = [KINDS[name].source for name in kinds]
    if root is not None:
        try:
            return musan(Path(root), kinds=wanted)
        except SpeechLRPError as error:
            raise SpeechLRPError(f"conditions.root: {error}") from error
    files = synthesised()
    missing = [name for name in kinds if KINDS[name].source not in files]
    if missing:
        raise SpeechLRPError(
            f"conditions.kinds holds {missing[0]}, which is not synthesised; give a folder that "
            "has speech: conditions.root=DIR"
        )
    return files


def additions_on_disk(config: Config) -> dict[str, dict]:
    """How many files copies are made of, and a digest of their names, sizes and times."""
    section = config.conditions
    if not section.get("name") or section["root"] is None:
        return {}
    root, kinds = section["root"], section["kinds"]
    paths = (path for group in _files(root, kinds).values() for path in group)
    return {"additions": files_on_disk((str(p.relative_to(root)), p, "") for p in paths)}


def named(table: pd.DataFrame) -> pd.Series:
    """The condition of each row, for people to read."""
    if "condition" not in table:
        return pd.Series(CLEAN, index=table.index)
    return table.condition.replace("", CLEAN)


def several(table: pd.DataFrame) -> bool:
    """Whether the rows are of more than one condition."""
    return named(table).nunique() > 1


def described(row: pd.Series) -> str:
    """What is mixed into a copy, such as ``music, 9 dB``."""
    return f"{row.condition}, {row.snr_db:.0f} dB"
