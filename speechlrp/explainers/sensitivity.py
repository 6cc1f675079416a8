"""Sensitivity, the gradient of the target with respect to the input; times it; and under noise.

Shapes: ``B`` examples, ``n`` copies of a pass.
"""

import torch
from torch import Tensor, nn

from speechlrp.explainers.base import NOTHING, Explainer, check_choice, check_least, check_whole
from speechlrp.explainers.preconditions import chunks, generators, precise
from speechlrp.explainers.question import (
    MAGNITUDES,
    STARTS,
    ask,
    ask_gradient,
    explaining,
    finite,
    gradients,
)
from speechlrp.lrp.start import Target


class Sensitivity(Explainer):
    """How fast the target changes with each input: ``R_i = d f / d x_i``.

    It tells what would change a decision, not what made it; nothing adds up to the output.
    K's equation 1 is the default: with ``R_out`` the one-hot vector of the prediction, the
    backward pass is the gradient of the predicted symbol's logit, sign kept.

    Args:
        magnitude: ``"signed"`` (K), ``"absolute"`` (Simonyan et al. 2014), or ``"square"``
            (Gevrey et al. 2003).
        start: the quantity, one of `STARTS`: the logit, or a probability of the output.

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
        """Explain a batch, by one forward and one backward pass; as `Explainer.explain`."""
        with explaining():
            output, gradient = ask_gradient(model, inputs, target, self.start)
            return output, finite(MAGNITUDES[self.magnitude](gradient))


class GradientXInput(Explainer):
    """What each input adds to the linearised target: ``R_i = x_i d f / d x_i``.

    Of a network of ReLUs, max-pools and layers without bias it is LRP-0, and adds up to the
    output (Shrikumar et al. 2016; Ancona et al. 2018).

    Args:
        start: the quantity, one of `STARTS`: the logit, or a probability of the output.

    Raises:
        SpeechLRPError: a start that there is not.
    """

    units = property(lambda self: self.quantity)
    sums_to = NOTHING
    """The output for ReLUs without biases, where it is LRP-0; in general nothing."""

    def __init__(self, start: str = "logit") -> None:
        self.start = check_choice("start", start, STARTS)

    def explain(self, model: nn.Module, inputs: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """Explain a batch, by one forward and one backward pass; as `Explainer.explain`."""
        with explaining():
            output, gradient = ask_gradient(model, inputs, target, self.start)
            return output, finite(gradient * inputs.detach())


class SmoothGrad(Sensitivity):
    """The mean gradient under Gaussian noise: sensitivity without its shattered detail.

    The noise of an example follows from the seed and its content, so neither the batch that
    it is in nor the rank that explains it changes a number. That, and a deviation of each
    example's own, is why the passes are our own: captum's noise comes from the global
    generator and has one deviation for all. Throughput is the same, 0.92 to 0.98 of that
    of the forward and backward passes.

    Args:
        samples: noisy copies of each example.
        noise: standard deviation, as a share of the example's range (its largest minus its
            smallest value); 0.1 to 0.2 in the paper.
        seed: of the noise.
        magnitude: of each copy's gradient: ``"signed"``, ``"absolute"`` or ``"square"``
            (SmoothGrad-squared, Hooker et al. 2019).
        start: the quantity, one of `STARTS`: the logit, or a probability of the output.
        pass_size: inputs that go through the model at once; at least one copy of the batch
            does.

    Raises:
        SpeechLRPError: a magnitude or start that there is not; fewer than one sample or
            input; noise below 0.

    Source: Smilkov et al. 2017.
    """

    def __init__(
        self,
        samples: int = 50,
        noise: float = 0.15,
        seed: int = 1,
        magnitude: str = "signed",
        start: str = "logit",
        pass_size: int = 64,
    ) -> None:
        self.samples = check_whole("samples", samples)
        self.noise = check_least("noise", noise, 0)
        self.seed = check_whole("seed", seed, None)
        super().__init__(magnitude, start)
        self.pass_size = check_whole("pass_size", pass_size)

    def explain(self, model: nn.Module, inputs: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """Explain a batch, by `samples` forward and backward passes; as `Explainer.explain`.

        The output is that without noise; a function as target is taken to be linear.
        """
        with explaining():
            inputs, output, question, _ = ask(model, inputs, target, self.start)
            drawn, deviation = generators(inputs, self.seed), self._deviation(inputs)
            total = torch.zeros_like(inputs, dtype=precise(inputs.dtype))
            change = MAGNITUDES[self.magnitude]
            for part in chunks(self.samples, len(inputs), self.pass_size):
                noise = inputs.new_empty(len(part), *inputs.shape)
                for copy in noise:
                    for one, generator in zip(copy, drawn, strict=True):
                        one.normal_(generator=generator)
                variants = noise.mul_(deviation).add_(inputs)
                total += change(gradients(model, question, variants).to(total)).sum(0)
            return output, finite((total / self.samples).to(inputs))

    def _deviation(self, inputs: Tensor) -> Tensor:
        """Of each example, ``[B, 1, ...]``."""
        flat = inputs.reshape(len(inputs), -1)
        deviation = self.noise * (flat.amax(1) - flat.amin(1))
        return deviation.view(-1, *[1] * (inputs.dim() - 1))
