"""Layer-wise relevance propagation as an explainer."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.explainers.base import NOTHING, OUTPUT, Explainer
from speechlrp.explainers.composites import from_preset, from_rules
from speechlrp.explainers.preconditions import check
from speechlrp.explainers.question import explaining, plain
from speechlrp.lrp import Composite, SignCorrected, attribute
from speechlrp.lrp.engine import Start
from speechlrp.lrp.start import STARTS, Target


class LRP(Explainer):
    """LRP with a rule for each layer (T 3.3), given one by one or by a preset's name.

    Args:
        rules: which layers get which rule, see `from_rules`; or a `Composite`.
        start: what relevance begins with, see `speechlrp.lrp.attribute`.
        preset: in place of `rules`, one of `speechlrp list presets`.
        preset_options: its options, such as `{"epsilon": 0.25}`.
        merge_batch_norm: whether a batch norm shares the rule of the layer before it; None:
            as the preset has it, and with rules, no.

    Raises:
        SpeechLRPError: a layer, rule, preset, option or start that there is not; both or
            neither of rules and preset.
    """

    def __init__(
        self,
        rules: Sequence[Mapping[str, Any]] | Composite | None = None,
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
        elif isinstance(rules, Composite):
            if merge_batch_norm is not None:
                raise SpeechLRPError(
                    "merge_batch_norm is given beside a Composite: give it to the Composite"
                )
            self.composite = rules
        elif rules:
            self.composite = from_rules(rules, bool(merge_batch_norm))
        else:
            raise SpeechLRPError("explainer has neither rules nor a preset")
        self.start = start
        self._first = True

    @property
    def _sign_corrected(self) -> list[SignCorrected]:
        return [rule for _, rule in self.composite.rules if isinstance(rule, SignCorrected)]

    @property
    def units(self) -> str:
        """The quantity that is shared out; scaled by a sign-corrected rule, it loses its unit."""
        scaled = any(rule.scale for rule in self._sign_corrected)
        return "share of the largest" if scaled else self.quantity

    @property
    def sums_to(self) -> str:
        """The output, but for what biases and stabilisers absorb; sign-corrected rules lose it."""
        return NOTHING if self._sign_corrected else OUTPUT

    def explain(self, model: nn.Module, inputs: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """Explain a batch, by one forward pass and about one backward; as `Explainer.explain`.

        With the first batch the model is run once more by itself, to see that the pass that was
        watched is the model's.

        Raises:
            SpeechLRPError: also where the model has an operation without a rule, or gives
                another output when it is watched.
        """
        with explaining():
            check(model, inputs)
            first, self._first = self._first, False
            return attribute(
                model,
                inputs,
                plain(target),
                self.composite,
                start=cast(Start, self.start),
                check=first,
            )
