"""Integrated gradients.

Shapes: ``B`` examples, ``n`` steps of a pass.
"""

import numpy as np
import torch
from torch import Tensor, nn

from speechlrp.explainers.base import CHANGE, Explainer, check_choice, check_whole
from speechlrp.explainers.preconditions import chunks, precise
from speechlrp.explainers.question import STARTS, ask, explaining, finite, gradients
from speechlrp.lrp.start import Target


def _midpoint(steps: int) -> tuple[np.ndarray, np.ndarray]:
    return (np.arange(steps) + 0.5) / steps, np.full(steps, 1 / steps)


def _gauss(steps: int) -> tuple[np.ndarray, np.ndarray]:
    places, weights = np.polynomial.legendre.leggauss(steps)
    return (places + 1) / 2, weights / 2


METHODS = {"midpoint": _midpoint, "gauss": _gauss}
"""Number of steps -> where on the way, 0 to 1, and the weights, which add up to 1."""


class IntegratedGradients(Explainer):
    """The gradient averaged on the straight way from a baseline, times that way (T 3.19).

    ``R_i = (x_i - b_i) int_0^1 d f(b + a (x - b)) / d x_i  d a`` adds up to ``f(x) - f(b)``,
    up to the error of the integral, which ``measures.completeness`` gives: raise `steps`
    where it is too large. On the gender model, 50 steps leave a median error of 0.1 to
    0.4 % of the change.

    The passes are our own, and the tests hold them equal to captum's. Both reach 0.94 to
    0.99 of the throughput of the forward and backward passes in them; captum's take no
    function of the output as a target, and bring pyplot and two more packages along.

    Args:
        steps: gradients on the way.
        baseline: where the way begins: a number, or a tensor that broadcasts against the
            inputs (silence, or the mean over the training set).
        method: ``"midpoint"`` of equal steps, or ``"gauss"`` (Gauss-Legendre). The gradient
            of a network of ReLUs jumps, so neither is of high order; on a smooth network
            Gauss is exact with a few steps.
        start: the quantity, one of `STARTS`: the logit, or a probability of the output.
        pass_size: inputs that go through the model at once; at least one step of the
            batch does.

    Raises:
        SpeechLRPError: a method or start that there is not; fewer than one step or input.

    Source: Sundararajan et al. 2017.
    """

    units = property(lambda self: self.quantity)
    sums_to = CHANGE

    def __init__(
        self,
        steps: int = 50,
        baseline: Tensor | float = 0.0,
        method: str = "midpoint",
        start: str = "logit",
        pass_size: int = 64,
    ) -> None:
        self.steps = check_whole("steps", steps)
        self.baseline = baseline
        self.method = check_choice("method", method, METHODS)
        self.start = check_choice("start", start, STARTS)
        self.pass_size = check_whole("pass_size", pass_size)

    def explain(self, model: nn.Module, inputs: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """Explain a batch, by `steps` forward and backward passes; as `Explainer.explain`.

        A function as target is taken to be linear.

        Raises:
            SpeechLRPError: also where the baseline's shape does not fit.
        """
        with explaining():
            inputs, output, question, _ = ask(model, inputs, target, self.start)
            base = self.origin(inputs).to(precise(inputs.dtype))
            way, mean = inputs - base, torch.zeros_like(base)
            places, weights = (base.new_tensor(x) for x in METHODS[self.method](self.steps))
            for part in chunks(self.steps, len(inputs), self.pass_size):
                here = slice(part.start, part.stop)
                variants = (base + places[here].view(-1, *[1] * inputs.dim()) * way).to(inputs)
                slopes = gradients(model, question, variants).to(mean)
                mean += torch.tensordot(weights[here], slopes, 1)
            return output, finite((way * mean).to(inputs))
