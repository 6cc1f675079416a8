"""Explanations of a class's frames, summed in one pass; and laid along an utterance.

Shapes: ``B`` windows, ``F`` bands, ``W`` steps of a window, ``T`` frames of an utterance, ``C``
classes, ``V`` symbols. The maps of a pass hold ``"relevance"`` ``[B, F, W]`` and
``"output"``, the scores of all symbols ``[B, V]``.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from speechlrp.navai.average import Averages
from speechlrp.navai.batches import Part
from speechlrp.navai.focus import PLACES, Numbers, focus
from speechlrp.navai.frames import Frames

RELEVANCE, OUTPUT = "relevance", "output"
NUMBERS = ("logit", "probability", "promised", "gap", *PLACES)
"""Of each frame: score and softmax probability of its symbol, what its relevance should add up
to and by how much it fails to, and the numbers of `focus`."""
KINDS = ("signed", "absolute", "share")

Maps = Mapping[str, Tensor]


class RelevancePart(Part):
    """Sums of the maps of each class: as they are, absolute, and each frame's shares.

    A frame's shares are its absolute relevance divided by their sum, so that every frame
    weighs the same; a frame without any relevance has none.

    Args:
        classes: their names.
        bands: ``F``.
        width: ``W``.
        device: where the sums are.
    """

    def __init__(
        self, classes: Sequence[str], bands: int, width: int, device: torch.device | str = "cpu"
    ) -> None:
        size = (classes, ("none",), bands, width)
        self.averages = {
            kind: Averages(*size, by_run=kind == "signed", device=device) for kind in KINDS
        }
        sums = {f"{k}.{n}": s for k, a in self.averages.items() for n, s in a.arrays.items()}
        super().__init__(sums)

    def add(self, batch: Frames, maps: Maps, steps: Mapping[str, Tensor]) -> None:
        """Add a batch of maps."""
        relevance = maps[RELEVANCE]
        size = relevance.abs()
        total = size.sum((1, 2), keepdim=True)
        share = size / torch.where(total > 0, total, 1)
        for kind, values in zip(KINDS, (relevance, size, share), strict=True):
            self.averages[kind].add(values, batch.classes, steps, batch.runs)

    def means(self, kind: str) -> np.ndarray:
        """Mean maps ``[C, F, W]``, float64; NaN for a class without frames."""
        arrays = self.averages[kind].arrays
        counts = arrays["counts"].cpu().numpy()[:, 0, None].astype(float)
        return arrays["sums"].cpu().numpy()[:, 0] / np.where(counts > 0, counts, np.nan)


class NumbersPart(Part):
    """Means and deviations of `NUMBERS` by class.

    Args:
        classes: how many.
        offset_ms: of the steps from the window's centre ``[W]``.
        promised: output ``[B, V]`` and symbols ``[B]`` -> what relevance should add up to
            ``[B]``, or None.
    """

    def __init__(
        self,
        classes: int,
        offset_ms: np.ndarray,
        promised: Callable[[Tensor, Tensor], Tensor | None],
    ) -> None:
        self.numbers = Numbers(classes, NUMBERS)
        super().__init__(self.numbers.arrays)
        self.offset_ms = torch.from_numpy(np.asarray(offset_ms, float))
        self._promised = promised

    def add(self, batch: Frames, maps: Maps, steps: Mapping[str, Tensor]) -> None:
        """Add a batch."""
        relevance, output = maps[RELEVANCE], maps[OUTPUT]
        numbers = focus(relevance, self.offset_ms.to(relevance.device))
        numbers |= scored(output, batch.symbols)
        promised = self._promised(output, batch.symbols)
        numbers["promised"] = numbers["sum"] * torch.nan if promised is None else promised
        numbers["gap"] = numbers["sum"] - numbers["promised"]
        self.numbers.add(batch.classes, numbers)


def scored(output: Tensor, symbols: Tensor) -> dict[str, Tensor]:
    """Score and softmax probability of the symbols ``[B]`` in an output ``[B, V]``."""
    places = symbols[:, None]
    values = {"logit": output, "probability": output.softmax(1)}
    return {name: one.gather(1, places)[:, 0] for name, one in values.items()}


def lay(
    relevance: Tensor, starts: Sequence[int], frames: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lay the maps of an utterance's windows where they belong, and add up what overlaps.

    Each map of ``[B, F, W]`` counts as its share of its absolute sum, from its window's first frame
    on ``[B]``. Gives signed and absolute sums ``[T, F]``, float64, and the windows over each frame
    ``[T]``, int32.
    """
    values = relevance.detach().cpu().double().numpy()
    total = np.abs(values).sum((1, 2), keepdims=True)
    values = values / np.where(total > 0, total, 1)
    width = values.shape[2]
    signed, absolute = (np.zeros((frames, values.shape[1])) for _ in range(2))
    windows = np.zeros(frames, np.int32)
    for one, start in zip(values, starts, strict=True):
        place = slice(int(start), int(start) + width)
        signed[place] += one.T
        absolute[place] += np.abs(one).T
        windows[place] += 1
    return signed, absolute, windows


