"""What explainers ask of a model, and the passes through it that answer.

A network may end in a softmax, a sigmoid or the logarithm of one. What is explained of it, by
every explainer, are the logits in front, as LRP takes them; so a start of ``"softmax"`` is the
network's own probability, never the softmax of a softmax.

Shapes: ``B`` examples, ``K`` classes, ``n`` variants of each example; a pass takes
``[n, B, ...]``, variants first.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.preconditions import check, precise
from speechlrp.lrp.checks import check_finite, check_output, fitting
from speechlrp.lrp.forward import eagerly
from speechlrp.lrp.operations import HANDLERS
from speechlrp.lrp.operations.last import dimension_behind, rearranged
from speechlrp.lrp.refusals import LRPError
from speechlrp.lrp.start import Target, start_coefficient

STARTS = ("logit", "sigmoid", "softmax")
"""What is explained of the target: its logit, or the probability that follows from it."""

MAGNITUDES: dict[str, Callable[[Tensor], Tensor]] = {
    "signed": lambda gradient: gradient,
    "absolute": torch.abs,
    "square": torch.square,
}
"""What is made of a gradient."""


class Question(NamedTuple):
    """One number for each example: the weighted sum of its logits, or of probabilities."""

    weights: Tensor  # shaped like the logits
    start: str  # one of `STARTS`, or ``"one"``: the weights alone
    dim: int = 1  # the dimension of a softmax
    ends: bool = False  # whether the model goes on behind its logits, see `answer`

    def answer(self, logits: Tensor, variants: int = 1) -> Tensor:
        """The numbers ``[n, B]`` of logits ``[n B, ...]``; of half precision in float32."""
        quantity = self._quantity(logits).unflatten(0, (variants, len(self.weights)))
        weighted = quantity.to(precise(logits.dtype)) * self.weights
        return weighted.unsqueeze(-1).flatten(2).sum(2)

    def _quantity(self, logits: Tensor) -> Tensor:
        if self.start == "logit":
            return logits
        if self.start == "one":
            return torch.ones_like(logits)
        return logits.sigmoid() if self.start == "sigmoid" else logits.softmax(self.dim)


def asked_of(
    logits: Tensor,
    target: Target,
    start: str,
    batch: int,
    dim: int | None = None,
    ends: bool = False,
) -> Question:
    """Fix what is to be explained of logits; raises LRPError as ``speechlrp.lrp.attribute``."""
    check_output(logits)
    weights = start_coefficient(logits.detach(), plain(target), "logit", batch)
    return Question(weights, start, 1 if dim is None else dim, ends)


def plain(target: Target) -> Target:
    """Numpy's whole numbers as torch's and Python's."""
    if isinstance(target, np.ndarray):
        return torch.as_tensor(target)
    return int(target) if isinstance(target, np.integer) else target


@contextmanager
def explaining() -> Iterator[None]:
    """Gradients can be taken, whatever the caller's mode; errors are the user's to mend."""
    with torch.inference_mode(False), torch.enable_grad():
        try:
            yield
        except LRPError as error:
            raise SpeechLRPError(str(error)) from error


def ask(
    model: nn.Module, inputs: Tensor, target: Target, start: str
) -> tuple[Tensor, Tensor, Question, Tensor]:
    """Pass a batch through a model and fix what is to be explained of it.

    Args:
        model: in evaluation mode.
        inputs: ``[B, ...]``, floating point.
        target: as of ``speechlrp.lrp.attribute``: a class, classes ``[B]``, a weighting
            shaped like the output, or a (linear) function of the output; where the model ends
            in a softmax or sigmoid, of its logits.
        start: one of ``STARTS``.

    Returns:
        The inputs, detached; the model's output; the question; its answer ``[B]``.

    Raises:
        LRPError: as ``attribute`` and `check`.
    """
    check(model, inputs, variants=True)
    inputs = inputs.detach().clone()  # a tensor of inference mode has no gradient
    with torch.no_grad():
        output, logits, dim, ends = answer(model, inputs.clone())
    question = asked_of(logits, target, start, len(inputs), dim, ends)
    check_output(output)
    return inputs, output, question, question.answer(logits)[0]


def ask_gradient(
    model: nn.Module, inputs: Tensor, target: Target, start: str
) -> tuple[Tensor, Tensor]:
    """The model's output and the gradient of what is asked, in one pass; as ``ask``."""
    check(model, inputs)
    leaf = inputs.detach().clone().requires_grad_()
    output, logits, dim, ends = answer(model, leaf.clone())  # the model may begin in place
    question = asked_of(logits, target, start, len(inputs), dim, ends)
    check_output(output)
    return output.detach(), _gradient(question.answer(logits), leaf)


