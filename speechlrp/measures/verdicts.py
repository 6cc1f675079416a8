"""What flipping shows, and how sure it is: differences with intervals, over speakers.

Recordings of one speaker succeed and fail together, so that speakers are drawn, not
recordings (where each has one recording, that is the same). Strategies are compared on the
same speakers: the draw is paired. Shapes: S speakers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd

FEWEST = 6
"""Speakers below which nothing is decided: five agree by chance in one case of sixteen."""

SAME = 1.0
"""Points of % below which a difference is none, however sure it is."""

SHOWN = 30.0
"""%, the end of the axis as it is drawn."""

DRAWS = 4000
Z95 = 1.959964
LINEAR_BELOW, LINEAR_PART = 0.1, 0.6
"""% of bins below which the drawn axis is linear, and the decades that this part is long."""


@dataclass(frozen=True)
class Interval:
    """A difference, and where it lies with 95 % confidence; NaN where that is unknown."""

    mean: float
    low: float
    high: float

    @property
    def known(self) -> bool:
        """Whether it has ends."""
        return not math.isnan(self.low)

    @property
    def sign(self) -> int:
        """1 or -1 where the interval lies on one side of 0 and the mean is `SAME` off, else 0."""
        if abs(self.mean) < SAME:
            return 0
        return int(self.low > 0) - int(self.high < 0)


UNKNOWN = Interval(math.nan, math.nan, math.nan)


@dataclass(frozen=True)
class Verdict:
    """Which order the strategies came in, and on what evidence."""

    order: tuple[tuple[str, float], ...]  # (strategy, mean accuracy in %) by rising accuracy
    differences: Mapping[tuple[str, str], Interval]
    """(lower, higher) strategy -> how much higher, in points of %."""
    n: int  # recordings
    speakers: int  # S
    holds: bool | None
    """True where ``lrp`` lies below ``random`` and ``lrp_rev``, and the latter not below
    ``random``; False where ``lrp_rev`` lies below ``lrp``; None: not decided."""

    @property
    def word(self) -> str:
        """The verdict in a word or two."""
        words = {True: "✓ order holds", False: "✗ order reversed", None: "not decided"}
        partly = self.differences.get(("lrp", "lrp_rev"), UNKNOWN).sign > 0 and self.holds is None
        return "order holds in part" if partly else words[self.holds]

    @property
    def text(self) -> str:
        """The order in one line, such as ``lrp 12 < random 88 ≈ lrp_rev 89``; "," is unknown."""
        words = " ".join(f"{name} {value:.0f}" for name, value in self.order[:1])
        for (before, _), (name, value) in zip(self.order, self.order[1:], strict=False):
            between = self.differences[before, name]
            sign = " <" if between.sign > 0 else " ≈" if between.known else ","
            words += f"{sign} {name} {value:.0f}"
        return words

    @property
    def evidence(self) -> str:
        """Such as ``lrp_rev - lrp: 77 (70 to 83); n 96, 6 speakers``."""
        counted = f"n {self.n}, {self.speakers} speaker{'s' * (self.speakers != 1)}"
        known = self.differences.get(("lrp", "lrp_rev"))
        if known is None:
            return counted
        words = f"lrp_rev - lrp: {known.mean:z.0f}"
        if self.speakers < FEWEST:
            return f"{words}; {counted}: fewer than {FEWEST}"
        return f"{words} ({known.low:z.0f} to {known.high:z.0f}); {counted}"


def judge(areas: pd.DataFrame) -> Verdict:
    """Judge the order of strategies that were flipped on the same recordings.

    Args:
        areas: rows strategy, speaker, n (its recordings) and area (its mean accuracy over the
            axis, 0 to 1; see `mean_height`); several rows of a strategy and a speaker are
            repeats. Speakers that not all strategies have are left out.
    """
    table = areas.pivot_table(index="speaker", columns="strategy", values="area").dropna() * 100
    weight = areas.groupby("speaker").n.first().loc[table.index].to_numpy(float)
    means = {name: float(np.average(table[name], weights=weight)) for name in table if weight.size}
    differences = {
        (low, high): paired_bootstrap((table[high] - table[low]).to_numpy(), weight)
        for low, high in permutations(means, 2)
    }
    signs = {pair: difference.sign for pair, difference in differences.items()}
    order = tuple(sorted(means.items(), key=lambda item: item[1]))
    return Verdict(order, differences, int(weight.sum()), len(table), _holds(signs))


def _holds(signs: Mapping[tuple[str, str], int]) -> bool | None:
    reversed_first = signs.get(("lrp", "lrp_rev"), 0)
    if reversed_first < 0:
        return False
    below_random = signs.get(("lrp", "random"), 1) > 0 and signs.get(("random", "lrp_rev"), 0) >= 0
    return True if reversed_first > 0 and below_random else None


def paired_bootstrap(
    differences: np.ndarray, weights: np.ndarray, *, draws: int = DRAWS
) -> Interval:
    """The weighted mean of speakers' differences, with its interval over speakers.

    Speakers are drawn with replacement. The percentiles are those of Hesterberg (2015),
    "What teachers should know about the bootstrap", section 5.3: further out than 2.5 and
    97.5 %, by what Student's distribution and the factor ``sqrt(S / (S - 1))`` ask for, since
    plain ones are too narrow with few speakers.

    Args:
        differences: of each speaker, [S].
        weights: such as its recordings, [S].
        draws: how many, always the same ones.

    Returns:
        NaN ends with fewer than `FEWEST` speakers.
    """
    count = len(differences)
    mean = float(np.average(differences, weights=weights)) if count else math.nan
    if count < FEWEST:
        return Interval(mean, math.nan, math.nan)
    drawn = np.random.default_rng(0).integers(count, size=(draws, count))
    total = weights[drawn].sum(axis=1)
    means = (differences * weights)[drawn].sum(axis=1) / total
    reach = math.sqrt(count / (count - 1)) * _student(count - 1)
    tail = 0.5 * math.erfc(reach / math.sqrt(2))
    low, high = np.quantile(means, [tail, 1 - tail])
    return Interval(mean, float(low), float(high))


def _student(freedom: int) -> float:
    """The 97.5 % point of Student's distribution: Cornish and Fisher's expansion, to 0.2 %."""
    z = Z95
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


def stretched(percent: np.ndarray) -> np.ndarray:
    """Where a share of bins lies on the axis as it is drawn, in decades.

    Linear below 0.1 %, a decade as long as the next above, so that what happens below 1 %,
    where a faithful order has done its work, counts for a third of the axis and not for a
    thirtieth.
    """
    percent = np.asarray(percent, dtype=float)
    linear = LINEAR_PART / (1 - 1 / 10)
    above = linear + np.log10(np.maximum(percent, LINEAR_BELOW) / LINEAR_BELOW)
    return np.where(percent > LINEAR_BELOW, above, percent / LINEAR_BELOW * linear)


def mean_height(percent: np.ndarray, accuracy: np.ndarray) -> float:
    """A curve's mean height over the axis as it is drawn: accuracy [K] at rising % of bins [K]."""
    shown = np.asarray(percent) <= SHOWN
    at, height = stretched(np.asarray(percent)[shown]), np.asarray(accuracy, dtype=float)[shown]
    width = at[-1] - at[0]
    return float(np.trapezoid(height, at) / width) if width > 0 else float(height.mean())


def speakers_areas(cells: pd.DataFrame, bins: int) -> pd.DataFrame:
    """The mean height of every speaker's curve.

    Args:
        cells: rows strategy, baseline, repeat, bins, speaker, n and correct; several rows of
            one speaker at one point are summed.
        bins: of a spectrogram.

    Returns:
        strategy, baseline, repeat, speaker, n, area (0 to 1).
    """
    points = cells.groupby(
        ["strategy", "baseline", "repeat", "speaker", "bins"], sort=False, as_index=False
    )[["n", "correct"]].sum()
    curves = points.groupby(["strategy", "baseline", "repeat", "speaker"], sort=False)
    rows = []
    for key, part in curves:
        curve = part.sort_values("bins")
        area = mean_height(curve.bins.to_numpy() / bins * 100, (curve.correct / curve.n).to_numpy())
        rows.append((*key, int(part.n.iloc[0]), area))
    return pd.DataFrame(rows, columns=["strategy", "baseline", "repeat", "speaker", "n", "area"])
