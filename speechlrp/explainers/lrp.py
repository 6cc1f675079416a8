"""Layer-wise relevance propagation as an explainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.lrp import Composite, NotExplainable, attribute
from speechlrp.lrp.rules import RULES


class LRP:
    """LRP with a rule for each kind of layer (T 3.3).

    Args:
        rules: `{"layers": a class of torch.nn, "rule": its name, **parameters}`; the
            first that matches a layer wins.
        start: what relevance begins with, see `speechlrp.lrp.attribute`.

    Raises:
        SpeechLRPError: a layer class, rule or parameter that there is not.
    """

    def __init__(self, rules: Sequence[Mapping[str, Any]], start: str = "logit") -> None:
        self.composite = Composite([_assignment(rule) for rule in rules])
        self.start = start

    def explain(self, model: nn.Module, inputs: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Explain a batch.

        Args:
            model: in evaluation mode.
            inputs: `[B, ...]`.
            target: classes `[B]`.

        Returns:
            The model's output `[B, K]` and the relevance of every input `[B, ...]`.

        Raises:
            SpeechLRPError: the model has an operation without a rule.
        """
        try:
            return attribute(model, inputs, target, self.composite, start=self.start)
        except NotExplainable as error:
            raise SpeechLRPError(str(error)) from error


def _assignment(entry: Mapping[str, Any]) -> tuple[type[nn.Module], Any]:
    settings = dict(entry)
    layer, name = settings.pop("layers"), settings.pop("rule")
    if not hasattr(nn, layer):
        raise SpeechLRPError(f"explainer.rules: torch.nn has no layer {layer!r}")
    if name not in RULES:
        raise unknown("rule", name, RULES)
    try:
        return getattr(nn, layer), RULES[name](**settings)
    except TypeError as error:
        raise SpeechLRPError(f"explainer.rules: rule {name}: {error}") from error
