"""What explainers ask of a model, and the passes through it that answer.

Shapes: ``B`` examples, ``K`` classes, ``n`` variants of each example; a pass takes
``[n, B, ...]``, variants first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.lrp.checks import check_finite, check_inputs, check_model, check_output
from speechlrp.lrp.errors import LRPError
from speechlrp.lrp.start import Target, start_coefficient

STARTS: dict[str, Callable[[Tensor], Tensor]] = {
    "logit": lambda output: output,
    "sigmoid": torch.sigmoid,
    "softmax": lambda output: torch.softmax(output, dim=1),
}
"""What is explained of the target: its output itself, or the probability that follows from it."""

MAGNITUDES: dict[str, Callable[[Tensor], Tensor]] = {
    "signed": lambda gradient: gradient,
    "absolute": torch.abs,
    "square": torch.square,
}
"""What is made of a gradient."""


class Question(NamedTuple):
    """One number for each example: the weighted sum of its outputs, or of probabilities."""

    weights: Tensor
    start: str

    def answer(self, output: Tensor, variants: int = 1) -> Tensor:
        """The numbers ``[n, B]`` of the model's outputs ``[n B, ...]``."""
        quantity = STARTS[self.start](output).unflatten(0, (variants, len(self.weights)))
        return (quantity * self.weights).unsqueeze(-1).flatten(2).sum(2)


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
) -> tuple[Tensor, Tensor, Question]:
    """Pass a batch through a model and fix what is to be explained of it.

    Args:
        model: in evaluation mode.
        inputs: ``[B, ...]``, floating point.
        target: as of ``speechlrp.lrp.attribute``: a class, classes ``[B]``, a weighting
            shaped like the output, or a (linear) function of the output.
        start: one of ``STARTS``.

    Returns:
        The inputs, detached; the model's output; the question.

    Raises:
        LRPError: as ``attribute``.
    """
    check_model(model)
    check_inputs(inputs)
    inputs = inputs.detach().clone()  # a tensor of inference mode has no gradient
    with torch.no_grad():
        output = model(inputs.clone())
    return inputs, output, _question(output, target, start, len(inputs))


def ask_gradient(
    model: nn.Module, inputs: Tensor, target: Target, start: str
) -> tuple[Tensor, Tensor]:
    """The model's output and the gradient of what is asked, in one pass; as ``ask``."""
    check_model(model)
    check_inputs(inputs)
    leaf = inputs.detach().clone().requires_grad_()
    output = model(leaf.clone())  # so that the model may begin in place
    question = _question(output, target, start, len(inputs))
    return output.detach(), _gradient(question.answer(output), leaf)


def _question(output: Tensor, target: Target, start: str, batch: int) -> Question:
    check_output(output)
    return Question(start_coefficient(output.detach(), target, "logit", batch), start)


def gradients(model: nn.Module, question: Question, variants: Tensor) -> Tensor:
    """The gradient of the answer with respect to each variant ``[n, B, ...]``."""
    leaf = variants.detach().requires_grad_()
    output = model(leaf.flatten(0, 1).clone())
    return _gradient(question.answer(output, len(variants)), leaf)


def answers(model: nn.Module, question: Question, variants: Tensor) -> Tensor:
    """The answers ``[n, B]`` of variants ``[n, B, ...]``, which the model may overwrite."""
    with torch.no_grad():
        return question.answer(model(variants.flatten(0, 1)), len(variants))


def _gradient(answer: Tensor, leaf: Tensor) -> Tensor:
    if not answer.requires_grad:
        raise LRPError("the model's output has no gradient with respect to its inputs")
    return torch.autograd.grad(answer.sum(), leaf)[0]


def finite(relevance: Tensor) -> Tensor:
    """Relevance as it is, or LRPError where it is not finite."""
    check_finite("relevance", relevance, "look at the inputs and the weights")
    return relevance


def completeness_error(
    model: nn.Module,
    inputs: Tensor,
    target: Target,
    relevance: Tensor,
    baseline: Tensor | float = 0.0,
    start: str = "logit",
) -> Tensor:
    """How far relevance is from adding up to what the inputs change in the output.

    Args:
        model: in evaluation mode.
        inputs: ``[B, ...]``.
        target: see ``ask``; a function is taken to be linear.
        relevance: of any explainer, shaped like the inputs.
        baseline: what inputs are measured from; broadcast against the inputs.
        start: one of ``STARTS``.

    Returns:
        ``sum R - (f(x) - f(baseline))``, ``[B]``, in the units of the output.

    Raises:
        SpeechLRPError: as ``ask``.

    Source: Sundararajan et al. 2017, completeness.
    """
    with explaining():
        inputs, output, question = ask(model, inputs, target, start)
        without = answers(model, question, baseline_like(baseline, inputs).clone()[None])
        return relevance.flatten(1).sum(1) - (question.answer(output) - without)[0]


def baseline_like(baseline: Tensor | float, inputs: Tensor) -> Tensor:
    """A baseline in the shape and type of the inputs ``[B, ...]``, not to be written to.

    Raises:
        SpeechLRPError: it does not broadcast against them.
    """
    base = torch.as_tensor(baseline, dtype=inputs.dtype, device=inputs.device)
    try:
        return base.expand_as(inputs)
    except RuntimeError as error:
        raise SpeechLRPError(
            f"a baseline of shape {list(base.shape)} does not fit inputs of {list(inputs.shape)}"
        ) from error


def passes(count: int, batch: int, pass_size: int) -> Iterator[range]:
    """Cut the variants of a batch into passes of at most `pass_size` inputs, or one variant."""
    each = max(1, pass_size // max(batch, 1))
    for start in range(0, count, each):
        yield range(start, min(start + each, count))


def generators(inputs: Tensor, seed: int) -> list[torch.Generator]:
    """A generator for each example, seeded by its content.

    So what is drawn for an example depends neither on the batch that it is in nor on the
    rank that explains it.
    """
    made = []
    for one in inputs.detach():
        content = one.flatten().cpu().contiguous().view(torch.uint8).numpy().tobytes()
        digest = hashlib.blake2b(content, digest_size=8, key=str(seed).encode()).digest()
        generator = torch.Generator(inputs.device)
        made.append(generator.manual_seed(int.from_bytes(digest, "little") >> 1))
    return made


def check_choice(key: str, value: str, known: dict[str, Callable]) -> str:
    """Give the value back, or raise SpeechLRPError where the table does not hold it."""
    if value not in known:
        raise unknown(f"value of explainer.{key}", value, known)
    return value


def check_least(key: str, value: float, least: float, section: str = "explainer") -> float:
    """Give the value back, or raise SpeechLRPError where it is below the least."""
    if not value >= least:
        raise SpeechLRPError(f"{section}.{key} is {value}; it must be at least {least}")
    return value
