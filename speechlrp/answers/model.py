"""Any torch model, explained in one call."""

from typing import Any

from torch import Tensor, nn

from speechlrp.config.composing import compose_config
from speechlrp.config.schema import call, options
from speechlrp.data.explaining import OURS
from speechlrp.explainers import EXPLAINERS
from speechlrp.explainers.base import Explainer
from speechlrp.lrp.start import Target


def explain(
    model: nn.Module,
    inputs: Tensor,
    target: Target,
    explainer: str | Explainer = "lrp_epsilon_plus",
    **settings: Any,
) -> tuple[Tensor, Tensor]:
    """Explain the output of any torch model.

    Args:
        model: in evaluation mode.
        inputs: ``[B, ...]``.
        target: class of each example ``[B]``, one for all, or weights shaped like the output.
        explainer: a configuration of ``conf/explainer``, such as ``"lrp_gamma"`` or
            ``"smoothgrad"``; or an explainer of one's own.
        settings: of the explainer, in place of the configuration's.

    Returns:
        The model's output, and the relevance of every input ``[B, ...]``.

    Raises:
        SpeechLRPError: an explainer, setting or target that there is not; an operation of the
            model that the explainer knows no rule for.
    """
    if isinstance(explainer, Explainer):
        return explainer.explain(model, inputs, target)
    section = compose_config("explain", ["run=x", "data_run=x", f"explainer={explainer}"]).explainer
    kind = section["kind"]
    made = call(f"explainer {kind}", EXPLAINERS[kind], options(section, *OURS) | settings)
    return made.explain(model, inputs, target)
