"""Occlusion: what the target loses when a patch of the input is taken away.

Shapes: ``B`` examples, ``F`` bins of frequency, ``T`` time frames, ``P x Q`` patches.
"""

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.base import NOTHING, Explainer, check_choice, check_two, check_whole
from speechlrp.explainers.preconditions import chunks
from speechlrp.explainers.question import STARTS, Question, answers, ask, explaining, finite
from speechlrp.lrp.start import Target


class Occlusion(Explainer):
    """``f(x) - f(x without a patch)`` for patches all over the input (T 3.17, 3.18).

    Each bin gets the mean over the patches that cover it. Needs no gradient, so it can
    explain any model; it sees what one patch does alone, and not what several do together.

    The passes are our own, and the tests hold them equal to captum's: they reach 0.97 to 1
    of the throughput of the forward passes in them on AlexNet and a small Wav2Letter, where
    captum's reach 0.94 and 0.90 and come in float32.

    Args:
        patch: height (bins of frequency) and width (frames) of a patch; one number: a square.
        stride: from one patch to the next; None: patches touch and do not overlap. The last
            one of a row or column is cut off where the input ends.
        baseline: what a bin becomes: a number, or a tensor that broadcasts against the
            inputs.
        start: what a difference is of: ``"logit"`` is T's f-diff, ``"sigmoid"`` or
            ``"softmax"`` of the output its P-diff.
        pass_size: inputs that go through the model at once; at least one patch of the
            batch does.

    Raises:
        SpeechLRPError: patch or stride are not one or two numbers from 1 on; a stride beyond its
            patch, which would leave gaps; a start that there is not.

    Source: Zeiler and Fergus 2014.
    """

    units = property(lambda self: self.quantity)
    sums_to = NOTHING

    def __init__(
        self,
        patch: Sequence[int] | int = (16, 16),
        stride: Sequence[int] | int | None = None,
        baseline: Tensor | float = 0.0,
        start: str = "logit",
        pass_size: int = 64,
    ) -> None:
        self.patch = check_two("patch", patch)
        self.stride = self.patch if stride is None else check_two("stride", stride)
        if any(step > size for step, size in zip(self.stride, self.patch, strict=True)):
            raise SpeechLRPError(
                f"explainer.stride {list(self.stride)} goes beyond the patch {list(self.patch)}, "
                "so that some bins would never be occluded"
            )
        self.baseline = baseline
        self.start = check_choice("start", start, STARTS)
        self.pass_size = check_whole("pass_size", pass_size)

    def explain(self, model: nn.Module, inputs: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """Explain a batch ``[B, ..., F, T]``, by a forward pass for each patch.

        As `Explainer.explain`; a patch covers what lies between ``B`` and ``F`` as a whole, which
        shares its loss equally, and a function as target is taken to be linear.

        Raises:
            SpeechLRPError: also where the inputs have no frequency and time, or fewer bins than
                a patch; where the baseline's shape does not fit.
        """
        with explaining():
            inputs, output, question, whole = ask(model, inputs, target, self.start)
            rows, columns = self._places(inputs.shape)
            without = self._without(model, question, inputs, list(product(rows, columns)))
            lost = (whole - without).T.unflatten(1, (len(rows), len(columns)))
            high, wide = (
                _covers(places, size).to(lost)
                for places, size in zip((rows, columns), inputs.shape[-2:], strict=True)
            )
            relevance = high.T @ lost @ wide / torch.outer(high.sum(0), wide.sum(0))
            parts = inputs.shape[1:-2]  # which are taken away together, and share what that costs
            relevance = relevance.view(len(inputs), *[1] * len(parts), *relevance.shape[1:])
            relevance = relevance / parts.numel()
            return output, finite(relevance.to(inputs).expand_as(inputs).contiguous())

    def _without(
        self, model: nn.Module, question: Question, inputs: Tensor, patches: list
    ) -> Tensor:
        """The answers ``[P Q, B]`` of the inputs without each of the patches."""
        base, parts = self.origin(inputs), []
        for part in chunks(len(patches), len(inputs), self.pass_size):
            variants = inputs.repeat(len(part), *[1] * inputs.dim())
            variants = variants.view(len(part), *inputs.shape)
            for variant, (row, column) in zip(
                variants, patches[part.start : part.stop], strict=True
            ):
                variant[..., row, column] = base[..., row, column]
            parts.append(answers(model, question, variants))
        return torch.cat(parts)

    def _places(self, shape: Sequence[int]) -> list[list[slice]]:
        """Where the patches begin and end, by frequency and by time."""
        if len(shape) < 3 or any(n < size for n, size in zip(shape[-2:], self.patch, strict=True)):
            raise SpeechLRPError(
                f"explainer.patch {list(self.patch)} does not fit inputs of shape {list(shape)}"
            )
        return [
            [
                slice(start, min(start + size, length))
                for start in range(0, length - size + step, step)
            ]
            for length, size, step in zip(shape[-2:], self.patch, self.stride, strict=True)
        ]


def _covers(places: list[slice], size: int) -> Tensor:
    """Which places cover which bins, ``[places, bins]``."""
    covers = torch.zeros(len(places), size)
    for row, place in zip(covers, places, strict=True):
        row[place] = 1
    return covers
