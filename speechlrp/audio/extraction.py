"""From files to features, in parallel.

Shapes: n windows of a unit, F bins, T frames, L samples of a window, N samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from speechlrp.audio.errors import RecordingError
from speechlrp.audio.parallel import ordered_map
from speechlrp.audio.reading import read
from speechlrp.audio.resampling import mono, resample_many
from speechlrp.audio.windows import WindowSettings, cut, level_db, place
from speechlrp.errors import SpeechLRPError

Unit = Sequence[tuple[str, Path]]


class Reading(Protocol):
    """What reading needs of the settings of any features; see ``WindowSettings``."""

    rate: int
    lowpass_width: int
    longest_s: float | None


COLUMNS = ("id", "start_s", "onset_s", "duration_s")
RECORDING = ("id", "seconds", "segments", "level_db", "short", "quiet", "surplus", "padded_s")


@dataclass(frozen=True)
class FeatureBatch:
    """The features of one unit of recordings.

    Attributes:
        features: ``[n, 1, F, T]``, float32.
        segments: a row for each feature: ``id`` of the recording, ``start_s`` of the segment
            in it, and in the window ``onset_s`` and ``duration_s`` of what is not padding, in s.
        rejected: id and reason of each recording that gave nothing, in order.
        dropped: how many segments were left out, by reason: ``short``, ``quiet``, ``surplus``.
        recordings: a row for each recording that was not rejected: ``id``, ``seconds``, the
            number of its ``segments``, the ``level_db`` of the loudest (power, re full scale),
            how many were left out as ``short``, ``quiet`` and ``surplus``, and ``padded_s``,
            by how much it is shorter than a window.
    """

    features: np.ndarray
    segments: pd.DataFrame
    rejected: list[tuple[str, str]]
    dropped: dict[str, int] = field(default_factory=dict)
    recordings: pd.DataFrame = field(default_factory=pd.DataFrame)


def extract(
    units: Sequence[Unit], settings: WindowSettings, *, seed: int, workers: int
) -> Iterator[FeatureBatch]:
    """Compute features, one batch for each unit of recordings, in order.

    Batches are computed ahead of the consumer, at most ``workers + 1`` of them, so memory
    stays bounded by the size of a unit. A recording that cannot be used is listed in its
    batch and never stops the run. Each window depends on the seed, the recording's id and
    its content alone.

    Args:
        units: for each unit the id and file of its recordings.
        settings: one of ``FEATURES``.
        seed: of the random placement.
        workers: threads.

    Raises:
        SpeechLRPError: ``workers`` is below 1.
    """
    if workers < 1:
        raise SpeechLRPError(f"workers is {workers}; it must be at least 1")
    return ordered_map(partial(extract_unit, settings=settings, seed=seed), units, workers=workers)


def extract_unit(unit: Unit, settings: WindowSettings, *, seed: int) -> FeatureBatch:
    """Compute the features of one unit of recordings; arguments as in ``extract``."""
    reasons: dict[int, str] = {}
    waves = read_unit(unit, settings, reasons)
    windows: list[Tensor] = []
    rows: list[tuple[str, float, float, float]] = []
    dropped: Counter[str] = Counter()
    kept: list[dict[str, Any]] = []
    for place_in_unit in sorted(waves):
        name, wave = unit[place_in_unit][0], waves[place_in_unit]
        try:
            segments, lost = cut(wave, settings)
        except RecordingError as error:
            reasons[place_in_unit] = str(error)
            continue
        dropped += lost
        kept.append(_about(name, wave, [s for _, s in segments], lost, settings))
        for start, segment in segments:
            window, offset = place(segment, settings.length, seed=seed, name=name, start=start)
            windows.append(window)
            samples = (start, offset, len(segment))
            rows.append((name, *(value / settings.rate for value in samples)))
    return FeatureBatch(
        features=_transform(windows, settings),
        segments=_table(rows),
        rejected=[(unit[index][0], reasons[index]) for index in sorted(reasons)],
        dropped=dict(dropped),
        recordings=pd.DataFrame(kept, columns=RECORDING),
    )


def _about(
    name: str, wave: Tensor, segments: list[Tensor], lost: Counter, settings: WindowSettings
) -> dict[str, Any]:
    """A row of ``FeatureBatch.recordings``."""
    short = max(0, settings.length - len(wave)) if len(segments) == 1 else 0
    loudest = max(map(level_db, segments))
    reasons = [lost[reason] for reason in RECORDING[4:7]]
    about = (name, len(wave) / settings.rate, len(segments), loudest, *reasons)
    return dict(zip(RECORDING, (*about, short / settings.rate), strict=True))


def read_unit(unit: Unit, settings: Reading, reasons: dict[int, str]) -> dict[int, Tensor]:
    """Read and resample what can be read: place in the unit -> ``[N]``; fills ``reasons``."""
    by_rate: dict[int, dict[int, Tensor]] = {}
    for index, (_, path) in enumerate(unit):
        try:
            wave, rate = read(path, longest_s=settings.longest_s)
        except RecordingError as error:
            reasons[index] = str(error)
        else:
            by_rate.setdefault(rate, {})[index] = mono(wave)
    waves: dict[int, Tensor] = {}
    for rate, group in by_rate.items():
        try:
            resampled = resample_many(
                list(group.values()), rate, settings.rate, settings.lowpass_width
            )
        except RecordingError as error:
            reasons.update(dict.fromkeys(group, str(error)))
        else:
            waves.update(zip(group, resampled, strict=True))
    return waves


def _transform(windows: list[Tensor], settings: WindowSettings) -> np.ndarray:
    if not windows:
        return np.zeros((0, 1, *settings.shape), np.float32)
    with torch.inference_mode():
        return settings.transform(torch.stack(windows)).numpy()


def _table(rows: list[tuple[str, float, float, float]]) -> pd.DataFrame:
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    ids = pd.array(columns[0], dtype="str")
    seconds = {
        name: np.array(values, np.float64)
        for name, values in zip(COLUMNS[1:], columns[1:], strict=True)
    }
    return pd.DataFrame({COLUMNS[0]: ids, **seconds})
