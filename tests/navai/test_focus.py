"""Where an explanation lies, in numbers: against windows whose numbers are known."""

import numpy as np
import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.navai.focus import PLACES, Numbers, focus

HOP = 8.0
MS = torch.arange(-3, 3) * HOP


def _one(values: dict[tuple[int, int], float]) -> dict[str, float]:
    relevance = torch.zeros(1, 2, 6)
    for (band, step), value in values.items():
        relevance[0, band, step] = value
    return {name: float(value) for name, value in focus(relevance, MS).items()}


def test_a_single_bin_is_where_it_is():
    found = _one({(1, 5): -0.5})
    assert found == {
        "sum": -0.5, "positive_share": 0, "centre_ms": 16, "distance_ms": 16, "spread_ms": 0,
        "effective_ms": HOP, "peak_ms": 16, "effective_bins": 1,
    }  # fmt: skip


def test_two_equal_bins_of_unlike_sign():
    found = _one({(0, 1): 2.0, (1, 5): -2.0})
    assert found["sum"] == 0
    assert found["positive_share"] == 0.5
    assert (found["centre_ms"], found["distance_ms"], found["spread_ms"]) == (0, 16, 16)
    assert (found["effective_ms"], found["effective_bins"]) == (2 * HOP, 2)


def test_evenly_spread_relevance_has_the_window_as_its_width():
    found = focus(torch.full((3, 2, 6), 0.1), MS)
    np.testing.assert_allclose(found["effective_ms"], 6 * HOP, rtol=1e-6)
    np.testing.assert_allclose(found["effective_bins"], 12, rtol=1e-6)
    np.testing.assert_allclose(found["distance_ms"], np.abs(MS.numpy()).mean(), rtol=1e-6)


def test_numbers_are_those_of_the_definition():
    relevance = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(0)).double()
    found = focus(relevance, MS)
    for one, window in enumerate(relevance.numpy()):
        weights = np.array([sum(abs(v) for v in window[:, t]) for t in range(6)])
        centre = np.average(MS.numpy(), weights=weights)
        spread = np.sqrt(np.average((MS.numpy() - centre) ** 2, weights=weights))
        flat = np.abs(window).ravel()
        expected = {
            "sum": window.sum(), "positive_share": window[window > 0].sum() / flat.sum(),
            "centre_ms": centre, "spread_ms": spread,
            "distance_ms": np.average(np.abs(MS.numpy()), weights=weights),
            "effective_ms": HOP * weights.sum() ** 2 / (weights**2).sum(),
            "peak_ms": MS.numpy()[flat.argmax() % 6],
            "effective_bins": flat.sum() ** 2 / (flat**2).sum(),
        }  # fmt: skip
        assert tuple(found) == PLACES
        for name, value in expected.items():
            np.testing.assert_allclose(float(found[name][one]), value, err_msg=name)


def test_a_window_without_relevance_has_no_numbers_and_does_not_count():
    found = focus(torch.stack([torch.zeros(2, 6), torch.ones(2, 6)]), MS)
    assert all(torch.isnan(values[0]) and torch.isfinite(values[1]) for values in found.values())
    numbers = Numbers(1, PLACES)
    numbers.add(torch.zeros(2, dtype=torch.int64), found)
    assert (numbers.arrays["counts"] == 1).all()


@pytest.mark.parametrize("relevance", [torch.ones(2, 6), torch.ones(1, 2, 5)])
def test_shapes_must_fit(relevance):
    with pytest.raises(SpeechLRPError, match="must be"):
        focus(relevance, MS)
    with pytest.raises(SpeechLRPError, match="finite"):
        focus(torch.full((1, 2, 6), torch.inf), MS)


def _filled(values: np.ndarray, classes: np.ndarray) -> Numbers:
    numbers = Numbers(3, ("x", "y"))
    numbers.add(torch.from_numpy(classes), {n: torch.from_numpy(values[:, i]) for i, n in
                                            enumerate(("x", "y"))})  # fmt: skip
    return numbers


def test_means_and_deviations_by_class_and_merged():
    generator = np.random.default_rng(0)
    values, classes = generator.normal(5, 2, (40, 2)), generator.integers(0, 2, 40)
    values[3, 0] = np.nan
    whole = _filled(values, classes)
    parts = [_filled(values[i::2], classes[i::2]) for i in range(2)]
    taken = Numbers(3, ("x", "y"))
    taken.restore(parts[0].state())
    taken.absorb(parts[1].state())
    for numbers in (whole, taken):
        mean, spread = numbers.means()
        for c in (0, 1):
            own = values[classes == c]
            np.testing.assert_allclose(mean[c], np.nanmean(own, 0))
            np.testing.assert_allclose(spread[c], np.nanstd(own, 0, ddof=1))
        np.testing.assert_allclose(mean[3], np.nanmean(values, 0))
        assert np.isnan(mean[2]).all()
        assert np.isnan(spread[2]).all()
