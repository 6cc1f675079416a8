"""CTC against the sum over all alignments, in float64."""

import itertools
import math

import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.models.wav2letter import Wav2Letter
from speechlrp.training.ctc import ctc, least_steps, output_steps

V, BLANK = 4, 3
CASES = [([0], 3), ([0, 1, 2], 4), ([0, 0], 4), ([1, 1, 1], 5), ([], 3), ([2, 0], 2), ([0, 0], 3)]


def summed(scores, target):
    """Minus the log of the probability of all paths that collapse to the target."""
    chances, total = scores.detach().double().softmax(0), 0.0
    for path in itertools.product(range(V), repeat=scores.shape[1]):
        said = [symbol for symbol, _ in itertools.groupby(path) if symbol != BLANK]
        if said == target:
            total += math.prod(float(chances[symbol, step]) for step, symbol in enumerate(path))
    return -math.log(total) if total else math.inf


def batch(cases, seed=0):
    longest = max(len(target) for target, _ in cases)
    targets = torch.tensor([target + [0] * (longest - len(target)) for target, _ in cases])
    lengths = torch.tensor([len(target) for target, _ in cases])
    steps = torch.tensor([steps for _, steps in cases])
    scores = torch.randn(len(cases), V, 6, generator=torch.Generator().manual_seed(seed))
    return scores.requires_grad_(), steps, targets, lengths


def test_losses_are_sums_over_all_alignments():
    scores, steps, targets, lengths = batch(CASES)
    found = ctc(scores.detach(), steps, targets, lengths, blank=BLANK)
    assert found.usable.all()
    for loss, row, (target, count) in zip(found.losses, scores, CASES, strict=True):
        assert float(loss) == pytest.approx(summed(row[:, :count], target), rel=1e-5)


def test_a_transcript_that_does_not_fit_is_told_and_has_no_gradient():
    cases = [([0, 1], 2), ([0, 0], 2), ([0, 1, 2], 2), ([1], 0), ([], 0)]
    scores, steps, targets, lengths = batch(cases)
    found = ctc(scores, steps, targets, lengths, blank=BLANK)
    assert found.usable.tolist() == [True, False, False, False, True]
    rows = zip(found.usable, found.losses.detach(), scores, cases, strict=True)
    for usable, loss, row, (target, count) in rows:
        expected = summed(row[:, :count], target)
        assert math.isfinite(expected) == usable
        assert float(loss) == pytest.approx(expected if usable else 0, rel=1e-5)
    found.losses.sum().backward()
    assert scores.grad.isfinite().all()
    assert scores.grad.flatten(1).any(1).tolist() == [True, False, False, False, False]


def test_none_fits():
    scores, steps, targets, lengths = batch([([0, 1], 1), ([0, 0], 2)])
    found = ctc(scores, steps, targets, lengths, blank=BLANK)
    assert not found.usable.any()
    found.losses.sum().backward()
    assert not scores.grad.any()


def test_what_is_behind_the_end_does_not_matter():
    scores, steps, targets, lengths = batch(CASES)
    with torch.no_grad():
        changed = scores.clone()
        for row, count in zip(changed, steps, strict=True):
            row[:, count:] = 100.0
        plain = ctc(scores, steps, targets, lengths, blank=BLANK).losses
        again = ctc(changed, steps, targets, lengths, blank=BLANK).losses
    torch.testing.assert_close(plain, again)


def test_half_precision_is_computed_in_single():
    scores, *rest = batch(CASES)
    half = scores.detach().bfloat16()
    found = ctc(half, *rest, blank=BLANK).losses
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, ctc(half.float(), *rest, blank=BLANK).losses)


def test_least_steps_count_equal_neighbours_within_the_length():
    targets = torch.tensor([[1, 1, 1, 0], [1, 2, 2, 2], [0, 0, 0, 0]])
    assert least_steps(targets, torch.tensor([3, 2, 0])).tolist() == [5, 2, 0]


@pytest.mark.parametrize("padding", ["same", "none"])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_steps_are_those_of_the_model(padding, stride):
    model = Wav2Letter(5, bands=2, width=2, wide=2, depth=1, kernels=(4, 3, 2), stride=stride)
    model.eval().padding = padding
    first = model.receptive_field if padding == "none" else 1
    frames = torch.arange(first, first + 12)
    expected = [model(torch.zeros(1, 2, int(n))).shape[2] for n in frames]
    field = model.receptive_field
    found = output_steps(frames, stride=stride, padding=padding, receptive_field=field)
    assert found.tolist() == expected
    short = output_steps(torch.tensor([0]), stride=2, padding="none", receptive_field=206)
    assert short.tolist() == [0]


def test_an_unknown_padding_is_refused():
    with pytest.raises(SpeechLRPError, match=r"unknown model\.padding 'valid'"):
        output_steps(torch.tensor([9]), stride=2, padding="valid", receptive_field=3)
