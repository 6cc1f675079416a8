"""Relevance without a reason: the control that every explainer must beat."""

from torch import Tensor, nn

from speechlrp.explainers.base import NOTHING, Explainer, check_whole
from speechlrp.explainers.preconditions import generators
from speechlrp.explainers.question import ask, explaining
from speechlrp.lrp.start import Target


class Random(Explainer):
    """Gaussian noise, the same for the same example and seed whatever batch it is in.

    Args:
        seed: of the noise.
    """

    units, sums_to = "no unit", NOTHING
    uses_reference = False

    def __init__(self, seed: int = 1) -> None:
        self.seed = check_whole("seed", seed, None)

    def explain(self, model: nn.Module, inputs: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """Give a batch relevance that knows nothing of the model; as `Explainer.explain`."""
        with explaining():
            inputs, output, *_ = ask(model, inputs, target, "logit")
            relevance = inputs.new_empty(inputs.shape)  # in order, whatever the inputs' strides
            for one, generator in zip(relevance, generators(inputs, self.seed), strict=True):
                one.normal_(generator=generator)
            return output, relevance
