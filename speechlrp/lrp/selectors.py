"""Which operations may take a rule, and what picks those that get one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from numbers import Real
from typing import Any

from torch import nn

from speechlrp.lrp.layer import Layer, Product
from speechlrp.lrp.refusals import LRPError


@dataclass(frozen=True)
class First:
    """The first layer that needs a rule, in the order of the forward pass."""


@dataclass(frozen=True)
class Last:
    """The last layer that needs a rule, in the order of the forward pass."""


@dataclass(frozen=True)
class Depth:
    """The layers in a part of the depth: ``Depth(0, 1/3)`` is the third nearest the input.

    Of ``n`` layers that need a rule, in the order of the forward pass, number ``i = 0, 1, ...``
    stands at ``i / n``. What needs none (a norm, an average pool, a product) stands where the
    last one before it does that needs one, or at 0.

    Args:
        start: where the part begins, itself included.
        stop: where it ends, not included.

    Raises:
        LRPError: not ``0 <= start < stop <= 1``.
    """

    start: float
    stop: float

    def __post_init__(self) -> None:
        numbers = all(
            isinstance(end, Real) and not isinstance(end, bool) for end in (self.start, self.stop)
        )
        if not (numbers and 0 <= self.start < self.stop <= 1):
            raise LRPError(
                f"Depth(start, stop) takes fractions 0 <= start < stop <= 1; "
                f"found Depth({self.start!r}, {self.stop!r})"
            )

    def __repr__(self) -> str:
        return f"Depth({float(self.start):.3g}, {float(self.stop):.3g})"


class All:
    """The layers that every one of some selectors picks.

    ``All(nn.Conv2d, First())`` is the model's first layer if that is a convolution, and nothing
    if it isn't.

    Args:
        selectors: one or more.

    Raises:
        LRPError: none, or one of no known kind.
    """

    def __init__(self, *selectors: Selector) -> None:
        if not selectors:
            raise LRPError("All() needs selectors, such as All(nn.Conv2d, First())")
        for selector in selectors:
            check_selector(selector)
        self.selectors = selectors

    def __repr__(self) -> str:
        return f"All({', '.join(map(shown, self.selectors))})"


Predicate = Callable[[str, nn.Module], bool]
Selector = type[nn.Module] | str | Predicate | First | Last | Depth | All | tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Position:
    """A layer and its number among the ``count`` calls that need a rule.

    ``number`` is, for a layer that needs none, that of the last one before it.
    """

    layer: Layer | Product
    number: int
    count: int

    @property
    def needs_a_rule(self) -> bool:
        """Whether the layer is dense or a convolution."""
        return self.layer.operation in TAKES_A_RULE


def positions(layers: Sequence[Layer | Product]) -> Iterator[Position]:
    """Number the layers of a forward pass; a module that ran twice is two layers."""
    needing = [layer.operation in TAKES_A_RULE for layer in layers]
    number = -1
    for layer, needs in zip(layers, needing, strict=True):
        number += needs
        yield Position(layer, max(number, 0), sum(needing))


def matches(selector: Selector, position: Position) -> bool:
    """Whether a selector picks a layer; of a tuple, whether any of its members does."""
    place, operation = position.layer.place, position.layer.operation
    match selector:
        case tuple():
            return any(matches(one, position) for one in selector)
        case All():
            return all(matches(one, position) for one in selector.selectors)
        case First():
            return position.needs_a_rule and position.number == 0
        case Last():
            return position.needs_a_rule and position.number == position.count - 1
        case Depth():
            return selector.start <= position.number / max(position.count, 1) < selector.stop
        case str():
            return fnmatchcase(place.name, selector)
        case type():
            kind = MODULE_OF.get(operation, nn.Module)
            return isinstance(place.module, selector) or issubclass(kind, selector)
    return bool(selector(place.name, place.module))


def check_selector(selector: Any) -> None:
    """Raise unless a selector is of a known kind."""
    if isinstance(selector, tuple) and selector:
        _check_alternatives(selector)
        return
    if isinstance(selector, type):
        if not issubclass(selector, nn.Module):
            hint = f"; write {selector.__name__}()" if selector in (First, Last) else ""
            raise LRPError(
                f"a selector class must be a torch module; found {selector.__name__}{hint}"
            )
    elif not (isinstance(selector, str | First | Last | Depth | All) or callable(selector)):
        raise LRPError(
            "a selector is a module class, a pattern, a tuple of either, a function, First(), "
            f"Last(), Depth(...) or All(...); found {selector!r}"
        )


def _check_alternatives(selectors: tuple[Any, ...]) -> None:
    """Raise unless a tuple reads as ``isinstance`` reads it: classes, or patterns."""
    for one in selectors:
        check_selector(one)
    if not any(all(isinstance(one, kind) for one in selectors) for kind in (type, str)):
        together = ", ".join(map(shown, selectors))
        raise LRPError(
            f"a tuple of classes or of patterns picks what any of them picks; found ({together}): "
            f"for what all of them pick write All({together})"
        )


def shown(selector: Selector) -> str:
    """A selector as one would write it."""
    if isinstance(selector, tuple):
        return f"({', '.join(map(shown, selector))}{',' if len(selector) == 1 else ''})"
    if isinstance(selector, type):
        return f"nn.{selector.__name__}" if hasattr(nn, selector.__name__) else selector.__name__
    if isinstance(selector, str | First | Last | Depth | All):
        return repr(selector)
    return getattr(selector, "__name__", repr(selector))


Kinds = dict[str, type[nn.Module]]


def _kinds(operation: str, module: str) -> Kinds:
    """An operation and its module, in one, two and three dimensions."""
    return {f"{operation}{d}d": getattr(nn, f"{module}{d}d") for d in (1, 2, 3)}


WEIGHTED: Kinds = {"linear": nn.Linear, **_kinds("conv", "Conv")}
WEIGHTED |= _kinds("conv_transpose", "ConvTranspose")
PRODUCTS: Kinds = {"matmul": nn.Linear, "einsum": nn.Linear}
AVERAGES = _kinds("avg_pool", "AvgPool") | _kinds("adaptive_avg_pool", "AdaptiveAvgPool")
NORMS: Kinds = {
    "batch_norm": nn.modules.batchnorm._BatchNorm,
    "instance_norm": nn.modules.instancenorm._InstanceNorm,
    "group_norm": nn.GroupNorm,
    "layer_norm": nn.LayerNorm,
    "rms_norm": nn.RMSNorm,
    "normalize": nn.Module,
}
MODULE_OF = WEIGHTED | PRODUCTS | AVERAGES | NORMS
TAKES_A_RULE = frozenset(WEIGHTED | PRODUCTS)
