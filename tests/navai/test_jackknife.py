"""Errors by leaving groups out: against their definition, and against the truth."""

import numpy as np
import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.navai.average import Averages
from speechlrp.navai.pattern import patterns
from speechlrp.navai.specificity import halves, leave_one_out, specificity, standard_error

G = 5


def gathered(windows, classes, groups, only=None):
    """Sums of windows whose group is in `only`."""
    averages = Averages(("a", "b"), ("none",), 3, 4, groups=G)
    kept = torch.ones(len(groups), dtype=bool) if only is None else torch.isin(groups, only)
    steps = {"none": torch.full((int(kept.sum()),), 2)}
    averages.add(windows[kept], classes[kept], steps, groups=groups[kept])
    return averages


@pytest.fixture(scope="module")
def sample():
    generator = torch.Generator().manual_seed(0)
    windows = torch.randn(200, 3, 4, generator=generator, dtype=torch.float64)
    classes = torch.arange(200) % 2
    windows += classes[:, None, None]
    return windows, classes, torch.arange(200) // 2 % G


def test_leave_one_out_are_the_patterns_of_the_rest(sample):
    found = list(leave_one_out(gathered(*sample)))
    assert len(found) == G
    for group, pattern in enumerate(found):
        rest = torch.tensor([g for g in range(G) if g != group])
        expected = patterns(gathered(*sample, only=rest)).pattern
        np.testing.assert_allclose(pattern, expected, atol=1e-12)


def test_halves_are_the_patterns_of_every_second_group(sample):
    for part, pattern in enumerate(halves(gathered(*sample))):
        expected = patterns(gathered(*sample, only=torch.arange(part, G, 2))).pattern
        np.testing.assert_allclose(pattern, expected, atol=1e-12)


def test_of_a_mean_it_is_the_usual_error():
    values = np.random.default_rng(0).normal(size=(40, 3))
    replicates = (values.sum(0) - values) / 39
    usual = values.std(0, ddof=1) / np.sqrt(40)
    np.testing.assert_allclose(standard_error(replicates), usual)


def test_groups_are_needed():
    averages = Averages(("a",), ("none",), 3, 4)
    with pytest.raises(SpeechLRPError, match="2 groups of utterances; there are 0"):
        next(leave_one_out(averages))
    with pytest.raises(SpeechLRPError, match="there are 0"):
        halves(averages)


def _tables(seed):
    """Specificity of a letter whose burst is sharp with one alignment, and smeared with another."""
    generator = torch.Generator().manual_seed(seed)
    averages = Averages(("a", "b"), ("sharp", "wide"), 6, 21, groups=8)
    for group in range(8):
        windows = torch.randn(60, 6, 21, generator=generator, dtype=torch.float64)
        classes = torch.arange(60) % 2
        windows[:, :, 10] += 3 * (1 - 2 * classes[:, None])
        steps = {
            "sharp": torch.full((60,), 10),
            "wide": torch.randint(8, 13, (60,), generator=generator),
        }
        averages.add(windows, classes, steps, groups=torch.full((60,), group))
    return specificity(patterns(averages), averages, 10.0 * np.arange(-10, 11), within_s=0.08)


def test_the_alignment_that_is_right_is_the_most_specific_by_more_than_its_error():
    table, whole = _tables(0)
    sharp, wide = whole.set_index("alignment").loc[["sharp", "wide"]].itertuples()
    assert sharp.classes == sharp.narrowest == sharp.most_energy == 2
    assert wide.narrowest == wide.most_energy == 0
    assert sharp.effective_ms == pytest.approx(10, rel=0.1)
    gap = sharp.energy - wide.energy
    assert gap > 3 * (sharp.energy_error**2 + wide.energy_error**2) ** 0.5
    assert sharp.reliability > wide.reliability > 0.5
    assert (table.nearest == ["b", "b", "a", "a"]).all()
    assert (table.similarity < -0.5).all()


def test_the_error_of_the_energy_is_its_spread_over_samples():
    tables = [_tables(seed)[0] for seed in range(30)]
    energy = np.array([t.energy for t in tables])
    claimed = np.array([t.energy_error for t in tables])
    np.testing.assert_allclose(claimed.mean(0), energy.std(0, ddof=1), rtol=0.35)


def test_too_few_frames_for_any_number_leave_the_columns_there(sample):
    few = gathered(*(values[:8] for values in sample))
    _, whole = specificity(patterns(few), few, 10.0 * np.arange(-2, 2))
    assert whole.classes.tolist() == whole.narrowest.tolist() == [0]
    unknown = ["energy", "energy_error", "effective_ms_error", "reliability"]
    assert whole[unknown].isna().all(axis=None)
