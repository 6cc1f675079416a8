"""Gradient times input."""

from __future__ import annotations

from torch import Tensor, nn

from speechlrp.explainers.base import NOTHING, Explainer
from speechlrp.explainers.option_checks import check_choice
from speechlrp.explainers.question import STARTS, ask_gradient, explaining, finite
from speechlrp.lrp.start import Target


class GradientXInput(Explainer):
    """What each input adds to the linearised target: ``R_i = x_i d f / d x_i``.

    Of a network of ReLUs, max-pools and layers without bias it is LRP-0, and adds up to the
    output (Shrikumar et al. 2016; Ancona et al. 2018).

    Args:
        start: ``"logit"``, or the target's probability, ``"sigmoid"`` or ``"softmax"`` of
            the output.

    Raises:
        SpeechLRPError: a start that there is not.
    """

    units = property(lambda self: self.quantity)
    sums_to = NOTHING
    """The output for ReLUs without biases, where it is LRP-0; in general nothing."""

    def __init__(self, start: str = "logit") -> None:
        self.start = check_choice("start", start, STARTS)

    def explain(self, model: nn.Module, inputs: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """Explain a batch, by one forward and one backward pass; as ``Sensitivity.explain``."""
        with explaining():
            output, gradient = ask_gradient(model, inputs, target, self.start)
            return output, finite(gradient * inputs.detach())
