"""Known times of phonemes: those of a synthesised corpus, or a forced aligner's."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from speechlrp.artifacts.tables import read_csv
from speechlrp.config.schema import Config
from speechlrp.corpora.textgrid import phonemes_of, read_textgrid
from speechlrp.data.dataset import Spoken
from speechlrp.errors import SpeechLRPError
from speechlrp.navai.classes import STRESS
from speechlrp.pipeline.stage import Context

SYNTH = "make it with `speechlrp synth ... --force`"
COLUMNS = ["id", "phoneme", "start_s", "end_s"]
WORD_COLUMNS = ["id", "word", "start_s", "end_s"]
ARPABET = STRESS + "012"
"""Marks of stress in aligners' dictionaries."""
WORDS = "words"
"""The tier that forced aligners write words into."""


def phoneme_times(context: Context, spoken: Spoken) -> pd.DataFrame:
    """The phonemes of the configured split, without marks of stress.

    Returns:
        Columns id, phoneme, start_s, end_s, a row each.

    Raises:
        SpeechLRPError: there are none.
    """
    rows = spoken.table.iloc[spoken.rows(context.config.subset)]
    folder = context.config.navai.textgrids
    found = _synthesised(context.config) if folder is None else _aligned(context.config, rows)
    found = found[found.id.isin(rows.id)]
    where = folder or _file(context.config)
    if found.empty:
        raise SpeechLRPError(
            f"{where} has no phoneme of the {len(rows)} utterances of {context.config.subset} "
            f"(the first: {rows.id.iloc[0]!r}); name the folder of their TextGrid files: "
            "navai.textgrids=FOLDER"
        )
    without = len(rows) - found.id.nunique()
    context.note("without_phoneme_times", without)
    if without:
        context.say(f"{without} of {len(rows)} utterances have no phoneme times in {where}")
    marks = STRESS if folder is None else ARPABET
    return found.assign(phoneme=found.phoneme.str.translate(str.maketrans("", "", marks)))


def times_on_disk(config: Config) -> dict[str, str]:
    """A digest of the files of times, where they are asked for and there."""
    navai = config.navai
    if navai.classes == "bigrams" or not has_times(config):
        return {}
    synthesised = [_file(config), *filter(None, [words_file(config)])]
    paths = synthesised if navai.textgrids is None else sorted(_grids(navai.textgrids))
    digest = hashlib.sha256()
    for path in paths:
        if path.is_file():
            about = path.stat()
            digest.update(f"{path.name} {about.st_size} {about.st_mtime_ns}\n".encode())
    return {"phoneme times": digest.hexdigest()}


def has_times(config: Config) -> bool:
    """Whether the corpus was synthesised, or a folder of TextGrid files is named."""
    return config.navai.textgrids is not None or _file(config).is_file()


def words_file(config: Config) -> Path | None:
    """Where the times of words are, if they are known as well."""
    path = _file(config).with_name("words.csv")
    return path if config.navai.textgrids is None and path.is_file() else None


def _file(config: Config) -> Path:
    return Path(config.dataset["root"]) / "phonemes.csv"


def _synthesised(config: Config) -> pd.DataFrame:
    path = _file(config)
    if not path.is_file():
        raise SpeechLRPError(
            f"there is no {path}: phoneme times are known of what `speechlrp synth` made, or from "
            "a forced aligner's TextGrid files (navai.textgrids=FOLDER)"
        )
    return read_csv(path, SYNTH, COLUMNS)[COLUMNS]


def _grids(folder: str) -> Iterator[Path]:
    return Path(folder).rglob("*.TextGrid")


def aligned_words(config: Config, rows: pd.DataFrame) -> pd.DataFrame:
    """Words of those TextGrid files that have a tier of them.

    Args:
        config: names their folder.
        rows: of the utterances: id, path.

    Returns:
        Columns id, word, start_s, end_s; without words that the aligner did not know. No
        row where no folder is named.
    """
    if config.navai.textgrids is None:
        return pd.DataFrame(columns=WORD_COLUMNS)
    found = _aligned(config, rows, WORDS).rename(columns={"phoneme": "word"})
    return found[~found.word.str.startswith("<")]


def _aligned(config: Config, rows: pd.DataFrame, tier: str | None = None) -> pd.DataFrame:
    """Phonemes of the TextGrid files, named as the utterance or as its recording.

    With a tier, what that one holds, of the files that have it.
    """
    navai = config.navai
    grids = {path.stem: path for path in sorted(_grids(navai.textgrids))}
    if not grids:
        raise SpeechLRPError(f"navai.textgrids is {navai.textgrids}: there is no .TextGrid file")
    found = []
    for utterance in rows.itertuples():
        path = grids.get(utterance.id) or grids.get(Path(utterance.path).stem)
        if path is not None and (tier is None or tier in read_textgrid(path)):
            found += [
                (utterance.id, i.text.strip(), i.start_s, i.end_s)
                for i in phonemes_of(path, tier or navai.tier)
            ]
    table = pd.DataFrame(found, columns=COLUMNS)
    return table.astype({"start_s": np.float64, "end_s": np.float64})
