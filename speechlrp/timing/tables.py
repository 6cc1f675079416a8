"""The table of how exact alignments are, from their counted errors."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pandas as pd

from speechlrp.timing.errors import COARSE_MS, COARSE_REACH, SUMS, WITHIN_MS, Timing
from speechlrp.timing.truth import LINKS

ALL, CENTRED = "all", "all centred"
LEVEL = 0.95
_OF_CHANCE = ("median_ms", "std_ms", "iqr_ms", "inside", *SUMS[4:])
_QUANTILES = ("median_ms", "iqr_ms")
_WITH_INTERVAL = ("bias_ms", "std_ms", "inside", *SUMS[4:])


def timing_table(timing: Timing) -> pd.DataFrame:
    """Bias and spread of each alignment, for each letter and for all.

    Args:
        timing: the counted errors.

    Returns:
        A row an alignment and letter that has frames, then for all letters (``"all"``) and
        for all with each letter's median taken off (``"all centred"``: what is left when
        constant shifts are mended). n (frames); bias_ms (mean error); median_ms; q25_ms and
        q75_ms; std_ms, iqr_ms (distance of the quartiles) and mad_ms (median distance from
        the median), the quantiles to 1 ms; inside (share of the frames whose key step lies
        between the phoneme's ends) and within_20, within_50, within_100 (share at most so
        many ms from its middle). ``_low`` and ``_high``: 95 % intervals by bootstrap over
        utterances (of quantiles to some ms). ``uniform_``: a step drawn evenly from the
        window; ``shuffled_``: the same key steps dealt anew over the frames of the letter;
        both exactly, as the mean of all such draws. Letters that were matched wrongly move
        mean and std, and hardly the quantiles.
    """
    rows = []
    for column, alignment in enumerate(timing.alignments):
        known = np.flatnonzero(timing.arrays["errors"][:, column].sum(1))
        parts = [_Part(timing, place, column) for place in known]
        for place, part in zip(known, parts, strict=True):
            about = {"alignment": alignment, "letter": timing.letters[place]}
            sums = timing.arrays["sums"][:, place, column]
            draws = timing.arrays["draws"][place, column]
            rows.append(about | part.numbers() | _intervals(sums) | _of_quantiles(draws))
        if parts:
            sums = timing.arrays["sums"][:, :, column].sum(1)
            whole = {"alignment": alignment, "letter": ALL} | reduce(_add, parts).numbers()
            draws = timing.arrays["draws"][:, column].sum(0)
            rows.append(whole | _intervals(sums) | _of_quantiles(draws))
            rest = reduce(_add, [part.centred() for part in parts]).numbers()
            inside = {name: np.nan for name in rest if "inside" in name}
            rows.append({"alignment": alignment, "letter": CENTRED} | rest | inside)
    return pd.DataFrame(rows)


class _Part:
    """Distributions of the errors of some letters: found, by even and by shuffled steps."""

    def __init__(self, timing: Timing, place: int, column: int) -> None:
        of = {k: v[place, column] for k, v in timing.arrays.items() if v.ndim == 3}
        self.sums = timing.arrays["sums"][0, place, column].copy()
        self.reach = timing.reach
        even = np.full(timing.width, of["steps"].sum() / timing.width)
        self.found = {"": of["errors"].astype(float)}
        self.inside = {"": self.sums[SUMS.index("inside")]}
        for name, steps in (("uniform_", even), ("shuffled_", of["steps"])):
            self.found[name] = _errors(steps, of["centres"], timing.hop_ms)
            begun = np.cumsum(of["first"] - of["after"])[:-1]
            self.inside[name] = (steps * begun).sum() / max(steps.sum(), 1)

    def centred(self) -> _Part:
        """With the median of each distribution taken off."""
        moved = object.__new__(_Part)
        moved.reach, moved.sums, moved.inside = self.reach, None, self.inside
        moved.found = {
            name: np.roll(counts, -round(_quantile(self.values, counts, 0.5)))
            for name, counts in self.found.items()
        }
        return moved

    @property
    def values(self) -> np.ndarray:
        return np.arange(-self.reach, self.reach + 1)

    def numbers(self) -> dict[str, float]:
        n = self.found[""].sum()
        found = {"n": round(n)} | self._of("")
        for name in ("uniform_", "shuffled_"):
            found |= {f"{name}{key}": v for key, v in self._of(name).items() if key in _OF_CHANCE}
        return found

    def _of(self, name: str) -> dict[str, float]:
        counts, values = self.found[name], self.values
        n = counts.sum()
        mean = (counts * values).sum() / n
        low, middle, high = (_quantile(values, counts, q) for q in (0.25, 0.5, 0.75))
        spread = np.sqrt((counts * (values - mean) ** 2).sum() / n)
        shares = {f"within_{ms}": counts[np.abs(values) <= ms].sum() / n for ms in WITHIN_MS}
        if name == "" and self.sums is not None:  # not rounded to bins
            mean, spread, *within = _moments(self.sums)
            shares = dict(zip(shares, within[1:], strict=True))
        distances = np.abs(values - middle)
        order = np.argsort(distances, kind="stable")
        mad = _quantile(distances[order], counts[order], 0.5)
        places = {"bias_ms": mean, "median_ms": middle, "q25_ms": low, "q75_ms": high}
        places |= {"std_ms": spread, "iqr_ms": high - low}
        return places | {"mad_ms": mad, "inside": self.inside[name] / n} | shares


def _add(one: _Part, other: _Part) -> _Part:
    both = object.__new__(_Part)
    both.reach = one.reach
    both.sums = None if one.sums is None else one.sums + other.sums
    both.found = {name: one.found[name] + other.found[name] for name in one.found}
    both.inside = {name: one.inside[name] + other.inside[name] for name in one.inside}
    return both


def _errors(steps: np.ndarray, centres: np.ndarray, hop_ms: float) -> np.ndarray:
    """Counts of errors where any frame may have any of the steps, ``[E]``.

    Both are counts of the same frames: ``steps`` ``[W]``, ``centres`` ``[E]``.
    """
    late = np.zeros(round(hop_ms * (len(steps) - 1)) + 1)
    np.add.at(late, np.rint(hop_ms * np.arange(len(steps))).astype(int), steps)
    full = np.convolve(late, centres[::-1])
    found = full[: len(centres)].copy()
    found[-1] += full[len(centres) :].sum()
    return found / max(steps.sum(), 1)


def _quantile(values: np.ndarray, counts: np.ndarray, share: float) -> float:
    """The least value that at least a share of the counts do not exceed."""
    total = np.cumsum(counts)
    return float(values[np.searchsorted(total, share * total[-1] - 1e-9)])


def _moments(sums: np.ndarray) -> np.ndarray:
    """Bias, standard deviation, inside and within ``[6, ...]`` of sums ``[..., 7]``."""
    frames, error, square, *shares = np.moveaxis(sums, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = error / frames
        spread = np.sqrt(np.maximum(square / frames - mean**2, 0))
        return np.stack([mean, spread, *(share / frames for share in shares)])


def _intervals(sums: np.ndarray) -> dict[str, float]:
    """Bounds of the middle 95 % of the repeats' numbers ``[R + 1, 7]``; NaN of one utterance."""
    drawn = sums[1:][sums[1:, 0] > 0]
    tails = (1 - LEVEL) / 2, (1 + LEVEL) / 2
    if len(drawn):
        low, high = np.quantile(_moments(drawn), tails, axis=1)
    else:
        low = high = np.full(len(_WITH_INTERVAL), np.nan)
    bounds = zip(_WITH_INTERVAL, low, high, strict=True)
    both = [{f"{name}_low": a, f"{name}_high": b} for name, a, b in bounds]
    return {name: value for one in both for name, value in one.items()}


