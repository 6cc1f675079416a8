"""Known times of a recogniser's utterances, and the check of navai's key steps against them."""

import pandas as pd

from speechlrp.config.schema import Config
from speechlrp.data.dataset import Spoken
from speechlrp.data.times import MEND, check_tier, has_times, read_times
from speechlrp.errors import SpeechLRPError
from speechlrp.navai.batches import FrameTable
from speechlrp.pipeline.places import weights_name
from speechlrp.pipeline.stage import Context
from speechlrp.report.step_distances import truth_figure
from speechlrp.timing.exactness import ALL, coverage_table, error_table, timing_table
from speechlrp.timing.linking import Truth, linked_frames, words_of
from speechlrp.timing.spelling import is_known

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
    times = times.assign(phoneme=times.phoneme.str.translate(STRESS))
    ends = times.id.map(rows.set_index("id").seconds)
    for odd, what in (
        (times[times.start_s > ends], "begin after the end of their recording; are these seconds?"),
        (times[~times.phoneme.map(is_known)], "are unknown, so what spells them is guessed"),
    ):
        if len(odd):
            one = odd.iloc[0]
            first = f"the first: {one.phoneme!r} of {one.id} at {one.start_s:g} s"
            context.say(f"{len(odd)} of {len(times)} phonemes {what} ({first})")
    return times


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


def known_truth(context: Context, spoken: Spoken, width: int) -> Truth | None:
    """The known times that alignments are measured by, or None where there are none.

    Only frames of letters are measured: other classes leave some of them out.
    """
    if context.config.navai.classes != "letters" or not has_times(context.config, "phoneme"):
        return None
    phonemes = phoneme_times(context, spoken)
    return Truth(word_times(context.config, spoken, phonemes), phonemes, width, spoken.clock)


def write_truth(context: Context, truth: Truth, gathered: FrameTable) -> None:
    """Write `truth.csv`, `truth_errors.csv`, `coverage.csv` and `truth.png`, and say the result."""
    hop_ms = 1000 * truth.clock.hop_s
    frames = linked_frames(gathered.table(), gathered.ids, truth)
    spelt = pd.concat([truth.letters(key) for key in truth.words if key in truth])
    coverage = coverage_table(frames, spelt)
    context.write(coverage=coverage)
    whole = coverage.set_index("letter").loc[ALL]
    context.note("letters_with_a_phoneme", float(whole.text_share))
    context.note("utterances_measured", frames.utterance.nunique())
    table = timing_table(frames, gathered.alignments, truth.width, hop_ms)
    if table.empty:
        context.say("no frame has a letter that is in its text: the alignments are not measured")
        return
    errors = error_table(frames, gathered.alignments, hop_ms)
    linked = f"{int(whole.frames_linked):,} of {int(whole.frames):,} frames"
    where = f"{weights_name(context.config)} on {context.config.subset}"
    figure = truth_figure(table, errors, title=f"{where}: {linked} whose phoneme is known")
    context.write(truth=table, truth_errors=errors)
    context.write(truth=figure)
    context.say(
        f"{whole.text_share:.1%} of the letters have a phoneme, and {linked} are linked to theirs"
    )
    for row in table[table.letter == ALL].itertuples():
        context.say(
            f"{row.alignment}: {row.median_ms:+.0f} ms from the phoneme's middle (median), "
            f"quartiles {row.iqr_ms:.0f} ms apart; within 50 ms {row.within_50:.1%}, "
            f"by chance {row.uniform_within_50:.1%}"
        )
