"""Layer-wise relevance propagation as an explainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.lrp import Composite, LRPError, attribute
from speechlrp.lrp.rules import RULES
from speechlrp.lrp.start import STARTS


class LRP:
    """LRP with a rule for each kind of layer (T 3.3).

    Args:
        rules: `{"layers": a class of torch.nn, "rule": its name, **parameters}`; the
            first that matches a layer wins.
        start: what relevance begins with, see `speechlrp.lrp.attribute`.

    Raises:
        SpeechLRPError: a layer class, rule, parameter or start that there is not.
    """

    def __init__(self, rules: Sequence[Mapping[str, Any]], start: str = "logit") -> None:
        if start not in STARTS:
            raise unknown("value of explainer.start", start, STARTS)
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
            SpeechLRPError: the model has an operation without a rule, or its output is
                not finite.
        """
        try:
            return attribute(model, inputs, target, self.composite, start=self.start)
        except LRPError as error:
            raise SpeechLRPError(str(error)) from error


def _assignment(entry: Mapping[str, Any]) -> tuple[type[nn.Module], Any]:
    settings = dict(entry)
    for key in ("layers", "rule"):
        if key not in settings:
            raise SpeechLRPError(f"explainer.rules: no `{key}` in {dict(entry)}")
    layer, name = settings.pop("layers"), settings.pop("rule")
    kind = getattr(nn, str(layer), None)
    if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
        raise SpeechLRPError(f"explainer.rules: torch.nn has no layer {layer!r}")
    if name not in RULES:
        raise unknown("rule", name, RULES)
    try:
        return kind, RULES[name](**settings)
    except (TypeError, LRPError) as error:
        raise SpeechLRPError(f"explainer.rules: rule {name}: {error}") from error