def gradients(model: nn.Module, question: Question, variants: Tensor) -> Tensor:
    """The gradient of the answer with respect to each variant ``[n, B, ...]``."""
    leaf = variants.detach().requires_grad_()
    logits = _logits(model, question, leaf.flatten(0, 1).clone())
    return _gradient(question.answer(logits, len(variants)), leaf)


def answers(model: nn.Module, question: Question, variants: Tensor) -> Tensor:
    """The answers ``[n, B]`` of variants ``[n, B, ...]``, which the model may overwrite."""
    with torch.no_grad():
        return question.answer(_logits(model, question, variants.flatten(0, 1)), len(variants))


def _logits(model: nn.Module, question: Question, inputs: Tensor) -> Tensor:
    """Of variants; raises LRPError where one is not finite, so that no mean hides it."""
    logits = logits_of(model, inputs) if question.ends else model(inputs)
    check_finite("the output of a changed input", logits, "look at the baseline and the noise")
    return logits


def _gradient(answer: Tensor, leaf: Tensor) -> Tensor:
    if not answer.requires_grad:
        raise LRPError("the model's output has no gradient with respect to its inputs")
    return torch.autograd.grad(answer.sum(), leaf)[0]


def finite(relevance: Tensor) -> Tensor:
    """Relevance as it is, or LRPError where it is not finite."""
    check_finite("relevance", relevance, "look at the inputs and the weights")
    return relevance


SOFTMAXES = {"softmax", "log_softmax", "softmin", "special_softmax", "special_log_softmax"}
SIGMOIDS = {"sigmoid", "sigmoid_", "special_expit", "log_sigmoid"}


class Answer(NamedTuple):
    """What a forward pass gave."""

    output: Any  # of the model
    logits: Any  # the same, or what its last softmax or sigmoid was given
    dim: int | None  # the dimension of that softmax; None where there is none
    ends: bool  # whether there is such an ending


class _Ending(TorchFunctionMode):
    """Keeps the latest softmax or sigmoid: what it gave and what it was given.

    The logarithm of one is one too, and what rearranges a log-softmax moves its logits along, as
    in ``speechlrp.lrp``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.latest = Answer(None, None, None, False)
        self._log = False  # whether it is a logarithm's

    def __torch_function__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        settings, name = kwargs or {}, getattr(function, "__name__", "")
        first = args[0] if args else settings.get("input")
        if name in SOFTMAXES | SIGMOIDS:
            return self._ended(name, function, first, args, settings)
        of_latest = first is not None and first is self.latest.output
        result = function(*args, **settings)
        if of_latest and name.strip("_") == "log":
            self.latest, self._log = self.latest._replace(output=result), True
        elif of_latest and self._log and HANDLERS.get(function) is rearranged:
            self._move(lambda one: function(one, *args[1:], **settings), result)
        return result

    def _ended(
        self, name: str, function: Callable, argument: Any, args: tuple, settings: dict
    ) -> Any:
        in_place = name.endswith("_")  # which leaves nothing of what it was given
        before = argument.clone() if in_place else argument
        result = function(*args, **settings)
        dim = None
        if name in SOFTMAXES:
            dim = args[1] if len(args) > 1 else settings.get("dim")
        self.latest = Answer(result, -before if name == "softmin" else before, dim, True)
        self._log = "log" in name
        return result

    def _move(self, function: Callable[[Tensor], Tensor], result: Tensor) -> None:
        _, logits, dim, _ = self.latest
        if dim is not None:
            dim = dimension_behind(function, logits, range(logits.dim())[dim])
        if (dim is None) == (self.latest.dim is None):
            self.latest = Answer(result, function(logits), dim, True)


def answer(model: nn.Module, inputs: Tensor) -> Answer:
    """Pass a batch through a model, and find its logits.

    Only an ending that is the output itself counts; a softmax or sigmoid that is reshaped or
    picked from afterwards is taken for a part of the network (of which LRP says that it cannot
    start there).

    Args:
        model: in evaluation mode.
        inputs: ``[B, ...]``, which the model may overwrite.
    """
    with fitting(model, [inputs]), eagerly(), _Ending() as ending:
        output = model(inputs)
    if output is None or output is not ending.latest.output:
        return Answer(output, output, None, False)
    return ending.latest


def logits_of(model: nn.Module, inputs: Tensor) -> Tensor:
    """The logits alone, see `answer`."""
    return answer(model, inputs).logits
