"""How exact alignments are: bias, spread and shares of errors, how sure they are, and of how much.

Shapes: ``n`` errors, ``R`` repeats of the bootstrap over utterances, ``U`` utterances.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from speechlrp.letters.vocabulary import LETTERS
from speechlrp.timing.linking import LINKS, errors_by_chance, key_step_errors

WITHIN_MS = (20, 50, 100)
SHARES = ("inside", *(f"within_{ms}" for ms in WITHIN_MS))
MOMENTS = ("bias_ms", "std_ms", *SHARES)
QUARTILES = (0.25, 0.5, 0.75)
TAILS, ENDS = (0.025, 0.975), ("low", "high")
"""95 % lie between."""
ALL, CENTRED = "all", "all centred"
MEASURED, UNIFORM, SHUFFLED = "", "uniform_", "shuffled_"
Kinds = Mapping[str, pd.DataFrame]
"""Errors by where their steps come from: columns error_ms, rising, inside and weight."""
BIN_MS = 10
"""Of the distributions of errors."""
_OF_CHANCE = ("median_ms", "std_ms", "iqr_ms", *SHARES)


def timing_table(
    frames: pd.DataFrame,
    alignments: Sequence[str],
    width: int,
    hop_ms: float,
    repeats: int = 500,
) -> pd.DataFrame:
    """Bias and spread of each alignment, for each letter and for all.

    Args:
        frames: as `linked_frames` gives them.
        alignments: their names.
        width: steps of a window.
        hop_ms: from one step to the next.
        repeats: of the bootstrap.

    Returns:
        A row an alignment and letter that has frames, then for all letters (``"all"``) and
        for all with each letter's median taken off (``"all centred"``: what is left when
        constant shifts are mended). n (frames); bias_ms (mean error); median_ms; q25_ms and
        q75_ms; std_ms, iqr_ms (distance of the quartiles) and mad_ms (median distance from
        the median); inside (share of the frames whose key step lies between the phoneme's
        ends) and within_20, within_50, within_100 (share at most so many ms from its middle).
        ``_low`` and ``_high``: 95 % intervals by bootstrap over utterances. ``uniform_``: a
        step drawn evenly from the window; ``shuffled_``: the same key steps dealt anew over
        the frames of the letter; both exactly, as the mean of all such draws, to 1 ms.
        Letters that were matched wrongly move mean and std, and hardly the quantiles.
    """
    if frames.empty:
        return pd.DataFrame()
    frames = frames.assign(utterance=pd.factorize(frames.utterance, sort=True)[0])
    draws = resampled(frames.utterance.nunique(), repeats)
    rows = []
    for alignment in alignments:
        errors = key_step_errors(frames, alignment, hop_ms).assign(weight=1)
        letters = {
            letter: {
                MEASURED: measured.sort_values("error_ms"),
                UNIFORM: errors_by_chance(measured, np.arange(width), width, hop_ms),
                SHUFFLED: errors_by_chance(measured, measured.step.to_numpy(), width, hop_ms),
            }
            for letter, measured in errors.groupby("letter", observed=True)
        }
        if not letters:
            continue
        whole, centred = _joined(letters.values()), _joined(map(_centred, letters.values()))
        for letter, kinds in {**letters, ALL: whole}.items():
            bounds = intervals(kinds[MEASURED], draws)
            rows.append({"alignment": alignment, "letter": letter} | _numbers(kinds) | bounds)
        nothing = {name: np.nan for name in rows[-1] if "inside" in name}  # of moved errors
        rows.append({"alignment": alignment, "letter": CENTRED} | _numbers(centred) | nothing)
    return pd.DataFrame(rows)


def _numbers(kinds: Kinds) -> dict[str, float]:
    numbers = {"n": len(kinds[MEASURED])} | statistics(*_columns(kinds[MEASURED]))
    away = np.abs(kinds[MEASURED].error_ms.to_numpy() - numbers["median_ms"])
    numbers["mad_ms"] = float(np.quantile(away, 0.5, method="inverted_cdf"))
    for kind in (UNIFORM, SHUFFLED):
        chance = statistics(*_columns(kinds[kind]))
        numbers |= {f"{kind}{name}": chance[name] for name in _OF_CHANCE}
    return numbers


def _columns(errors: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return tuple(errors[name].to_numpy() for name in ("error_ms", "inside", "weight"))


def _joined(letters: Iterable[Kinds]) -> Kinds:
    """The errors of several letters as those of one."""
    parts = list(letters)
    return {k: pd.concat([part[k] for part in parts]).sort_values("error_ms") for k in parts[0]}


def _centred(kinds: Kinds) -> Kinds:
    """With the median of each kind taken off."""
    medians = {kind: statistics(*_columns(e))["median_ms"] for kind, e in kinds.items()}
    return {kind: e.assign(error_ms=e.error_ms - medians[kind]) for kind, e in kinds.items()}


def coverage_table(frames: pd.DataFrame, text: pd.DataFrame) -> pd.DataFrame:
    """How many letters have a phoneme, and how many frames could be linked to theirs.

    Args:
        frames: as `linked_frames` gives them.
        text: of all texts: letter and start_s (NaN: silent), as `Truth.letters` gives them.

    Returns:
        A row a letter, and ``"all"``: text_letters, text_silent (that spell no phoneme),
        text_share (with a phoneme); of what the network predicts frames and runs (frames
        that follow each other) in all, and of them _linked, _no_match (not in the text at
        this place: insertions and substitutions) and _silent; linked_share of the frames.
    """
    silent = text.start_s.isna().groupby(pd.Categorical(text.letter, LETTERS), observed=False)
    table = pd.DataFrame({"text_letters": silent.size(), "text_silent": silent.sum().astype(int)})
    runs = frames.drop_duplicates(["utterance", "run"])
    for name, rows in (("frames", frames), ("runs", runs)):
        counts = rows.groupby(["letter", "linked"], observed=False).size().unstack()
        table[name] = counts.sum(axis=1)
        for kind in LINKS:
            table[f"{name}_{kind.replace(' ', '_')}"] = counts[kind]
    table.loc[ALL] = table.sum()
    table.insert(2, "text_share", 1 - table.text_silent / table.text_letters.replace(0, np.nan))
    table["linked_share"] = table.frames_linked / table.frames.replace(0, np.nan)
    return table.rename_axis("letter").reset_index()


def error_table(frames: pd.DataFrame, alignments: Sequence[str], hop_ms: float) -> pd.DataFrame:
    """Distributions of the errors: alignment, letter, error_ms (middle of a bin), frames."""
    parts = [key_step_errors(frames, name, hop_ms).assign(alignment=name) for name in alignments]
    errors = pd.concat(parts)
    errors["alignment"] = pd.Categorical(errors.alignment, alignments)  # in this order
    errors["error_ms"] = (BIN_MS * np.rint(errors.error_ms / BIN_MS)).astype(int)
    where = ["alignment", "letter", "error_ms"]
    return errors.groupby(where, observed=True).size().rename("frames").reset_index()


def statistics(error: np.ndarray, inside: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    """Bias, spread and shares of errors in ms, rising ``[n]``: `MOMENTS`, median and quartiles.

    ``inside`` says whether each is inside, or what share of it ``[n]``; ``weight`` how often each
    occurs ``[n]``.
    """
    low, middle, high = quantiles(error, weight, QUARTILES)
    places = {"median_ms": middle, "q25_ms": low, "q75_ms": high, "iqr_ms": high - low}
    return _moments(_terms(error, inside) @ weight) | places


def _terms(error: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """What is added up for `_moments` ``[7, n]``."""
    within = (np.abs(error) <= ms for ms in WITHIN_MS)
    return np.stack([np.ones(len(error)), error, error**2.0, inside, *within])


def _moments(sums: np.ndarray) -> dict[str, np.ndarray]:
    """`MOMENTS` of sums ``[7, ...]``."""
    frames, error, square, *shares = sums
    mean = error / frames
    spread = np.sqrt(np.maximum(square / frames - mean**2, 0))
    return dict(zip(MOMENTS, (mean, spread, *(share / frames for share in shares)), strict=True))


def quantiles(rising: np.ndarray, weight: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """The least values that at least these shares of the weights do not exceed."""
    total = np.cumsum(weight)
    # a sum of weights such as 1/206 may just miss a share that it should meet
    return rising[np.searchsorted(total, np.asarray(shares) * total[-1] - 1e-9)]


def resampled(utterances: int, repeats: int) -> np.ndarray:
    """How often each utterance is drawn, with replacement, in each repeat ``[R, U]``."""
    even = np.full(utterances, 1 / utterances)
    return np.random.default_rng(0).multinomial(utterances, even, size=repeats)


def intervals(errors: pd.DataFrame, draws: np.ndarray) -> dict[str, float]:
    """Bounds of the middle 95 % of the repeats' statistics.

    Frames of an utterance are no independent errors, so utterances are drawn, as `resampled` says,
    not frames. Of error_ms, rising, inside and utterance (0 to U - 1); ``_low`` and ``_high`` of
    `MOMENTS`, median_ms and iqr_ms.
    """
    error, inside, utterance = (
        errors[name].to_numpy() for name in ("error_ms", "inside", "utterance")
    )
    sums = [np.bincount(utterance, term, draws.shape[1]) for term in _terms(error, inside)]
    draws = draws[draws @ sums[0] > 0]  # those that drew any of these errors
    repeats = _moments(np.stack(sums) @ draws.T)
    low, middle, high = np.transpose(
        [quantiles(error, draw[utterance], QUARTILES) for draw in draws]
    )
    repeats |= {"median_ms": middle, "iqr_ms": high - low}
    bounds = {name: np.quantile(values, TAILS) for name, values in repeats.items()}
    return {
        f"{n}_{end}": v for n, pair in bounds.items() for end, v in zip(ENDS, pair, strict=True)
    }
