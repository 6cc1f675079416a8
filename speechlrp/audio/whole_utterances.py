"""From files to features of whole utterances, in parallel.

Shapes: n utterances of a unit, T_i frames of each, F bands.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch

from speechlrp.audio.extraction import Unit, read_unit
from speechlrp.audio.log_mel import LogMelSettings
from speechlrp.audio.parallel import ordered_map
from speechlrp.errors import RecordingError, SpeechLRPError

COLUMNS = {"id": "str", "frames": "int64"} | dict.fromkeys(
    ("seconds", "mean_db", "deviation_db"), "float64"
)
"""Column of the table -> type."""


@dataclass(frozen=True)
class UtteranceBatch:
    """The features of one unit of recordings."""

    features: np.ndarray  # ``[sum T_i, F]``, float32, one utterance behind the other
    table: pd.DataFrame
    """A row for each utterance: ``id``, ``frames`` T_i, ``seconds`` of the recording, and the
    ``mean_db`` and ``deviation_db`` that were taken out of its levels."""
    rejected: list[tuple[str, str]]  # id and reason of each recording that gave nothing, in order


def extract_utterances(
    units: Sequence[Unit], settings: LogMelSettings, *, workers: int
) -> Iterator[UtteranceBatch]:
    """Compute features, one batch for each unit of recordings, in order.

    Batches are computed ahead of the consumer, at most ``workers + 1`` of them, so memory
    stays bounded by the size of a unit. A recording that cannot be used is listed in its
    batch and never stops the run.

    Args:
        units: for each unit the id and file of its recordings.
        settings: of the features.
        workers: threads.

    Raises:
        SpeechLRPError: ``workers`` is below 1.
    """
    if workers < 1:
        raise SpeechLRPError(f"workers is {workers}; it must be at least 1")
    return ordered_map(partial(extract_unit, settings=settings), units, workers=workers)


def extract_unit(unit: Unit, settings: LogMelSettings) -> UtteranceBatch:
    """Compute the features of one unit of recordings; arguments as in ``extract_utterances``."""
    reasons: dict[int, str] = {}
    waves = read_unit(unit, settings, reasons)
    parts, rows = [np.zeros((0, settings.bands), np.float32)], []
    for place in sorted(waves):
        wave = waves.pop(place)
        try:
            with torch.inference_mode():
                values, mean, deviation = settings.transform(wave)
        except RecordingError as error:
            reasons[place] = str(error)
            continue
        parts.append(values.numpy())
        rows.append((unit[place][0], len(values), len(wave) / settings.rate, mean, deviation))
    return UtteranceBatch(
        features=np.concatenate(parts),
        table=pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS),
        rejected=[(unit[index][0], reasons[index]) for index in sorted(reasons)],
    )
