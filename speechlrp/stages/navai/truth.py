"""navai's check of its alignments: key steps against the known times of phonemes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from speechlrp.artifacts.atomic import write_bytes, write_csv
from speechlrp.data.spoken import Spoken
from speechlrp.errors import SpeechLRPError
from speechlrp.letters.vocabulary import LETTERS, SYMBOLS
from speechlrp.navai.frames import Frames, Tally
from speechlrp.pipeline.stage import Context
from speechlrp.pipeline.weights import weights_name
from speechlrp.report.style import figure_png
from speechlrp.report.truth import truth_figure
from speechlrp.stages.navai.gathering import Search
from speechlrp.stages.navai.times import (
    aligned_words,
    clock_of,
    has_times,
    phoneme_times,
    words_file,
)
from speechlrp.timing.errors import Timing
from speechlrp.timing.tables import ALL, coverage_table, error_table, timing_table
from speechlrp.timing.truth import Truth, words_of


class TruthPart:
    """Measures the key steps of each utterance once all its frames are there.

    Args:
        truth: the known times.
        timing: where errors are added up.
    """

    def __init__(self, truth: Truth, timing: Timing) -> None:
        self.truth, self.timing = truth, timing
        self._frames: list[pd.DataFrame] = []

    def add(self, batch: Frames, maps: Mapping, steps: Mapping) -> None:
        """Note letters, times and key steps of a batch."""
        table = batch.table()
        table["letter"] = [SYMBOLS[symbol] for symbol in table.symbol]
        found = {name: values.cpu().numpy() for name, values in steps.items()}
        self._frames.append(table.assign(**{f"step {name}": v for name, v in found.items()}))

    def end(self, tally: Tally) -> None:
        """Measure the utterances of a unit, and forget its frames."""
        frames, self._frames = self._frames, []
        for key, own in pd.concat(frames).groupby("id", sort=False) if frames else ():
            if key in self.truth:
                names = self.timing.alignments
                steps = {name: own[f"step {name}"].to_numpy() for name in names}
                self.timing.add(key, self.truth.places(own), steps)
            else:
                self.timing.skip()

    def state(self) -> dict[str, np.ndarray]:
        """The counted errors."""
        return self.timing.state()

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Take up counted errors."""
        self.timing.restore(state)

    def absorb(self, state: Mapping[str, np.ndarray]) -> None:
        """Add counted errors."""
        self.timing.absorb(state)


def truth_part(context: Context, spoken: Spoken, search: Search) -> TruthPart | None:
    """What measures the alignments, or None where no times of phonemes are known.

    Only frames of letters are measured: other classes leave some of them out.
    """
    if context.config.navai.classes != "letters" or not has_times(context.config):
        return None
    phonemes, clock = phoneme_times(context, spoken), clock_of(spoken)
    words = _words(context, spoken, phonemes)
    width, names = search.recogniser.model.receptive_field, tuple(search.alignments)
    truth = Truth(words, phonemes, width, clock)
    return TruthPart(truth, Timing(LETTERS, names, width, 1000 * clock.hop_s))


def write_truth(context: Context, part: TruthPart) -> None:
    """Write `truth.csv`, `truth_errors.csv`, `coverage.csv` and `truth.png`, and say the result."""
    timing, folder = part.timing, context.folder
    table, errors = timing_table(timing), error_table(timing)
    spelt = pd.concat([part.truth.letters(key) for key in part.truth.words if key in part.truth])
    coverage = coverage_table(timing, spelt)
    write_csv(folder / "coverage.csv", coverage)
    whole = coverage.set_index("letter").loc[ALL]
    context.note("letters_with_a_phoneme", float(whole.text_share))
    context.note("utterances_measured", int(timing.arrays["utterances"][0]))
    if table.empty:
        context.say("no frame has a letter that is in its text: the alignments are not measured")
        return
    write_csv(folder / "truth.csv", table)
    write_csv(folder / "truth_errors.csv", errors)
    frames = f"{int(whole.frames_linked):,} of {int(whole.frames):,} frames"
    where = f"{weights_name(context.config)} on {context.config.subset}"
    title = f"{where}: {frames} whose phoneme is known"
    figure = truth_figure(table, errors, title=title)
    write_bytes(folder / "truth.png", figure_png(figure))
    context.say(
        f"{whole.text_share:.1%} of the letters have a phoneme, and {frames} are linked to theirs"
    )
    for row in table[table.letter == ALL].itertuples():
        context.say(
            f"{row.alignment}: {row.median_ms:+.0f} ms from the phoneme's middle (median), "
            f"quartiles {row.iqr_ms:.0f} ms apart; within 50 ms {row.within_50:.1%}, "
            f"by chance {row.uniform_within_50:.1%}"
        )


def _words(context: Context, spoken: Spoken, phonemes: pd.DataFrame) -> pd.DataFrame:
    """Words and their times: id, word, start_s, end_s; where none are known, by spelling."""
    path = words_file(context.config)
    rows = spoken.table[spoken.table.id.isin(phonemes.id)]
    words = aligned_words(context.config, rows) if path is None else _read(path)
    words = words[words.id.isin(rows.id)]
    texts = dict(zip(rows.id, rows.transcript, strict=True))
    rest = phonemes[~phonemes.id.isin(words.id)]
    found = [words_of(texts[k], own).assign(id=k) for k, own in rest.groupby("id")]
    return pd.concat([words, *found])


def _read(path: Path) -> pd.DataFrame:
    columns = ["id", "word", "start_s", "end_s"]
    try:
        text = {"id": str, "word": str}
        return pd.read_csv(path, keep_default_na=False, usecols=columns, dtype=text)
    except (OSError, ValueError) as error:
        raise SpeechLRPError(
            f"{path} is no table of {', '.join(columns)} ({str(error).splitlines()[0]}); "
            "make it with `speechlrp synth ... --force`"
        ) from error
