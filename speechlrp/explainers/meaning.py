"""What the numbers of an explanation are: their unit, and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from speechlrp.explainers.gradient_x_input import GradientXInput
from speechlrp.explainers.integrated_gradients import IntegratedGradients
from speechlrp.explainers.lrp import LRP
from speechlrp.explainers.occlusion import Occlusion
from speechlrp.explainers.sensitivity import Sensitivity
from speechlrp.explainers.smoothgrad import SmoothGrad
from speechlrp.lrp.rules import SignCorrected
from speechlrp.lrp.start import STARTS

OUTPUT, CHANGE, NOTHING = "output", "change", "nothing"


@dataclass(frozen=True)
class Meaning:
    """What an explainer's numbers are.

    Attributes:
        units: of one bin's number.
        sums_to: what the bins of an example add up to. ``"output"``: the quantity explained,
            but for what biases and stabilisers absorb (LRP's conservation); ``"change"``:
            its difference from what the input 0 has (completeness); ``"nothing"``.
        start: the quantity, such as ``"logit"``.
    """

    units: str
    sums_to: str
    start: str = "logit"

    def promised(self, output: Tensor, target: Tensor, empty: Tensor) -> Tensor | None:
        """What the relevance of each example should add up to, ``[B]``; None: nothing.

        Args:
            output: of the model ``[B, K]``.
            target: classes ``[B]``.
            empty: the model's output of the input 0, ``[1, K]``.
        """
        if self.sums_to == NOTHING:
            return None
        promised = self._quantity(output, target)
        if self.sums_to == CHANGE:
            promised = promised - self._quantity(empty.expand_as(output), target)
        return promised

    def _quantity(self, output: Tensor, target: Tensor) -> Tensor:
        measure = STARTS[self.start]
        values = output if measure is None else measure(output, 1)
        return values.gather(1, target[:, None])[:, 0]


def meaning(explainer: Any) -> Meaning:
    """What the numbers of an explainer are; of an unknown one nothing is promised."""
    start = getattr(explainer, "start", "logit")
    quantity = {"logit": "logit", "one": "share"}.get(start, "probability")
    if isinstance(explainer, LRP):
        return _of_rules(explainer, quantity, start)
    if isinstance(explainer, Sensitivity | SmoothGrad):
        square = "squared, " if explainer.magnitude == "square" else ""
        return Meaning(f"{square}{quantity} per unit of the input", NOTHING, start)
    sums = {GradientXInput: OUTPUT, IntegratedGradients: CHANGE, Occlusion: NOTHING}
    if type(explainer) in sums:
        return Meaning(quantity, sums[type(explainer)], start)
    return Meaning("no unit", NOTHING, start)


def _of_rules(explainer: LRP, quantity: str, start: str) -> Meaning:
    """A sign-corrected rule loses sums, and scaled, also the unit."""
    rules = [r for _, r in explainer.composite.rules if isinstance(r, SignCorrected)]
    if not rules:
        return Meaning(quantity, OUTPUT, start)
    scaled = any(rule.scale for rule in rules)
    return Meaning("share of the largest" if scaled else quantity, NOTHING, start)
