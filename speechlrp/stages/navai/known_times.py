"""Known times of a recogniser's utterances: their phonemes, and the words that these spell."""

from __future__ import annotations

import pandas as pd

from speechlrp.config.schema import Config
from speechlrp.data.dataset import Spoken
from speechlrp.data.times import MEND, check_tier, read_times
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.stage import Context
from speechlrp.timing.linking import words_of

STRESS = str.maketrans("", "", "ˈˌ012")
"""Marks of stress in IPA, and in aligners' dictionaries."""


def phoneme_times(context: Context, spoken: Spoken) -> pd.DataFrame:
    """The phonemes of the configured split, as `read_times`, without marks of stress.

    Raises:
        SpeechLRPError: there are none, or a file that cannot be used.
    """
    config = context.config
    rows = spoken.table.iloc[spoken.rows(config.subset)]
    times = read_times(config, "phoneme", rows)
    if times.empty:
        check_tier(config, "phoneme")
        raise SpeechLRPError(
            f"no phoneme of the {len(rows)} utterances of {config.subset} is known (the first: "
            f"{rows.id.iloc[0]!r}): {MEND}"
        )
    without = len(rows) - times.id.nunique()
    context.note("without_phoneme_times", without)
    if without:
        context.say(f"{without} of {len(rows)} utterances have no phoneme times")
    return times.assign(phoneme=times.phoneme.str.translate(STRESS))


def word_times(config: Config, spoken: Spoken, phonemes: pd.DataFrame) -> pd.DataFrame:
    """The words of the utterances whose phonemes are known, as `read_times`.

    Where the times of words are not known, they follow from the spelling of the transcript.
    """
    rows = spoken.table[spoken.table.id.isin(phonemes.id)]
    words = read_times(config, "word", rows)
    transcripts = rows.set_index("id").transcript
    rest = phonemes[~phonemes.id.isin(words.id)]
    spelt = [words_of(transcripts[key], spans).assign(id=key) for key, spans in rest.groupby("id")]
    return pd.concat([words, *spelt])
