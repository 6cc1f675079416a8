"""What a rule is."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from speechlrp.lrp.layer import TWO_FACTORS, Layer
from speechlrp.lrp.refusals import LRPError
from speechlrp.lrp.rules.contributions import Contributions, Terms


class Rule(ABC):
    """How a layer ``z = w x + b`` hands the relevance of its output to its input.

    A rule works on ``c = R / value`` rather than on the relevance ``R`` itself; with
    ``c_out = R_out / z`` it returns ``c_in = R_in / x``. ``docs/adding-a-rule.md`` goes
    through one.
    """

    direct: ClassVar[bool] = False
    """Whether ``backward`` returns the relevance ``R_in`` itself in place of ``c_in``, as a rule
    does that gives relevance to inputs of 0."""
    spans_batch_norm: ClassVar[bool] = False
    """Whether the rule acts on a layer together with the batch norm that follows it."""
    reads_input: ClassVar[bool] = True
    """Whether ``backward`` needs the numbers of ``layer.x``, and not its shape and type alone."""
    operations: ClassVar[frozenset[str]] = frozenset()
    """Of what it is a rule, for rules that are not for layers."""

    def fits(self, operation: str) -> bool:
        """Whether it is a rule for an operation of this name: layers, or what ``operations`` says.

        A pair of a composite whose rule doesn't fit is passed over.
        """
        return operation in self.operations if self.operations else operation not in TWO_FACTORS

    @abstractmethod
    def backward(self, layer: Any, c: Tensor) -> Any:
        """Turn the ``c`` of the layer's output into that of its input.

        Args:
            layer: the operation, with its input ``x``, output ``z``, weights and transpose: a
                ``Layer``, or for a rule of products a ``Product``.
            c: shaped like ``layer.z``; not to be changed in place.

        Returns:
            A tensor shaped like ``layer.x``; of a product, one for each factor.
        """

    def bias(self, layer: Any, c: Tensor) -> Tensor | None:
        """The relevance that each output gives to the bias, shaped like ``layer.z``.

        For reports alone; ``None`` where a rule doesn't say.
        """
        return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class SharedRule(Rule):
    """A rule ``R_i = sum_j x_i w_ij s_j`` whose ``s`` alone differs from one to the next."""

    @abstractmethod
    def share(self, layer: Layer, c: Tensor) -> Tensor:
        """``s``, the relevance of each output per unit of contribution, shaped like ``z``."""

    def backward(self, layer: Layer, c: Tensor) -> Tensor:
        """``c_in = w^T s``."""
        return layer.transpose(self.share(layer, c))

    def bias(self, layer: Layer, c: Tensor) -> Tensor:
        """``b s``."""
        return layer.spread(layer.bias) * self.share(layer, c)


class SignedRule(Rule):
    """A rule that weighs positive and negative contributions differently.

    ``R_i = sum_j (a z_ij+ + b z_ij-) s_j``, summed over the rule's terms ``(s, a, b)``.

    Args:
        stabilizer: added to every denominator, with its sign.

    Raises:
        LRPError: the stabiliser is not a finite number above 0.
    """

    divides: ClassVar[Sequence[str]] = ()
    """The sums that the rule divides by, of ``"positive"`` and ``"negative"``."""

    def __init__(self, stabilizer: float = 1e-6) -> None:
        self.stabilizer = finite("stabilizer", stabilizer, above=0)

    @abstractmethod
    def terms(self, layer: Layer, c: Tensor, parts: Contributions) -> Terms:
        """The terms ``(s, a, b)``, each ``s`` shaped like ``layer.z``."""

    def guard(self, z: Tensor) -> float:
        """The stabiliser, or the least normal number of the precision where that is more."""
        return max(self.stabilizer, torch.finfo(z.dtype).smallest_normal)

    def backward(self, layer: Layer, c: Tensor) -> Tensor:
        """Back through the weights of each sign."""
        passed = []
        for rows, part in layer.examples():
            parts = Contributions(part, c[rows], self.divides)
            passed.append(parts.back(self.terms(part, c[rows], parts)))
        return passed[0] if len(passed) == 1 else torch.cat(passed)

    def bias(self, layer: Layer, c: Tensor) -> Tensor:
        """Its positive part counts as a positive contribution, its negative as a negative one."""
        parts = Contributions(layer, c, self.divides)
        return parts.bias(self.terms(layer, c, parts))


def finite(name: str, value: float, above: float | None = None) -> float:
    """The value as a float; LRPError unless finite and at least 0, or where given, above that."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise LRPError(f"{name} must be a number; found {value!r}")
    if not math.isfinite(value) or value < 0 or (above is not None and value <= above):
        least = "at least 0" if above is None else f"above {above:g}"
        raise LRPError(f"{name} must be a finite number {least}; found {value!r}")
    return float(value)


def stabilised(denominator: Tensor, stabilizer: float, out: Tensor | None = None) -> Tensor:
    """``d + stabilizer sgn d`` with ``sgn 0 = 1``, in a new tensor or the given one."""
    # A tensor without dimensions on the CPU goes with any device and does not widen the type, as
    # a number does; copysign takes no number in first place.
    size = torch.tensor(stabilizer, dtype=torch.float64, device="cpu")
    return torch.copysign(size, denominator, out=out).add_(denominator)
