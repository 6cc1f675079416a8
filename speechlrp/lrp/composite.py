"""Which layer gets which rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase

from torch import nn

from speechlrp.lrp.errors import LRPError, NotExplainable
from speechlrp.lrp.layer import Layer
from speechlrp.lrp.operations.names import MODULE_OF, TAKES_A_RULE
from speechlrp.lrp.rules.base import Rule

Selector = type[nn.Module] | str | Callable[[str, nn.Module], bool]


class Composite:
    """An ordered list of (selector, rule); the first that matches a layer wins.

    Args:
        rules: pairs of a selector and a rule. A selector is

            * a module class: matches its instances, and the same operation called as a
              function (``nn.Conv2d`` matches ``F.conv2d``);
            * a string: a pattern for the module's path, as in ``"features.*"``;
            * a function ``(name, module) -> bool``.

    Dense layers and convolutions need a rule. An average pooling takes one where it
    matches, and is propagated by its gradient (LRP-0) where none does.

    Raises:
        LRPError: a selector or a rule is of no known kind.

    Example:
        >>> from torch import nn
        >>> from speechlrp.lrp import Composite, Epsilon, Zero
        >>> thesis = Composite([(nn.Linear, Zero()), (nn.Module, Epsilon(0.8))])
    """

    def __init__(
        self, rules: Sequence[tuple[Selector, Rule]], *, merge_batch_norm: bool = False
    ) -> None:
        self.merge_batch_norm = merge_batch_norm
        self.rules = tuple(_checked(pair) for pair in rules)

    def assign(self, layers: Sequence[Layer]) -> list[Rule | None]:
        """Choose the rule of every layer, given all layers in the order of the forward pass.

        Raises:
            NotExplainable: a dense layer or a convolution matches no selector.
        """
        return [self._rule(layer) for layer in layers]

    def _rule(self, layer: Layer) -> Rule | None:
        for selector, rule in self.rules:
            if _matches(selector, layer):
                return rule
        if layer.operation in TAKES_A_RULE:
            raise NotExplainable(
                f"{layer.operation} in {layer.place} matches no selector of the composite; "
                f"add a pair such as (nn.{MODULE_OF[layer.operation].__name__}, Epsilon(0.01))"
            )
        return None

    def __repr__(self) -> str:
        return f"Composite({list(self.rules)!r})"


def _matches(selector: Selector, layer: Layer) -> bool:
    if isinstance(selector, str):
        return fnmatchcase(layer.place.name, selector)
    if isinstance(selector, type):
        return isinstance(layer.place.module, selector) or issubclass(
            MODULE_OF[layer.operation], selector
        )
    return bool(selector(layer.place.name, layer.place.module))


def _checked(pair: tuple[Selector, Rule]) -> tuple[Selector, Rule]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise LRPError(f"a composite is a list of (selector, rule) pairs; found {pair!r}")
    selector, rule = pair
    if isinstance(selector, type) and not issubclass(selector, nn.Module):
        raise LRPError(f"a selector class must be a torch module; found {selector.__name__}")
    if not isinstance(selector, str) and not callable(selector):
        raise LRPError(f"a selector is a module class, a pattern or a function; found {selector!r}")
    if not isinstance(rule, Rule):
        raise LRPError(f"a rule must be an instance such as Epsilon(0.01); found {rule!r}")
    return selector, rule