def _of_quantiles(draws: np.ndarray) -> dict[str, float]:
    """Bounds of the repeats' medians and quartile distances, of ``[K, R]`` counts.

    Within a bin errors count as evenly spread.
    """
    draws = draws[:, draws.sum(0) > 0]
    if not draws.shape[1]:
        return dict.fromkeys([f"{n}_{end}" for n in _QUANTILES for end in ("low", "high")], np.nan)
    edges = COARSE_MS * (np.arange(len(draws) + 1) - COARSE_REACH - 0.5)
    total = np.vstack([np.zeros(draws.shape[1]), np.cumsum(draws, 0)])
    share = total / total[-1]
    found = [[np.interp(q, each, edges) for q in (0.25, 0.5, 0.75)] for each in share.T]
    low, middle, high = np.array(found).T
    tails = (1 - LEVEL) / 2, (1 + LEVEL) / 2
    bounds = {}
    for name, values in zip(_QUANTILES, (middle, high - low), strict=True):
        bounds[f"{name}_low"], bounds[f"{name}_high"] = np.quantile(values, tails)
    return bounds


def coverage_table(timing: Timing, letters: pd.DataFrame) -> pd.DataFrame:
    """How many letters have a phoneme, and how many frames could be linked to theirs.

    Args:
        timing: the counted errors.
        letters: of all texts: letter and start_s (NaN: silent), as `Truth.letters` gives them.

    Returns:
        A row a letter, and ``"all"``: text_letters, text_silent (that spell no phoneme),
        text_share (with a phoneme); of what the network predicts frames and runs (frames
        that follow each other) in all, and of them _linked, _no_match (not in the text at
        this place: insertions and substitutions) and _silent; linked_share of the frames.
    """
    named = pd.Categorical(letters.letter, timing.letters)
    silent = letters.start_s.isna()
    groups = silent.groupby(named, observed=False)
    table = pd.DataFrame({"text_letters": groups.size(), "text_silent": groups.sum().astype(int)})
    kinds = ("linked", *(kind.replace(" ", "_") for kind in LINKS[1:]))
    for name in ("frames", "runs"):
        table[name] = timing.arrays[name].sum(1)
        for place, kind in enumerate(kinds):
            table[f"{name}_{kind}"] = timing.arrays[name][:, place]
    table.loc[ALL] = table.sum()
    table.insert(2, "text_share", 1 - table.text_silent / table.text_letters.replace(0, np.nan))
    table["linked_share"] = table.frames_linked / table.frames.replace(0, np.nan)
    return table.rename_axis("letter").reset_index()


def error_table(timing: Timing, width_ms: int = 10) -> pd.DataFrame:
    """Distributions of the errors: alignment, letter, error_ms (middle of a bin), frames."""
    counts, reach = timing.arrays["errors"], timing.reach
    centre = np.rint(np.arange(-reach, reach + 1) / width_ms).astype(int)
    binned = np.zeros((*counts.shape[:2], centre[-1] - centre[0] + 1), np.int64)
    np.add.at(binned.transpose(2, 0, 1), centre - centre[0], counts.transpose(2, 0, 1))
    column, place, at = np.nonzero(binned.transpose(1, 0, 2))
    return pd.DataFrame(
        {
            "alignment": np.array(timing.alignments, object)[column],
            "letter": np.array(timing.letters, object)[place],
            "error_ms": (at + centre[0]) * width_ms,
            "frames": binned[place, column, at],
        }
    )
