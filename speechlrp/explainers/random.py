"""Relevance without a reason: the control that every explainer must beat."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from speechlrp.explainers.chunks import ask, explaining, generators
from speechlrp.lrp.start import Target


class Random:
    """Gaussian noise, the same for the same example and seed whatever batch it is in.

    Args:
        seed: of the noise.
    """

    def __init__(self, seed: int = 1) -> None:
        self.seed = seed

    def explain(self, model: nn.Module, inputs: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """Give a batch relevance that knows nothing of the model; as ``Sensitivity.explain``."""
        with explaining():
            inputs, output, _ = ask(model, inputs, target, "logit")
            relevance = torch.empty_like(inputs)
            for one, generator in zip(relevance, generators(inputs, self.seed), strict=True):
                one.normal_(generator=generator)
            return output, relevance
