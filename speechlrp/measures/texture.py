"""What one sees in a heat map by eye, as numbers: noise, checkerboard, mixed signs (T 6.3), spread.

All are ratios but complexity, so the unit and the scale of relevance do not matter. Shapes: ``N``
recordings, ``F`` bins of frequency, ``T`` frames, ``P = F T``. Of a map that is 0 throughout,
every number is undefined (NaN).
"""

import numpy as np
from torch import nn

from speechlrp.measures.scores import Maps, check_maps, share

NEIGHBOURHOOD = 3
"""Height and width of a neighbourhood in bins: a bin and the eight around it."""


def texture(maps: Maps) -> dict[str, np.ndarray]:
    """How concentrated, patterned and lopsided each map is."""
    relevance = maps.relevance
    return {
        "total_variation": total_variation(relevance),
        "entropy": entropy(relevance),
        "checkerboard_frequency": checkerboard(relevance, maps.period, axis=1),
        "checkerboard_time": checkerboard(relevance, maps.period, axis=2),
        "sign_mixing": sign_mixing(relevance),
    }


def total_variation(relevance: np.ndarray) -> np.ndarray:
    """Noise of maps ``[N, F, T]``: steps between neighbours over relevance, both absolute, ``[N]``.

    Near 0 where relevance changes slowly, ``4 / sqrt(2)`` of white noise, 4 where every bin
    differs in sign from its four neighbours, and where single bins stand out of nothing.

    Source: Rudin et al. 1992, in its anisotropic form.
    """
    relevance = check_maps(relevance)
    steps = sum(np.abs(np.diff(relevance, axis=axis)).sum(axis=(1, 2)) for axis in (1, 2))
    return share(steps, np.abs(relevance).sum(axis=(1, 2)))


def entropy(relevance: np.ndarray) -> np.ndarray:
    """How widely absolute relevance ``[N, F, T]`` spreads, ``[N]``.

    `complexity` as a share of the largest that there is: 0 if one bin has all of the relevance, 1
    if all have as much.
    """
    bins = np.prod(np.shape(relevance)[1:], dtype=int)
    return complexity(relevance) / max(np.log(bins), np.finfo(float).tiny)


def checkerboard(relevance: np.ndarray, period: int, axis: int) -> np.ndarray:
    """The share of a map's energy that repeats with a period along an axis, ``[N]``, 0..1.

    That is the energy of the Fourier components with 1, 2, ... ``period - 1`` waves in
    ``period`` bins; the bins that are left over at the end are not looked at. White noise
    has ``(period - 1) / bins``, a map that alternates in sign from bin to bin has 1 where
    the period is 2.

    Args:
        relevance: ``[N, F, T]``.
        period: bins from one step of a stride to the next; of 1, nothing can repeat: NaN.
        axis: 1 for frequency, 2 for time.

    Source: Odena et al. 2016 for the pattern that strides leave.
    """
    relevance = check_maps(relevance)
    whole = relevance.shape[axis] // max(period, 1) * period
    if period < 2 or not whole:
        return np.full(len(relevance), np.nan)
    cut = np.take(relevance, range(whole), axis=axis)
    other = 3 - axis
    energy = (np.abs(np.fft.fft(cut, axis=axis)) ** 2).sum(axis=other)
    waves = [whole // period * k for k in range(1, period)]
    return share(energy[:, waves].sum(axis=1), energy.sum(axis=1))


def sign_mixing(relevance: np.ndarray) -> np.ndarray:
    """How much relevance ``[N, F, T]`` of both signs cancels within neighbourhoods of 3 x 3 bins.

    ``1 - sum |sum R| / sum sum |R|``, inner sums over a neighbourhood, outer sums over all
    that lie inside the map. ``[N]``, 0..1: 0 if every neighbourhood is of one sign, 1 if each adds
    up to nothing; 2/3 of white Gaussian noise; NaN of a map smaller than a neighbourhood.
    """
    relevance = check_maps(relevance)
    if min(relevance.shape[1:]) < NEIGHBOURHOOD:
        return np.full(len(relevance), np.nan)
    net = np.abs(_neighbourhoods(relevance)).sum(axis=(1, 2))
    return 1 - share(net, _neighbourhoods(np.abs(relevance)).sum(axis=(1, 2)))


def _neighbourhoods(values: np.ndarray) -> np.ndarray:
    """The sums over all neighbourhoods ``[N, F - 2, T - 2]``."""
    sides = (NEIGHBOURHOOD, NEIGHBOURHOOD)
    return np.lib.stride_tricks.sliding_window_view(values, sides, (1, 2)).sum((-1, -2))


def first_stride(model: nn.Module) -> int:
    """The stride of the first layer that has one beyond 1; 1 if there is none.

    Layers count in the order in which the model holds them.
    """
    for module in model.modules():
        stride = getattr(module, "stride", None)
        steps = stride if isinstance(stride, tuple | list) else (stride,)
        largest = max((step for step in steps if isinstance(step, int)), default=1)
        if largest > 1:
            return largest
    return 1


def sparseness(maps: Maps) -> dict[str, np.ndarray]:
    """The Gini index and the complexity of every map."""
    return {"gini": gini(maps.relevance), "complexity": complexity(maps.relevance)}


def gini(relevance: np.ndarray) -> np.ndarray:
    """The Gini index ``[N]`` of absolute relevance ``[N, F, T]``.

    0 if all bins have as much, 1 - 1/P if one has all.

    Source: Chalasani et al. 2020; Hurley and Rickard 2009.
    """
    sizes = np.sort(_sizes(relevance), axis=1)
    count = sizes.shape[1]
    weights = 2 * np.arange(1, count + 1) - count - 1
    return share(sizes @ weights, count * sizes.sum(axis=1))


def complexity(relevance: np.ndarray) -> np.ndarray:
    """The entropy ``[N]`` of the shares of absolute relevance ``[N, F, T]``, in nats.

    0 if one bin has all, to ``ln P``. Source: Bhatt et al. 2020.
    """
    sizes = _sizes(relevance)
    p = share(sizes, np.broadcast_to(sizes.sum(axis=1, keepdims=True), sizes.shape))
    return -(p * np.log(p, out=np.zeros_like(p), where=p != 0)).sum(axis=1)


def _sizes(relevance: np.ndarray) -> np.ndarray:
    relevance = np.abs(check_maps(relevance).astype(np.float64))
    return relevance.reshape(len(relevance), int(np.prod(relevance.shape[1:])))
