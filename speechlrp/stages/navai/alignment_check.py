"""navai's check of its alignments: key steps against the known times of phonemes."""

from __future__ import annotations

import pandas as pd

from speechlrp.data.times import has_times
from speechlrp.navai.batches import FrameTable
from speechlrp.pipeline.places import weights_name
from speechlrp.pipeline.stage import Context
from speechlrp.report.step_distances import truth_figure
from speechlrp.stages.navai.known_times import phoneme_times, word_times
from speechlrp.stages.navai.search import Search
from speechlrp.timing.exactness import ALL, coverage_table, error_table, timing_table
from speechlrp.timing.linking import Truth, linked_frames


def known_truth(context: Context, search: Search) -> Truth | None:
    """The known times that alignments are measured by, or None where there are none.

    Only frames of letters are measured: other classes leave some of them out.
    """
    if context.config.navai.classes != "letters" or not has_times(context.config, "phoneme"):
        return None
    phonemes = phoneme_times(context, search.dataset)
    words = word_times(context.config, search.dataset, phonemes)
    return Truth(words, phonemes, search.width, search.dataset.clock)


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
