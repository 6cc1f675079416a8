"""What an explainer is: a face, the unit of its numbers, what they add up to, its settings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from math import inf
from numbers import Integral, Real
from typing import Any

from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.explainers.preconditions import baseline_like
from speechlrp.explainers.question import asked_of
from speechlrp.lrp.start import Target

NOTHING, OUTPUT, CHANGE = "nothing", "output", "output minus baseline's"
SUMS = (NOTHING, OUTPUT, CHANGE)
"""What the numbers of an example may add up to, see `Explainer.sums_to`."""


class Explainer(ABC):
    """Base of all explainers; a class that does not say what its numbers are cannot be made."""

    units: Any
    """Of the number of one bin, such as ``"logit"``: a text, or a property where it depends on the
    settings."""
    sums_to: Any
    """One of `SUMS`, or a property. ``"output"``: the numbers of an example add up to the quantity
    explained, but for what biases and stabilisers absorb (LRP's conservation); ``"output minus
    baseline's"``: to its difference from what `baseline` has (completeness); ``"nothing"``: no sum
    is promised for every network."""
    start: str = "logit"  # the quantity explained, such as ``"logit"``
    baseline: Any = None  # what inputs are measured from, see `origin`; None: the class has none
    uses_reference: bool = True  # whether its numbers change with what inputs are measured from

    def __new__(cls, *_: Any, **__: Any) -> Explainer:
        """Check what the class declares, before its settings.

        Raises:
            SpeechLRPError: it has no unit, or a sum that there is not.
        """
        for name, known in (("units", None), ("sums_to", SUMS)):
            value = getattr(cls, name, None)
            if isinstance(value, property):
                continue
            if not isinstance(value, str) or not value:
                raise SpeechLRPError(
                    f"the explainer {cls.__name__} declares no {name}; give the class a text, such "
                    f"as {name} = {'logit' if known is None else OUTPUT!r}"
                )
            if known is not None and value not in known:
                raise unknown(f"sums_to of the explainer {cls.__name__}", value, known)
        return super().__new__(cls)

    @abstractmethod
    def explain(self, model: nn.Module, inputs: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """Explain a batch.

        Args:
            model: in evaluation mode.
            inputs: ``[B, ...]``.
            target: classes ``[B]``, or as of ``speechlrp.lrp.attribute``.

        Returns:
            The model's output and the relevance of every input ``[B, ...]``.

        Raises:
            SpeechLRPError: the model is in training mode, has no gradient or mixes the
                examples of a batch; there are none; the target does not fit its output; the
                output or the relevance is not finite.
        """

    @property
    def quantity(self) -> str:
        """What `start` asks for, as a unit."""
        return {"logit": "logit", "one": "share"}.get(self.start, "probability")

    def origin(self, inputs: Tensor) -> Tensor:
        """`baseline` in the shape and type of inputs ``[B, ...]``, not to be written to.

        Raises:
            SpeechLRPError: there is none, or it does not broadcast against them.
        """
        if self.baseline is None:
            raise SpeechLRPError(
                f"the explainer {type(self).__name__} has no baseline, and promises to sum to "
                f"{self.sums_to}; give it one, self.baseline = 0.0 or a tensor"
            )
        return baseline_like(self.baseline, inputs)

    def promised(
        self,
        logits: Tensor,
        target: Target,
        at_baseline: Callable[[], Tensor],
        dim: int | None = None,
    ) -> Tensor | None:
        """What the relevance of each example should add up to, ``[B]``; None: nothing.

        Args:
            logits: of the examples, ``[B, K, ...]``.
            target: as of `explain`.
            at_baseline: gives the logits of the baseline, ``[1, K, ...]`` or ``[B, K, ...]``.
            dim: of the network's own softmax.
        """
        if self.sums_to == NOTHING:
            return None
        question = asked_of(logits, target, self.start, len(logits), dim)
        promised = question.answer(logits)[0]
        if self.sums_to == CHANGE:
            promised = promised - question.answer(at_baseline().expand_as(logits))[0]
        return promised


def check_choice(key: str, value: str, known: Collection[str]) -> str:
    """Give the value back, or raise SpeechLRPError where the table does not hold it."""
    if not isinstance(value, str) or value not in known:
        raise unknown(f"value of explainer.{key}", value, known)
    return value


def check_least(key: str, value: float, least: float, section: str = "explainer") -> float:
    """Give the value back; SpeechLRPError where it is no finite number or below the least."""
    if isinstance(value, bool) or not isinstance(value, Real) or not least <= value < inf:
        raise SpeechLRPError(f"{section}.{key} is {value}; it must be at least {least}, and finite")
    return value


def check_whole(key: str, value: int, least: int | None = 1, section: str = "explainer") -> int:
    """Give a whole number, numpy's too, back as one of Python's, or raise SpeechLRPError.

    It stands in a section and is at least the least, where that is not None.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if least is not None and not (isinstance(value, Real) and value >= least):
        raise SpeechLRPError(f"{section}.{key} is {value}; it must be at least {least}")
    if not whole:
        raise SpeechLRPError(f"{section}.{key} is {value}; it must be a whole number")
    return int(value)


def check_two(key: str, value: Any) -> tuple[int, int]:
    """Bins of frequency and frames, each from 1 on; a single number stands for a square.

    Raises:
        SpeechLRPError: the value is something else.
    """
    sizes = (value, value) if isinstance(value, Integral) else value
    fits = isinstance(sizes, list | tuple) or hasattr(sizes, "tolist")
    if not fits or isinstance(value, bool) or len(sizes) != 2 or not all(map(_from_one, sizes)):
        raise SpeechLRPError(
            f"explainer.{key} must be bins of frequency and frames, from 1 on, such as [16, 8], or "
            f"one number for both; found {value!r}"
        )
    return int(sizes[0]), int(sizes[1])


def _from_one(number: Any) -> bool:
    return isinstance(number, Integral) and not isinstance(number, bool) and int(number) >= 1
