"""Layer-wise relevance propagation as an explainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.explainers.composites import from_preset, from_rules
from speechlrp.lrp import LRPError, attribute
from speechlrp.lrp.start import STARTS


class LRP:
    """LRP with a rule for each layer (T 3.3), given one by one or by a preset's name.

    Args:
        rules: which layers get which rule, see `from_rules`.
        start: what relevance begins with, see `speechlrp.lrp.attribute`.
        preset: in place of `rules`, one of `speechlrp list presets`.
        preset_options: its options, such as `{"epsilon": 0.25}`.
        merge_batch_norm: whether a batch norm shares the rule of the layer before it; None:
            as the preset has it, and with rules, no.

    Raises:
        SpeechLRPError: a layer, rule, preset, option or start that there is not; both or
            neither of rules and preset.
    """

    promise = "output"
    """What relevance adds up to, but for what biases and stabilisers absorb."""

    def __init__(
        self,
        rules: Sequence[Mapping[str, Any]] | None = None,
        start: str = "logit",
        preset: str | None = None,
        preset_options: Mapping[str, Any] | None = None,
        merge_batch_norm: bool | None = None,
    ) -> None:
        if start not in STARTS:
            raise unknown("value of explainer.start", start, STARTS)
        if rules and preset:
            raise SpeechLRPError(
                f"explainer.preset is {preset!r} and there are explainer.rules; "
                "add explainer.rules=null for the preset"
            )
        if preset:
            self.composite = from_preset(preset, preset_options or {}, merge_batch_norm)
        elif preset_options:
            raise SpeechLRPError("explainer.preset_options are given without an explainer.preset")
        elif rules:
            self.composite = from_rules(rules, bool(merge_batch_norm))
        else:
            raise SpeechLRPError("explainer has neither rules nor a preset")
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