def profile(relevance: Tensor) -> np.ndarray:
    """How the absolute relevance of each window ``[B, F, W]`` spreads in time ``[B, W]``, sum 1."""
    course = relevance.detach().abs().sum(1, dtype=torch.float64)
    total = course.sum(1, keepdim=True)
    return (course / torch.where(total > 0, total, 1)).cpu().numpy().astype(np.float32)


def band_table(part: RelevancePart, frequency: np.ndarray, limits: Sequence[float]) -> pd.DataFrame:
    """A row a class and frequency band: what share of absolute relevance falls there.

    A range between the rising limits in Hz holds its lower one, the last both; ``frequency`` is of
    the bands in Hz ``[F]``.

    Returns:
        Columns class, band_low_hz, band_high_hz, share_of_bins (0..1), share (mean over the
        frames), mean and mean_absolute (of a bin).
    """
    share, mean, size = (part.means(k) for k in ("share", "signed", "absolute"))
    rows = []
    for c, name in enumerate(part.averages["share"].classes):
        for low, high in pairwise(limits):
            last = (high == limits[-1]) & (frequency == high)
            inside = (frequency >= low) & ((frequency < high) | last)
            row = {"class": name, "band_low_hz": low, "band_high_hz": high}
            row |= {"share_of_bins": inside.mean(), "share": share[c, inside].sum()}
            for key, values in (("mean", mean), ("mean_absolute", size)):
                row[key] = values[c, inside].mean() if inside.any() else np.nan
            rows.append(row)
    return pd.DataFrame(rows)


def lag_table(part: RelevancePart, offset_ms: np.ndarray) -> pd.DataFrame:
    """A row a class and step of the window: what falls there, summed over bands.

    Returns:
        Columns class, offset_ms (from the window's centre), share, mean and mean_absolute.
    """
    names = part.averages["share"].classes
    index = pd.MultiIndex.from_product([names, offset_ms], names=["class", "offset_ms"])
    kinds = {"share": "share", "mean": "signed", "mean_absolute": "absolute"}
    columns = {name: part.means(kind).sum(1).ravel() for name, kind in kinds.items()}
    return pd.DataFrame(columns, index=index).reset_index()


def letter_table(classes: Sequence[str], part: RelevancePart, numbers: Numbers) -> pd.DataFrame:
    """A row a class, and one of all frames.

    Returns:
        Columns class, frames, runs, without_relevance (frames whose relevance is 0 throughout), and
        of each number that there is its mean over the frames and standard deviation (``_sd``).
    """
    arrays = {k: a.cpu().numpy() for k, a in part.averages["signed"].arrays.items()}
    frames, centre = arrays["frames"], arrays["counts"].shape[2] // 2
    counts = {"frames": frames, "runs": arrays["runs"][:, 0, centre]}
    known = numbers.arrays["counts"][:, numbers.names.index("centre_ms")].long().numpy()
    counts["without_relevance"] = frames - known
    table = {name: np.append(values, values.sum()) for name, values in counts.items()}
    for mean, spread, name in zip(*(m.T for m in numbers.means()), numbers.names, strict=True):
        table |= {name: mean, f"{name}_sd": spread}
    return pd.DataFrame({"class": [*classes, "all"], **table}).dropna(axis=1, how="all")
