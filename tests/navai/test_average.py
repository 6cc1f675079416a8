"""Sums against naive loops; shards, order and files."""

import numpy as np
import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.navai.alignment import NO_STEP
from speechlrp.navai.average import Averages

NAMES = ("none", "max-lrp")


def batch(size: int, width: int, seed: int):
    """Windows [size, 3, width] of classes 0 to 2, their steps and their runs."""
    generator = torch.Generator().manual_seed(seed)
    windows = torch.randn(size, 3, width, generator=generator)
    steps = {
        "none": torch.full((size,), width // 2),
        "max-lrp": torch.randint(NO_STEP, width, (size,), generator=generator),
    }
    runs = torch.randint(0, 2, (size,), generator=generator).cumsum(0) + 1000 * seed
    classes = (runs * 7 // 3) % 3
    return windows, classes, steps, runs


def empty(width: int = 6, **options) -> Averages:
    return Averages(("a", "b", "c", "never"), NAMES, 3, width, **options)


def naive(parts, width: int, crop: str, by_run: bool) -> dict[str, np.ndarray]:
    """The same sums by loops over single values."""
    bins, whole = (4, 2, 3, width), (4, 2, width)
    names = ["sums", "squares", *(["run_squares", "run_products"] if by_run else [])]
    sums = {name: np.zeros(bins) for name in names}
    counts = {n: np.zeros(whole, int) for n in ("counts", "runs", "run_counts", "keys")}
    frames = np.zeros(4, int)
    for windows, classes, steps, runs in parts:
        members = {}
        for n, run in enumerate(runs.tolist()):
            members.setdefault(run if by_run else n, []).append(n)
            frames[classes[n]] += 1
        for own in members.values():
            c = int(classes[own[0]])
            for a, name in enumerate(NAMES):
                for d in range(width):
                    there = [n for n in own if _kept(int(steps[name][n]), d, width, crop)]
                    counts["runs"][c, a, d] += bool(there)
                    counts["run_counts"][c, a, d] += len(there) ** 2
                    counts["counts"][c, a, d] += len(there)
                    counts["keys"][c, a, d] += sum(int(steps[name][n]) == d for n in own)
                    for f in range(3):
                        at = [int(steps[name][n]) + d - width // 2 for n in there]
                        values = [float(windows[n, f, t]) for n, t in zip(there, at, strict=True)]
                        sums["sums"][c, a, f, d] += sum(values)
                        sums["squares"][c, a, f, d] += sum(v * v for v in values)
                        if by_run:
                            sums["run_squares"][c, a, f, d] += sum(values) ** 2
                            sums["run_products"][c, a, f, d] += sum(values) * len(values)
    return sums | counts | {"frames": frames}


def _kept(step: int, d: int, width: int, crop: str) -> bool:
    at, offset = step + d - width // 2, d - width // 2
    if step < 0 or not 0 <= at < width:
        return False
    mirrored = step - offset  # the same distance on the other side; an even width has one more
    return crop == "shift" or 0 <= mirrored < width + (offset < 0 and width % 2 == 0)


def close(found: dict, expected: dict) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=1e-12, atol=1e-12, err_msg=name)
        assert found[name].dtype == (np.float64 if array.ndim == 4 else np.int64)


@pytest.mark.parametrize("width", [5, 6])
@pytest.mark.parametrize("crop", ["symmetric", "shift"])
@pytest.mark.parametrize("by_run", [True, False])
def test_sums_are_those_of_a_naive_loop(width, crop, by_run):
    parts = [batch(17, width, 1), batch(1, width, 2), batch(30, width, 3)]
    averages = empty(width, crop=crop, by_run=by_run)
    for part in parts:
        averages.add(*part)
    close(averages.state(), naive(parts, width, crop, by_run))


def test_without_runs_every_window_is_one():
    windows, classes, steps, _ = batch(20, 6, 1)
    averages = empty()
    averages.add(windows, classes, steps)
    state = averages.state()
    assert np.array_equal(state["runs"], state["counts"])
    assert np.array_equal(state["run_counts"], state["counts"])
    np.testing.assert_allclose(state["run_squares"], state["squares"])
    np.testing.assert_allclose(state["run_products"], state["sums"])


def test_shards_in_any_order_and_size_give_the_same():
    parts = [batch(n, 6, n) for n in (4, 9, 1, 16)]
    whole, shards = empty(), []
    for part in parts:
        whole.add(*part)
        shards.append(empty())
        shards[-1].add(*part)
    before = shards[0].state()
    states = [shard.state() for shard in shards]
    left, right = empty(), empty()
    for state in states:
        left.absorb(state)
    for state in reversed(states):
        right.absorb(state)
    for merged in (left, right):
        close(merged.state(), whole.state())
        for name, array in whole.state().items():
            if array.dtype == np.int64:
                assert np.array_equal(merged.state()[name], array)
    close(shards[0].state(), before)


def test_the_order_of_windows_does_not_matter_nor_does_how_runs_are_numbered():
    windows, classes, steps, runs = batch(40, 6, 5)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(0))
    one, other = empty(), empty()
    one.add(windows, classes, steps, runs)
    renamed = 999 - runs[order]
    other.add(windows[order], classes[order], {k: v[order] for k, v in steps.items()}, renamed)
    close(other.state(), one.state())


def test_small_numbers_are_not_lost_beside_many_large_ones():
    averages = Averages(("a",), ("none",), 1, 1)
    for _ in range(50):
        averages.add(
            torch.full((400, 1, 1), 1000.1),
            torch.zeros(400).long(),
            {"none": torch.zeros(400).long()},
        )
    expected = 20_000 * float(np.float32(1000.1))
    assert abs(float(averages.arrays["sums"]) / expected - 1) < 1e-12


def test_a_file_takes_the_arrays_and_gives_them_back(tmp_path):
    averages = empty()
    averages.add(*batch(12, 6, 1))
    np.savez(tmp_path / "a.npz", **averages.state())
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        back = empty().restore(dict(stored))
    close(back.state(), averages.state())
    back.add(*batch(3, 6, 2))
    assert back.state()["frames"].sum() == 15


def test_key_steps_at_the_edge_and_missing_ones_are_counted():
    averages = Averages(("a", "b"), NAMES, 3, 6)
    steps = torch.tensor([0, 5, 5, NO_STEP, 2, 0])
    classes = torch.tensor([0, 0, 1, 1, 1, 1])
    averages.add(torch.randn(6, 3, 6), classes, {"none": torch.full((6,), 3), "max-lrp": steps})
    assert averages.edges.tolist() == [[0, 2], [0, 2]]
    assert averages.without.tolist() == [[0, 0], [0, 1]]
    assert averages.arrays["frames"].tolist() == [2, 4]


def test_memory_stays_as_it_is():
    averages = empty()
    before = [array.data_ptr() for array in averages.arrays.values()]
    averages.add(*batch(500, 6, 1))
    averages.add(*batch(0, 6, 1))
    assert [array.data_ptr() for array in averages.arrays.values()] == before
    assert (
        sum(a.nbytes for a in averages.arrays.values()) == 4 * 2 * 6 * (3 * 4 * 8 + 4 * 8) + 4 * 8
    )


def test_windows_stay_as_they_are():
    windows, classes, steps, runs = batch(30, 6, 4)
    windows = windows.double()
    before = windows.clone()
    empty().add(windows, classes, steps, runs)
    assert torch.equal(windows, before)


def test_gradients_are_not_kept():
    windows, classes, steps, runs = batch(4, 6, 1)
    averages = empty()
    averages.add(windows.requires_grad_(), classes, steps, runs)
    assert not any(array.requires_grad for array in averages.arrays.values())


def test_what_does_not_fit_is_one_clear_line():
    windows, classes, steps, runs = batch(4, 6, 1)
    with pytest.raises(SpeechLRPError, match=r"finite and \[B, 3, 6\]; found \[4, 3, 5\]"):
        empty().add(windows[..., 1:], classes, steps, runs)
    with pytest.raises(SpeechLRPError, match="must be finite"):
        empty().add(windows / 0, classes, steps, runs)
    with pytest.raises(SpeechLRPError, match="stored sums do not fit"):
        empty().restore(empty(5).state())
