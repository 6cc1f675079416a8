"""Where in a window an explanation lies, in numbers, and their means by class.

Shapes: ``B`` windows, ``F`` bands, ``W`` steps of a window, ``C`` classes, ``Q`` numbers.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from speechlrp.errors import SpeechLRPError
from speechlrp.navai.gathered import Gathered

PLACES = (
    *("sum", "positive_share", "centre_ms", "distance_ms", "spread_ms", "effective_ms"),
    *("peak_ms", "effective_bins"),
)
"""The numbers of `focus`, in order."""


def focus(relevance: Tensor, offset_ms: Tensor) -> dict[str, Tensor]:
    """Where the absolute relevance of each window lies, and how it adds up.

    Args:
        relevance: of any explainer ``[B, F, W]``.
        offset_ms: of the steps from the window's centre in ms ``[W]``.

    Returns:
        Each ``[B]``, float64, NaN where a window has no relevance at all: ``sum`` (signed);
        ``positive_share`` of the absolute relevance. With ``e(t)``, the absolute relevance
        summed over bands, as weights: ``centre_ms``, the mean offset; ``distance_ms``, the
        mean distance from the window's centre; ``spread_ms``, the standard deviation about
        the mean offset; ``effective_ms``, ``hop (sum e)^2 / sum e^2`` (a box of that length
        has it). ``peak_ms``: offset of the bin of largest absolute relevance.
        ``effective_bins``: ``(sum |R|)^2 / sum R^2``, as many equal bins have it.

    Raises:
        SpeechLRPError: another shape, or values that are not finite.
    """
    if relevance.dim() != 3 or relevance.shape[2] != len(offset_ms):
        raise SpeechLRPError(
            f"relevance of windows must be [B, F, {len(offset_ms)}]; found {list(relevance.shape)}"
        )
    size = relevance.abs()
    course = size.sum(1, dtype=torch.float64)
    total = course.sum(1)
    if not total.isfinite().all():
        raise SpeechLRPError("relevance of windows must be finite")
    total = torch.where(total > 0, total, torch.nan)  # then all numbers below are NaN too
    signed = relevance.sum((1, 2), dtype=torch.float64)
    time = offset_ms.to(course)
    hop = (time[-1] - time[0]) / max(len(time) - 1, 1)
    centre = course @ time / total
    spread = (course * (time - centre[:, None]) ** 2).sum(1) / total
    peak = time[size.amax(1).argmax(1)] + 0 * total
    squares = relevance.square().sum((1, 2), dtype=torch.float64)
    squares = torch.where(squares > 0, squares, torch.nan)
    numbers = (
        *(signed + 0 * total, (1 + signed / total) / 2, centre, course @ time.abs() / total),
        *(spread.sqrt(), hop * total**2 / course.square().sum(1), peak, total**2 / squares),
    )
    return dict(zip(PLACES, numbers, strict=True))


class Numbers(Gathered):
    """Means and deviations of numbers of frames by class; NaN does not count.

    Args:
        classes: how many, ``C``.
        names: of the numbers.
    """

    def __init__(self, classes: int, names: Sequence[str]) -> None:
        self.names = tuple(names)
        shape = classes, len(self.names)
        kinds = ("counts", "sums", "squares")
        super().__init__({kind: torch.zeros(shape, dtype=torch.float64) for kind in kinds})

    def add(self, classes: Tensor, numbers: Mapping[str, Tensor]) -> None:
        """Add the numbers ``[B]`` of frames of these classes ``[B]``."""
        values = torch.stack([numbers[name].detach().cpu().double() for name in self.names], 1)
        known = values.isfinite()
        values = values.where(known, 0.0)
        for kind, terms in (("counts", known.double()), ("sums", values), ("squares", values**2)):
            self.arrays[kind].index_add_(0, classes.cpu(), terms)

    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation over the frames, each ``[C + 1, Q]``; last: all classes.

        NaN where there is no frame, or fewer than two for a deviation.
        """
        counts, sums, squares = (
            np.vstack([array, array.sum(0)]) for array in map(Tensor.numpy, self.arrays.values())
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = sums / counts
            spread = np.maximum(squares - counts * mean**2, 0) / (counts - 1)
        return mean, np.sqrt(np.where(counts > 1, spread, np.nan))
