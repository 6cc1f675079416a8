"""From files to features, in parallel.

Shapes: n windows of a unit, F bins, T frames, L samples of a window, N samples.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from speechlrp.audio.artefacts import Change, Copies
from speechlrp.audio.log_mel import LogMelSettings
from speechlrp.audio.mixing import Mixed
from speechlrp.audio.parallel import ordered_map
from speechlrp.audio.reading import read
from speechlrp.audio.resampling import one_channel, resample_many
from speechlrp.audio.windows import WindowSettings, cut, level_db, place
from speechlrp.errors import RecordingError, SpeechLRPError

Unit = Sequence[tuple[str, Path]]


COLUMNS = ("id", "start_s", "onset_s", "duration_s")
CONDITION = ("condition", "snr_db", "mixed_in")
RECORDING = ("id", "seconds", "segments", "level_db", "short", "quiet", "surplus", "padded_s")


@dataclass(frozen=True)
class FeatureBatch:
    """The features of one unit of recordings."""

    features: np.ndarray  # ``[n, 1, F, T]``, or of samples ``[n, 1, L]``; float32
    segments: pd.DataFrame
    """A row for each feature: ``id`` of the recording, ``start_s`` of the segment in it, and in the
    window ``onset_s`` and ``duration_s`` of what is not padding, in s. Where copies are asked for,
    also their ``condition`` (such as music; empty for the recording as it is), ``snr_db`` over the
    whole recording, and ``mixed_in``: the files."""
    rejected: list[tuple[str, str]]  # id and reason of each recording that gave nothing, in order
    dropped: dict[str, int] = field(default_factory=dict)
    """How many segments were left out, by reason: ``short``, ``quiet``, ``surplus``."""
    recordings: pd.DataFrame = field(default_factory=pd.DataFrame)
    """A row for each recording that was not rejected: ``id``, ``seconds``, the number of its
    ``segments``, the ``level_db`` of the loudest (power, re full scale), how many were left out as
    ``short``, ``quiet`` and ``surplus``, and ``padded_s``, by how much it is shorter than a
    window."""


def extract(
    units: Sequence[Unit],
    settings: WindowSettings,
    *,
    seed: int,
    workers: int,
    copies: Copies | None = None,
    change: Change | None = None,
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
        copies: of a recording, such as ``Conditions``. Every copy is cut and placed as the
            recording itself, whose segments alone decide what is too quiet; copies come after
            the unit's recordings.
        change: of a recording before it is cut, such as ``Artefacts``.

    Raises:
        SpeechLRPError: ``workers`` is below 1.
    """
    if workers < 1:
        raise SpeechLRPError(f"workers is {workers}; it must be at least 1")
    unit = partial(extract_unit, settings=settings, seed=seed, copies=copies, change=change)
    return ordered_map(unit, units, workers=workers)


def extract_unit(
    unit: Unit,
    settings: WindowSettings,
    *,
    seed: int,
    copies: Copies | None = None,
    change: Change | None = None,
) -> FeatureBatch:
    """Compute the features of one unit of recordings; arguments as in ``extract``."""
    reasons: dict[int, str] = {}
    waves = read_unit(unit, settings, reasons)
    windows: list[tuple[Tensor, tuple]] = []
    copied: list[tuple[Tensor, tuple]] = []
    dropped: Counter[str] = Counter()
    kept: list[dict[str, Any]] = []
    for place_in_unit in sorted(waves):
        name, wave = unit[place_in_unit][0], waves[place_in_unit]
        wave = change(wave, name) if change else wave
        try:
            segments, lost = cut(wave, settings)
        except RecordingError as error:
            reasons[place_in_unit] = str(error)
            continue
        dropped += lost
        kept.append(_about(name, wave, [s for _, s in segments], lost, settings))
        windows += _placed(name, wave, segments, settings, seed)
        for sound, mixed in copies(wave, name) if copies else ():
            copied += _placed(name, sound, segments, settings, seed, mixed)
    rows = [row for _, row in (*windows, *copied)]
    features = [
        _transform([window for window, _ in pairs], settings) for pairs in (windows, copied)
    ]
    return FeatureBatch(
        features=np.concatenate(features) if copied else features[0],
        segments=_table(rows, (*COLUMNS, *CONDITION) if copies else COLUMNS),
        rejected=[(unit[index][0], reasons[index]) for index in sorted(reasons)],
        dropped=dict(dropped),
        recordings=pd.DataFrame(kept, columns=RECORDING),
    )


def _placed(
    name: str,
    wave: Tensor,
    segments: list[tuple[int, Tensor]],
    settings: WindowSettings,
    seed: int,
    mixed: Mixed | None = None,
) -> list[tuple[Tensor, tuple]]:
    """Windows of a recording or copy, where the recording's segments are; each with its row."""
    placed = []
    for start, segment in segments:
        piece = wave[start : start + len(segment)]
        window, offset = place(piece, settings.length, seed=seed, name=name, start=start)
        samples = (start, offset, len(segment))
        row = (name, *(value / settings.rate for value in samples), *_condition(mixed))
        placed.append((window, row))
    return placed


def _about(
    name: str, wave: Tensor, segments: list[Tensor], lost: Counter, settings: WindowSettings
) -> dict[str, Any]:
    """A row of ``FeatureBatch.recordings``."""
    short = max(0, settings.length - len(wave)) if len(segments) == 1 else 0
    loudest = max(map(level_db, segments))
    reasons = [lost[reason] for reason in RECORDING[4:7]]
    facts = (name, len(wave) / settings.rate, len(segments), loudest, *reasons)
    return dict(zip(RECORDING, (*facts, short / settings.rate), strict=True))


def read_unit(
    unit: Unit, settings: WindowSettings | LogMelSettings, reasons: dict[int, str]
) -> dict[int, Tensor]:
    """Read and resample what can be read: place in the unit -> ``[N]``; fills ``reasons``."""
    by_rate: dict[int, dict[int, Tensor]] = {}
    for index, (_, path) in enumerate(unit):
        try:
            wave, rate = read(path, longest_s=settings.longest_s)
            mixed = one_channel(wave, settings.channel)
        except RecordingError as error:
            reasons[index] = str(error)
        else:
            by_rate.setdefault(rate, {})[index] = mixed
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


def _condition(mixed: Mixed | None) -> tuple[str, float, str]:
    """What the columns ``CONDITION`` hold of a copy; of the recording itself for None."""
    if mixed is None:
        return "", float("nan"), ""
    return mixed.kind, mixed.snr_db, "; ".join(f"{f.parent.name}/{f.name}" for f in mixed.files)


def _table(rows: list[tuple], names: Sequence[str]) -> pd.DataFrame:
    """A column for each name of as many values of every row."""
    values = list(zip(*rows, strict=True)) or [()] * len(names)
    text = ("id", "condition", "mixed_in")
    return pd.DataFrame(
        {
            name: pd.array(column, dtype="str") if name in text else np.array(column, np.float64)
            for name, column in zip(names, values, strict=False)
        }
    )
