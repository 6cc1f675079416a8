"""Where relevance falls: frequency bands, speech against padding, the fundamental; how few bins.

N recordings, R regions, F frequency bins, T time frames, P bins of a recording. A recording's
positive share of a region is its positive relevance there over all its positive relevance;
negative likewise. Tables hold the mean over the recordings of a class.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from speechlrp.errors import SpeechLRPError
from speechlrp.measures.scores import in_bands


class Shares:
    """Collect the shares of many recordings, a few at a time.

    Args:
        frequency: of the bins, Hz `[F]`; a single one holds all frequencies, and no bands.
        time: centres of the frames, s `[T]`.
        half_window: half the length of a frame, s; a frame is padding when no
            sample of the recording lies in it.
        classes: names of the labels.
        bands: rising limits of frequency bands, Hz; the last band holds its end.
        f0: per class, the range of the fundamental in Hz.
    """

    def __init__(
        self,
        frequency: np.ndarray,
        time: np.ndarray,
        half_window: float,
        classes: Sequence[str],
        bands: Sequence[float],
        f0: Mapping[str, Sequence[float]],
    ) -> None:
        self.time, self.half_window, self.classes = time, half_window, list(classes)
        if len(frequency) == 1:
            bands, f0 = bands[:1], {}
        self.rows, self.bands = len(frequency), in_bands(frequency, bands)
        self.f0 = {
            f"f0 {name} ({low:g}-{high:g} Hz)": (frequency >= low) & (frequency <= high)
            for name, (low, high) in f0.items()
        }
        self._rows: list[tuple] = []

    def add(self, relevance: np.ndarray, table: pd.DataFrame) -> None:
        """Add N recordings: relevance `[N, 1, F, T]`; rows with label, onset_s and duration_s."""
        for one, row in zip(relevance, table.itertuples(), strict=True):
            name = self.classes[row.label]
            parts = np.stack([np.clip(one[0], 0, None), np.clip(one[0], None, 0)]).astype(float)
            total = parts.sum(axis=(1, 2))
            total[total == 0] = np.nan
            speech = self.time + self.half_window > row.onset_s
            speech &= self.time - self.half_window < row.onset_s + row.duration_s
            for region, (bins, frames) in self._regions(speech).items():
                inside = parts[:, bins][:, :, frames].sum(axis=(1, 2)) / total
                self._rows.append((name, region, bins.mean() * frames.mean(), *inside))

    def _regions(self, speech: np.ndarray) -> dict[Any, tuple[np.ndarray, np.ndarray]]:
        everywhere, all_bins = np.ones_like(speech), np.ones(self.rows, bool)
        bands = {band: (bins, everywhere) for band, bins in self.bands.items()}
        f0 = {name: (bins, everywhere) for name, bins in self.f0.items()}
        return {**bands, "speech": (all_bins, speech), "padding": (all_bins, ~speech), **f0}

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The means per class: by band (band_low_hz, band_high_hz), and by region."""
        columns = ["class", "region", "share_of_bins", "positive_share", "negative_share"]
        rows = pd.DataFrame(self._rows, columns=columns)
        means = rows.groupby(["class", "region"], sort=False, as_index=False).mean()
        is_band = means.region.map(lambda region: isinstance(region, tuple))
        bands = means[is_band].reset_index(drop=True)
        limits = pd.DataFrame(bands.pop("region").tolist(), columns=["band_low_hz", "band_high_hz"])
        bands = pd.concat([bands[["class"]], limits, bands.drop(columns="class")], axis=1)
        return bands, means[~is_band].reset_index(drop=True)


REGION = ("low_hz", "high_hz", "start_s", "end_s")
"""Limits of a region; NaN: there is none. Times are in s of the recording's file."""
_NONE = dict(zip(REGION, (-np.inf, np.inf, -np.inf, np.inf), strict=True))


def covered(
    regions: pd.DataFrame, table: pd.DataFrame, frequency: np.ndarray, time: np.ndarray
) -> np.ndarray:
    """Which bins lie in any of some regions, ``[N, F, T]`` of bool.

    A bin does where its middle is not below the lower limits and below the upper ones.

    Args:
        regions: R rows with the columns `REGION`.
        table: N rows with start_s and onset_s, see `FeatureBatch`.
        frequency: of the bins, Hz ``[F]``.
        time: middles of the frames, s of the window ``[T]``.
    """
    limits = (regions[name].fillna(none).to_numpy(float)[:, None] for name, none in _NONE.items())
    low, high, start, end = limits
    bins = (frequency >= low) & (frequency < high)
    shift = (table.start_s - table.onset_s).to_numpy(float)[:, None, None]
    frames = (time + shift >= start) & (time + shift < end)  # [N, R, T]
    return (bins[None, :, :, None] & frames[:, :, None, :]).any(1)


Part = tuple[np.ndarray, np.ndarray]


def concentration(parts: Iterable[Part], classes: Sequence[str]) -> pd.DataFrame:
    """Compare the relevance of the top bins with the decision that all bins add up to.

    Positive and negative relevance nearly cancel in many networks, so that a few bins
    hold as much as the whole decision: removing them turns it, to first order. That is
    what a steep flipping curve shows; it need not mean that the other bins are unused.

    Args:
        parts: some recordings at a time: relevance `[N, ...]` of P values each, labels `[N]`.
        classes: names of the labels.

    Returns:
        The median over the recordings of each class whose relevance adds up to more
        than 0: n; cancellation (the sum of absolute relevance over the sum), the share
        of the positive relevance in the top 1 % of bins, and bins_to_cancel (how many
        of the top bins hold as much relevance as the sum).

    Raises:
        SpeechLRPError: there are no parts.
    """
    tables = [_each(*part, classes) for part in parts]
    if not tables:
        raise SpeechLRPError("there is no recording whose relevance could be looked at")
    rows = pd.concat(tables, ignore_index=True)
    grouped = rows.groupby("class", sort=False)
    return grouped.median().assign(n=grouped.n.sum()).reset_index()


def _each(relevance: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    flat = relevance.reshape(len(relevance), -1).astype(np.float64)
    ranked = np.sort(flat, axis=1)[:, ::-1].cumsum(axis=1)
    net, positive = flat.sum(axis=1), np.clip(flat, 0, None).sum(axis=1)
    top = max(1, round(0.01 * flat.shape[1]))
    for_it = net > 0
    names = np.array([classes[label] for label in labels])
    net, positive, ranked, flat = (x[for_it] for x in (net, positive, ranked, flat))
    return pd.DataFrame(
        {
            "class": names[for_it],
            "n": 1,
            "cancellation": np.abs(flat).sum(axis=1) / net,
            "positive_in_top_1_percent": ranked[:, top - 1] / positive,
            "bins_to_cancel": (ranked < net[:, None]).sum(axis=1) + 1,
        }
    )
