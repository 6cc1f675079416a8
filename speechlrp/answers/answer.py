"""What a network says of one recording, and what it rests on.

Shapes: F frequencies, T frames, K classes, N samples.
"""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from speechlrp.answers.saving import WRITERS, overview
from speechlrp.answers.sounds import path_of
from speechlrp.errors import SpeechLRPError

SHOWN = 3
"""Classes in a line about an answer."""
COSINE = "cosine"
"""The unit of what two voices share."""


@dataclass(frozen=True, repr=False, eq=False)
class Answer:
    """An explained recording."""

    name: str  # of the recording
    label: str  # the class that the network gives it, or what it writes
    probability: float  # of that class; of a recogniser, the mean over its letters
    probabilities: dict[str, float]  # of all classes; empty for a recogniser
    target: str  # what is explained, such as ``"female"`` or ``"female against male"``
    relevance: np.ndarray  # of every bin, ``[F, T]``; what speaks for the target is positive
    features: np.ndarray  # what the network saw, ``[F, T]``
    frequencies: np.ndarray  # of the rows in Hz, ``[F]``
    times: np.ndarray  # of the columns in s of the recording, ``[T]``; below 0 lies padding
    units: str  # of the relevance
    feature_units: str  # of the features
    explainer: str  # whose explanation it is
    bands_hz: tuple[float, ...]  # limits of the bands that `where` sums over
    samples: np.ndarray  # the recording ``[N]``, as the features were computed from it
    rate: int  # samples a second
    letters: pd.DataFrame = field(default_factory=pd.DataFrame)
    """Of a recogniser, a row a letter: letter, time_s, probability."""
    facts: dict[str, Any] = field(default_factory=dict)
    """More, such as the segments that it was cut into."""

    @cached_property
    def bands(self) -> pd.DataFrame:
        """Shares of the absolute and of the positive relevance in each band, a row a band.

        Relevance of samples has no bands.
        """
        if len(self.frequencies) == 1:
            return pd.DataFrame(columns=["band_hz", "absolute", "positive"])
        sums = {
            "absolute": np.abs(self.relevance).sum(1, dtype=float),
            "positive": self.relevance.clip(min=0).sum(1, dtype=float),
        }
        names = [f"{low:g}-{high:g}" for low, high in pairwise(self.bands_hz)]
        bands = np.digitize(self.frequencies, self.bands_hz[1:-1])
        table = pd.DataFrame(sums).groupby(bands).sum().reindex(range(len(names)), fill_value=0.0)
        table /= table.sum().replace(0.0, 1.0)
        return table.assign(band_hz=names)[["band_hz", "absolute", "positive"]]

    @cached_property
    def where(self) -> str:
        """Where the relevance lies, in words."""
        row, column = np.unravel_index(int(self.relevance.argmax()), self.relevance.shape)
        time, end = float(self.times[column]), len(self.samples) / self.rate
        around = "before" if time < 0 else "behind" if time > end else ""
        padding = f", in the padding {around} the recording" if around else ""
        if not len(self.bands):
            return f"most at {time:.3f} s{padding}"
        most = self.bands.iloc[int(self.bands.positive.argmax())]
        return (
            f"{most.positive:.0%} of what speaks for it in {most.band_hz} Hz, "
            f"most at {time:.2f} s and {self.frequencies[row]:.0f} Hz{padding}"
        )

    @property
    def certainty(self) -> str:
        """The probability in per cent; of a pair of voices their cosine."""
        if self.units == COSINE:
            return f"{COSINE} {self.probability:.3f}"
        return f"{self.probability:.1%}"

    def __repr__(self) -> str:
        return f"<Answer {self.describe()}>"

    def describe(self) -> str:
        """The answer in a line."""
        if self.letters is not None and len(self.letters):
            said = f"{self.label!r}, {len(self.letters)} letters"
        elif self.units == COSINE:
            said = f"{self.label}, {self.certainty}"
        else:
            order = sorted(self.probabilities.items(), key=lambda pair: -pair[1])[:SHOWN]
            said = ", ".join(f"{name} {value:.1%}" for name, value in order)
        return f"{self.name}: {said}; {self.target} by {self.explainer}: {self.where}"

    def plot(self) -> Any:
        """A figure of the relevance over the features, a matplotlib ``Figure``."""
        from speechlrp.report.heatmap import heatmap
        from speechlrp.report.panels import Panel

        title = f"{self.name}: {self.label} ({self.certainty}); explained: {self.target}"
        shown = overview(self)
        onset_s = max(0.0, -float(shown.times[0]))
        seconds = min(len(self.samples) / self.rate, float(np.ptp(shown.times)))
        panel = Panel(shown.features, shown.relevance, None, title, onset_s, seconds)
        axes, units = (self.frequencies, shown.times + onset_s), self.feature_units
        return heatmap(panel, *axes, units=units, relevance_units=self.units)

    def save(self, path: str | Path) -> Path:
        """Write the answer, in the format that the file's suffix names.

        Args:
            path: ``.npz`` (all arrays), ``.csv`` (a row a bin), ``.png``, ``.wav`` (what is
                relevant, alone), ``.TextGrid`` (a tier of relevance) or ``.html`` (to explore).

        Raises:
            SpeechLRPError: another suffix, or a place that cannot be written to.
        """
        path = path_of(path, "what an answer is saved as")
        write = {name.lower(): one for name, one in WRITERS.items()}.get(path.suffix.lower())
        if write is None:
            kinds = ", ".join(WRITERS)
            raise SpeechLRPError(f"{path.name}: an answer is saved as {kinds}, not {path.suffix!r}")
        try:
            write(self, path)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise SpeechLRPError(f"{path} cannot be written: {reason}") from error
        return path
