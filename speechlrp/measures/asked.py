"""The network behind some maps, for measures that ask it again.

Shapes: ``N`` recordings, ``P`` bins each, ``n`` ways to change a recording.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from speechlrp.explainers.base import Explainer
from speechlrp.explainers.chunks import chunks, generators
from speechlrp.explainers.question import answers, ask, explaining

SLOPE = "per unit of the input"
"""How the units end of explainers whose numbers are slopes."""


@dataclass(frozen=True)
class Asked:
    """What was explained, and by whom.

    Attributes:
        explainer: whose maps.
        model: of differences from the explanation's reference.
        inputs: ``[N, ...]``, such differences: a bin of 0 is what stands for no information.
        target: classes ``[N]``.
        relevance: shaped like the inputs.
        probability: what makes the target's probability of logits, ``"sigmoid"`` or
            ``"softmax"``.
        seed: of what is drawn.
        pass_size: inputs that go through the model at once.
    """

    explainer: Explainer
    model: nn.Module
    inputs: Tensor
    target: Tensor
    relevance: Tensor
    probability: str
    seed: int = 1
    pass_size: int = 64

    @property
    def start(self) -> str:
        """The quantity that was explained; the logit where it is 1 by definition."""
        return "logit" if self.explainer.start == "one" else self.explainer.start

    def said(self, inside: Tensor) -> Tensor:
        """What sets of bins add, as the map says, ``[n, N]``: a slope counts times its input.

        Args:
            inside: bool ``[n, N, P]``.
        """
        bins = self.relevance.double().flatten(1)
        if self.explainer.units.endswith(SLOPE):
            bins = bins * self.inputs.double().flatten(1)
        return torch.stack([(bins * one).sum(1) for one in inside])  # all at once fill the memory

    def falling(self) -> Tensor:
        """Bins by falling relevance ``[N, P]``; between equal ones it is drawn."""
        flat = self.relevance.flatten(1)
        draws = generators(self.inputs, self.seed)
        drawn = torch.stack([self.drawn(flat[:1].shape[1], g) for g in draws])
        order = flat.gather(1, drawn).argsort(dim=1, descending=True, stable=True)
        return drawn.gather(1, order)

    def drawn(self, count: int, generator: torch.Generator) -> Tensor:
        """A permutation on the inputs' device."""
        return torch.randperm(count, generator=generator, device=self.inputs.device)

    def scaled(self, factors: Tensor, start: str) -> tuple[Tensor, Tensor]:
        """A quantity of the recordings, and of them with their bins scaled.

        Args:
            factors: of each bin ``[n, N, P]``: 0 removes it.
            start: the quantity: ``"logit"``, ``"sigmoid"`` or ``"softmax"``.

        Returns:
            ``[N]`` and ``[n, N]``, float64.
        """
        with explaining():
            inputs, _, question, whole = ask(self.model, self.inputs, self.target, start)
            parts = []
            for part in chunks(len(factors), len(inputs), self.pass_size):
                scales = factors[part.start : part.stop].unflatten(2, inputs.shape[1:])
                parts.append(answers(self.model, question, inputs * scales.to(inputs)))
            return whole.double(), torch.cat(parts).double()
