"""What a network says before its last softmax or sigmoid: the one thing that all explain.

A network may end in a softmax, a sigmoid or the logarithm of one. What is explained of it, by
every explainer, are the logits in front, as LRP takes them; so a start of ``"softmax"`` is the
network's own probability, never the softmax of a softmax.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from speechlrp.lrp.forward import eagerly

SOFTMAXES = frozenset(("softmax", "log_softmax", "special_softmax", "special_log_softmax"))
SIGMOIDS = frozenset(("sigmoid", "sigmoid_", "special_expit", "log_sigmoid"))


class Answer(NamedTuple):
    """What a forward pass gave.

    Attributes:
        output: of the model.
        logits: the same, or what its last softmax or sigmoid was given.
        dim: the dimension of that softmax; None where there is none.
        ends: whether there is such an ending.
    """

    output: Any
    logits: Any
    dim: int | None
    ends: bool


class _Ending(TorchFunctionMode):
    """Keeps the latest softmax or sigmoid: what it was given and what it gave."""

    def __init__(self) -> None:
        super().__init__()
        self.latest: tuple[Any, Any, int | None] = (None, None, None)

    def __torch_function__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        settings, name = kwargs or {}, getattr(function, "__name__", "")
        if name not in SOFTMAXES | SIGMOIDS:
            return function(*args, **settings)
        argument = args[0] if args else settings["input"]
        in_place = name.endswith("_")  # which leaves nothing of what it was given
        before = argument.clone() if in_place else argument
        result = function(*args, **settings)
        dim = None
        if name in SOFTMAXES:
            dim = args[1] if len(args) > 1 else settings.get("dim")
        self.latest = result, before, dim
        return result


def answer(model: nn.Module, inputs: Tensor) -> Answer:
    """Pass a batch through a model, and find its logits.

    Only an ending that is the output itself counts; one that is reshaped or picked from
    afterwards is taken for a part of the network (of which LRP says that it cannot start there).

    Args:
        model: in evaluation mode.
        inputs: ``[B, ...]``, which the model may overwrite.
    """
    with eagerly(), _Ending() as ending:
        output = model(inputs)
    result, logits, dim = ending.latest
    if result is None or result is not output:
        return Answer(output, output, None, False)
    return Answer(output, logits, dim, True)


def logits_of(model: nn.Module, inputs: Tensor) -> Tensor:
    """The logits alone, see `answer`."""
    return answer(model, inputs).logits
