"""Any torch model, explained in one call."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from speechlrp.config.composing import compose_config
from speechlrp.config.names import explainer_choice
from speechlrp.config.schema import configure, options
from speechlrp.data.explaining import OURS
from speechlrp.errors import SpeechLRPError
from speechlrp.explainers import EXPLAINERS
from speechlrp.explainers.base import Explainer
from speechlrp.explainers.question import explaining
from speechlrp.lrp import Composite
from speechlrp.lrp.arguments import mapped
from speechlrp.lrp.forward import Forward, Output
from speechlrp.lrp.start import Target
from speechlrp.registry import told


def explain(
    model: nn.Module,
    inputs: Tensor,
    target: Target,
    explainer: str | Explainer | Composite | list = "lrp_epsilon_plus",
    *,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    output: Output | None = None,
    **settings: Any,
) -> tuple[Tensor, Tensor]:
    """Explain the output of any torch model.

    Args:
        model: in evaluation mode.
        inputs: ``[B, ...]``.
        target: class of each example ``[B]``, one for all, or weights shaped like the output.
        explainer: a configuration of ``conf/explainer``, such as ``"lrp_gamma"`` or
            ``"smoothgrad"``; LRP's rules as a ``Composite`` or a list of its pairs; or an
            explainer of one's own.
        args: what the model takes after the inputs and is not explained, such as lengths.
        kwargs: likewise by name, such as a mask.
        output: picks what is explained from what the model returns, where that is more than a
            tensor, such as ``lambda o: o.logits``.
        settings: of the explainer, in place of the configuration's.

    Returns:
        The model's output, and the relevance of every input ``[B, ...]``.

    Raises:
        SpeechLRPError: an explainer, setting, argument or target that there is not; an operation
            of the model that the explainer knows no rule for.
    """
    if args or kwargs or output is not None:
        model = _Called(Forward(model, inputs, args, kwargs, output))
    try:
        return _explainer(explainer, settings).explain(model, inputs, target)
    except RuntimeError:
        try:
            model(inputs)
        except RuntimeError as error:
            raise SpeechLRPError(
                f"the model takes no inputs of shape {list(inputs.shape)}: it raises {told(error)}"
            ) from error
        raise


def _explainer(
    explainer: str | Explainer | Composite | list, settings: dict[str, Any]
) -> Explainer:
    if isinstance(explainer, Explainer):
        if settings:
            raise SpeechLRPError(
                f"settings {sorted(settings)} are given beside an explainer that is already made; "
                "make it with them"
            )
        return explainer
    kind, chosen = "lrp", {"rules": explainer}
    if not isinstance(explainer, Composite | str | list):
        raise SpeechLRPError(
            "explainer must be a name of `speechlrp list explainers`, a Composite, or an explainer "
            f"made, such as LRP(preset='epsilon'); found {explainer!r}"
        )
    if isinstance(explainer, str):
        named = ["run=x", "data_run=x", *explainer_choice(explainer)]
        section = compose_config("explain", named)
        kind = section.explainer["kind"]
        chosen = options(section.explainer, *OURS)
    return configure(f"explainer {kind}", EXPLAINERS[kind], chosen | settings)


class _Called(nn.Module):
    """A model as it is called beside its inputs; it has the model's modules, by their names."""

    def __init__(self, forward: Forward) -> None:
        super().__init__()
        with explaining():
            forward.check()
        self._forward, self.network = forward, forward.model
        self.training = forward.model.training

    def forward(self, inputs: Tensor) -> Tensor:
        """What is explained, of the examples or of some variants of each, variants first."""
        batch = self._forward.batch
        variants = len(inputs) // batch

        def repeated(tensor: Tensor) -> Tensor:
            rows = tensor.dim() > 0 and len(tensor) == batch
            return tensor.repeat(variants, *[1] * (tensor.dim() - 1)) if rows else tensor

        if variants == 1:
            return self._forward([inputs])
        args = mapped(repeated, tuple(self._forward.args))
        kwargs = mapped(repeated, dict(self._forward.kwargs or {}))
        return replace(self._forward, args=args, kwargs=kwargs)([inputs])

    def named_modules(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, nn.Module]]:
        """The model's, so that rules are given by its names."""
        return self.network.named_modules(*args, **kwargs)
