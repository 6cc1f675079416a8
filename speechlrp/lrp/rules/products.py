"""Rules for products of two tensors that both depend on the input: gates and attention."""

from abc import abstractmethod
from typing import ClassVar

from torch import Tensor

from speechlrp.lrp.layer import TWO_FACTORS, Product, Share
from speechlrp.lrp.refusals import LRPError, NotExplainable
from speechlrp.lrp.rules.rule import Rule

SIDES = ("first", "second")


class ProductRule(Rule):
    r"""A rule that divides the relevance of a product ``z = f(a, b)`` between its factors.

    With the shares ``p + q = 1``, ``c_a = f(., b)^T [p c]`` and ``c_b = f(a, .)^T [q c]``: as
    ``f`` is linear in each factor, ``sum a c_a = p sum z c`` and ``sum b c_b = q sum z c``, so
    that nothing is lost. For ``z = a b`` that is ``R_a = p R`` and ``R_b = q R``, summed over what
    a factor is broadcast to; for a matrix product, within a factor by the contributions to ``z``.
    """

    operations: ClassVar = frozenset({"product", "attention"})
    reads_input: ClassVar = False

    @abstractmethod
    def shares(self, product: Product) -> tuple[Share, Share]:
        """The part of the relevance for each factor, 1 in sum: numbers, or shaped like ``z``."""

    def backward(self, layer: Product, c: Tensor) -> list[Tensor | None]:
        """``c`` of the factors, ``None`` for one that gets nothing."""
        return layer.share_out(c, self.shares)

    def bias(self, layer: Product, c: Tensor) -> Tensor:
        """What the constant of a softmax absorbs in attention in one call; else nothing."""
        return layer.absorbed(c, self.shares)


class SignalTakesAll(ProductRule):
    r"""Signal takes all: the gate is a constant, the signal gets all of the relevance.

    .. math:: z = g\,s: \qquad R_s = R_z, \quad R_g = 0

    The gate decides how much of the signal passes, the signal what is passed. For squeeze and
    excitation, gated convolutions, and attention: with the weights of a softmax for constants
    ``sum_t w_t x_t`` is a dense layer. With LRP-0 it is the gradient times input of the network
    whose gates are detached. What a gate does by looking at the input isn't explained; that is
    why a network can be sensitive to an entry without relevance. Elements of the network that
    reach the output by gates alone get none.

    The gate is the factor that is made by a sigmoid, a hard sigmoid, a softmax or an exponential
    and then at most reshaped, repeated, picked from, averaged, or scaled and shifted by constants
    (``1 - g``); where neither is, the one that is so made by softplus (the steps of state space
    models), and where neither is, by SiLU, GELU, tanh or erf (SwiGLU, GEGLU). In a quotient it is
    the divisor, reciprocals and negative powers among the factors included: what is divided by a
    norm or a sum passes its relevance on as in a normalisation layer.

    Args:
        gate: ``"first"`` or ``"second"`` factor of the product; None: found as above.
        otherwise: likewise, of products whose gate is not found so, as where the forward of one
            module has several.

    Raises:
        LRPError: another gate; in use, where relevance arrives and neither or both factors
            are gates, so that it has to be named.

    Source: Arras et al. 2017, "Explaining recurrent neural network predictions in sentiment
    analysis", section 2.2; for attention and quotients Ali et al. 2022, "XAI for
    transformers: better explanations through conservative propagation".
    """

    operations: ClassVar = TWO_FACTORS

    def __init__(self, gate: str | None = None, otherwise: str | None = None) -> None:
        for side in (gate, otherwise):
            if side not in (None, *SIDES):
                raise LRPError(f"gate must be 'first', 'second' or None; found {side!r}")
        self.gate, self.otherwise = gate, otherwise

    def shares(self, product: Product) -> tuple[Share, Share]:
        """All for the signal."""
        if product.divisor is not None:
            return (0.0, 1.0) if product.divisor == 0 else (1.0, 0.0)
        second = (self.gate or self._found(product)) == "second"
        return (1.0, 0.0) if second else (0.0, 1.0)

    def _found(self, product: Product) -> str:
        sides = [side for side, gate in zip(SIDES, product.gates, strict=True) if gate]
        if len(sides) == 1 or self.otherwise:
            return sides[0] if len(sides) == 1 else str(self.otherwise)
        which = "both factors come" if sides else "neither factor comes"
        name = product.place.name
        raise NotExplainable(
            f"in a product of two tensors of the input in {product.place} {which} from a sigmoid, "
            f"a softmax or another gate, so which is the gate has to be said; add a pair such as "
            f"({name!r}, SignalTakesAll('second')), or ({name!r}, Uniform()) for equal shares"
        )

    def __repr__(self) -> str:
        sides = [repr(self.gate)] if self.gate else []
        sides += [f"otherwise={self.otherwise!r}"] if self.otherwise else []
        return f"SignalTakesAll({', '.join(sides)})"


class Uniform(ProductRule):
    r"""The uniform rule: both factors get half of the relevance.

    .. math:: z_j = \sum_i a_{ij} b_{ij}: \qquad
        R(a_{ij}) = R(b_{ij}) = \frac{a_{ij} b_{ij}}{2\,z_j} R_j

    The gate's half flows on through what made the gate, so that an explanation also shows what
    opened it: a sigmoid passes it on, a softmax by its first-order Taylor expansion, which
    absorbs some. The choice for products without a gate, such as those of queries and keys.

    Source: Achtibat et al. 2024, "AttnLRP", propositions 3.2 (numbers) and 3.3 (matrices);
    equal halves as in Arras et al. 2019, "Explaining and interpreting LSTMs", LRP-half.
    """

    def shares(self, product: Product) -> tuple[Share, Share]:
        """Half and half."""
        return 0.5, 0.5
