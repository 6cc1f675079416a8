"""explain, where it is known when words and phonemes were said: what each of them holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from speechlrp.data.times import TIERS, has_times, read_times, spoken_in
from speechlrp.measures.segments import segments
from speechlrp.pipeline.stage import Context


def write_segments(
    context: Context,
    examples: pd.DataFrame,
    profiles: Sequence[np.ndarray],
    times: Sequence[np.ndarray],
) -> None:
    """Write `segments.csv`: a row a word or phoneme, with its times in its recording.

    Args:
        context: of the stage.
        examples: with id, source, path, speaker, start_s, onset_s and duration_s.
        profiles: of each, the absolute relevance of its frames `[T]`.
        times: of each, the middles of its frames in s `[T]`.
    """
    recordings = examples.drop(columns="id").rename(columns={"source": "id"})
    recordings = recordings.drop_duplicates("id")
    parts, name = [], context.config.explainer["name"]
    for tier in (tier for tier in TIERS if has_times(context.config, tier)):
        known = dict(iter(read_times(context.config, tier, recordings).groupby("id")))
        for one, profile, time in zip(examples.itertuples(), profiles, times, strict=True):
            if one.source in known and (spoken := spoken_in(known[one.source], one)):
                span = (one.onset_s, one.onset_s + one.duration_s)
                table = segments(profile, time, spoken, span)
                table[["start_s", "end_s"]] += one.start_s - one.onset_s
                parts.append(table.assign(recording=one.id, explainer=name, tier=tier))
    if parts:
        table = pd.concat(parts)
        first = ["recording", "explainer", "tier"]
        context.write(segments=table[[*first, *table.columns[:-3]]])
