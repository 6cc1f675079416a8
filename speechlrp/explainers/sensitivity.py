"""Sensitivity: the gradient of the target with respect to the input."""

from __future__ import annotations

from torch import Tensor, nn

from speechlrp.explainers.base import NOTHING, Explainer
from speechlrp.explainers.option_checks import check_choice
from speechlrp.explainers.question import MAGNITUDES, STARTS, ask_gradient, explaining, finite
from speechlrp.lrp.start import Target


class Sensitivity(Explainer):
    """How fast the target changes with each input: ``R_i = d f / d x_i``.

    It tells what would change a decision, not what made it; nothing adds up to the output.
    K's equation 1 is the default: with ``R_out`` the one-hot vector of the prediction, the
    backward pass is the gradient of the predicted symbol's logit, sign kept.

    Args:
        magnitude: ``"signed"`` (K), ``"absolute"`` (Simonyan et al. 2014), or ``"square"``
            (Gevrey et al. 2003).
        start: ``"logit"``, or the target's probability, ``"sigmoid"`` or ``"softmax"`` of
            the output.

    Raises:
        SpeechLRPError: a magnitude or start that there is not.

    Source: Krug and Stober 2018 (K), section 3.4.
    """

    sums_to = NOTHING
    uses_reference = False

    def __init__(self, magnitude: str = "signed", start: str = "logit") -> None:
        self.magnitude = check_choice("magnitude", magnitude, MAGNITUDES)
        self.start = check_choice("start", start, STARTS)

    @property
    def units(self) -> str:
        """Of a slope."""
        square = "squared, " if self.magnitude == "square" else ""
        return f"{square}{self.quantity} per unit of the input"

    def explain(self, model: nn.Module, inputs: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """Explain a batch, by one forward and one backward pass.

        Args:
            model: in evaluation mode.
            inputs: ``[B, ...]``.
            target: classes ``[B]``, or as of ``speechlrp.lrp.attribute``.

        Returns:
            The model's output and the relevance of every input ``[B, ...]``.

        Raises:
            SpeechLRPError: the model is in training mode, has no gradient or mixes the
                examples of a batch; there are none; the target does not fit its output; the
                output or the gradient is not finite.
        """
        with explaining():
            output, gradient = ask_gradient(model, inputs, target, self.start)
            return output, finite(MAGNITUDES[self.magnitude](gradient))
