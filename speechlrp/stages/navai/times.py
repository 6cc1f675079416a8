"""Known times of phonemes and words: those of a synthesised corpus, or a forced aligner's."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from speechlrp.artifacts.tables import read_csv
from speechlrp.config.schema import Config
from speechlrp.corpora.textgrid import phonemes_of, read_textgrid
from speechlrp.data.dataset import Spoken
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.stage import Context
from speechlrp.timing.linking import SPAN, words_of

STRESS = str.maketrans("", "", "ˈˌ012")
"""Marks of stress in IPA, and in aligners' dictionaries."""
WORDS = "words"
"""The tier that forced aligners write words into."""


def has_times(config: Config) -> bool:
    """Whether the corpus was synthesised, or a folder of TextGrid files is named."""
    return config.navai.textgrids is not None or _file(config, "phoneme").is_file()


def times_on_disk(config: Config) -> dict[str, str]:
    """A digest of the files of times, where they are asked for and there."""
    if config.navai.classes == "bigrams" or not has_times(config):
        return {}
    paths = [_file(config, kind) for kind in ("phoneme", "word")]
    if config.navai.textgrids is not None:
        paths = _grids(config.navai.textgrids)
    digest = hashlib.sha256()
    for path in filter(Path.is_file, paths):
        facts = path.stat()
        digest.update(f"{path.name} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return {"phoneme times": digest.hexdigest()}


def phoneme_times(context: Context, spoken: Spoken) -> pd.DataFrame:
    """The phonemes of the configured split, without marks of stress.

    Returns:
        Columns id, phoneme, start_s, end_s, a row each, in order of time.

    Raises:
        SpeechLRPError: there are none, or no such file.
    """
    config = context.config
    rows = spoken.table.iloc[spoken.rows(config.subset)]
    folder = config.navai.textgrids
    if folder is None:
        times, where = _synthesised(config, "phoneme"), str(_file(config, "phoneme"))
    else:
        times, where = _aligned(folder, rows, config.navai.tier, "phoneme"), folder
    times = times[times.id.isin(rows.id)]
    if times.empty:
        raise SpeechLRPError(
            f"{where} has no phoneme of the {len(rows)} utterances of {config.subset} "
            f"(the first: {rows.id.iloc[0]!r}); name the folder of their TextGrid files: "
            "navai.textgrids=FOLDER"
        )
    without = len(rows) - times.id.nunique()
    context.note("without_phoneme_times", without)
    if without:
        context.say(f"{without} of {len(rows)} utterances have no phoneme times in {where}")
    return times.assign(phoneme=times.phoneme.str.translate(STRESS))


def word_times(config: Config, spoken: Spoken, phonemes: pd.DataFrame) -> pd.DataFrame:
    """The words of the utterances whose phonemes are known.

    Returns:
        Columns id, word, start_s, end_s, a row each, in order of time. Where the times of
        words are not known, they follow from the spelling of the transcript.
    """
    rows = spoken.table[spoken.table.id.isin(phonemes.id)]
    folder = config.navai.textgrids
    if folder is not None:
        words = _aligned(folder, rows, WORDS, "word")
        words = words[~words.word.str.startswith("<")]  # what the aligner did not know
    elif _file(config, "word").is_file():
        words = _synthesised(config, "word")
    else:
        words = phonemes.iloc[:0].rename(columns={"phoneme": "word"})
    words = words[words.id.isin(rows.id)]
    transcripts = rows.set_index("id").transcript
    rest = phonemes[~phonemes.id.isin(words.id)]
    spelt = [words_of(transcripts[key], spans).assign(id=key) for key, spans in rest.groupby("id")]
    return pd.concat([words, *spelt])


def _file(config: Config, kind: str) -> Path:
    return Path(config.dataset["root"]) / f"{kind}s.csv"


def _synthesised(config: Config, kind: str) -> pd.DataFrame:
    path = _file(config, kind)
    mend = (
        f"{kind} times are known of what `speechlrp synth` made (again with --force), or from "
        "a forced aligner's TextGrid files (navai.textgrids=FOLDER)"
    )
    columns = ["id", kind, *SPAN]
    times = read_csv(path, mend, columns)[columns]
    wrong = np.flatnonzero(~np.isfinite(times[SPAN]).all(axis=1) | (times.end_s < times.start_s))
    if len(wrong):
        first = times.iloc[wrong[0]]
        raise SpeechLRPError(
            f"{path}, row {wrong[0] + 1}: {first[kind]!r} is from {first.start_s} to "
            f"{first.end_s} s: {mend}"
        )
    return times.sort_values(["id", *SPAN], kind="stable")


def _grids(folder: str) -> list[Path]:
    return sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() == ".textgrid")


def _aligned(folder: str, rows: pd.DataFrame, tier: str, kind: str) -> pd.DataFrame:
    """What a tier of the TextGrid files holds; of words, only of the files that have it."""
    grids: dict[str, list[Path]] = {}
    for path in _grids(folder):
        grids.setdefault(path.stem, []).append(path)
    if not grids:
        raise SpeechLRPError(f"navai.textgrids is {folder}: there is no .TextGrid file")
    spans = []
    utterance: Any  # a tuple with the names of the columns
    for utterance in rows.itertuples():
        grid = _grid_of(utterance, grids)
        if grid is not None and (tier != WORDS or tier in read_textgrid(grid)):
            held = phonemes_of(grid, tier)
            spans += [(utterance.id, i.text.strip(), i.start_s, i.end_s) for i in held]
    times = pd.DataFrame(spans, columns=["id", kind, *SPAN])
    return times.astype(dict.fromkeys(SPAN, np.float64))


def _grid_of(utterance: Any, grids: dict[str, list[Path]]) -> Path | None:
    """The file named as the utterance or as its recording; of several, its speaker's."""
    for name in (utterance.id, Path(utterance.path).stem):
        paths = grids.get(name, [])
        if len(paths) > 1:
            of_speaker = [path for path in paths if path.parent.name == utterance.speaker]
            if len(of_speaker) != 1:
                raise SpeechLRPError(
                    f"{len(paths)} TextGrid files are named {name} ({paths[0]}, {paths[1]}); put "
                    f"that of {utterance.id} into a folder named {utterance.speaker}"
                )
            return of_speaker[0]
        if paths:
            return paths[0]
    return None
