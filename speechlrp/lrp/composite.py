"""Which layer gets which rule."""

from collections.abc import Sequence

from torch import nn

from speechlrp.lrp.layer import TWO_FACTORS, Layer, Product
from speechlrp.lrp.refusals import LRPError, NotExplainable
from speechlrp.lrp.rules.products import SignalTakesAll
from speechlrp.lrp.rules.rule import Rule
from speechlrp.lrp.selectors import (
    MODULE_OF,
    Position,
    Selector,
    check_selector,
    matches,
    positions,
    shown,
)


class Composite:
    """An ordered list of (selector, rule); the first that matches a layer wins.

    Args:
        rules: pairs of a selector and a rule. A selector is

            * a module class: matches its instances, and the same operation called as a
              function (``nn.Conv2d`` matches ``F.conv2d``);
            * a string: a pattern for the module's path, as in ``"features.*"``;
            * a function ``(name, module) -> bool``;
            * ``First()`` or ``Last()``: the first or last layer that needs a rule;
            * ``Depth(start, stop)``: a part of the depth, ``Depth(0, 1/3)`` for the third
              nearest the input;
            * a tuple of classes or of patterns: what any of them matches, as ``isinstance``
              has it;
            * ``All(...)``: what several selectors all match. ``All(nn.Conv2d, First())`` is
              the model's first layer if that is a convolution, and nothing if it isn't.
        merge_batch_norm: whether a batch norm that alone reads the output of a dense layer
            or a convolution is merged into it, so that the layer's rule acts on both at once.
        constant_mean: whether layer, group and instance norms take their mean for a constant,
            as they do their deviation. It then absorbs relevance as a bias does.
        general: whether it is for networks of many kinds, as presets are. Of any other, a
            pair that no layer meets is told as a slip of the pen.

    Layers are calls: a module that runs twice is two layers, each with its own depth.
    Dense layers and convolutions need a rule. A norm or an average pooling takes one where
    it matches, and is propagated by its gradient (LRP-0) where none does. A product of two
    tensors that depend on the input (a gate, attention) takes a rule for products where one
    matches, and ``SignalTakesAll()`` where none does; rules for layers are passed over.
    ``describe(model, inputs, composite)`` shows which layer gets what.

    Raises:
        LRPError: a selector or a rule is of no known kind.

    Example:
        >>> from torch import nn
        >>> from speechlrp.lrp import Composite, Epsilon, Zero
        >>> thesis = Composite([(nn.Linear, Zero()), (nn.Module, Epsilon(0.8))])
    """

    def __init__(
        self,
        rules: Sequence[tuple[Selector, Rule]],
        *,
        merge_batch_norm: bool = False,
        constant_mean: bool = False,
        general: bool = False,
    ) -> None:
        self.merge_batch_norm, self.constant_mean = merge_batch_norm, constant_mean
        self.general = general
        self.rules = tuple(_checked(pair) for pair in rules)

    def assign(self, layers: Sequence[Layer | Product]) -> list[Rule | None]:
        """Choose the rule of every layer, given all layers in the order of the forward pass.

        Raises:
            NotExplainable: a dense layer or a convolution matches no selector.
        """
        rules = [None if i is None else self.rules[i][1] for i in self.choices(layers)]
        products = (layer.operation in TWO_FACTORS for layer in layers)
        pairs = zip(rules, products, strict=True)
        return [SignalTakesAll() if rule is None and two else rule for rule, two in pairs]

    def choices(self, layers: Sequence[Layer | Product]) -> list[int | None]:
        """As ``assign``, giving the number of the pair in ``rules`` in place of its rule."""
        return [self._choice(position) for position in positions(layers)]

    def unmet(self, layers: Sequence[Layer | Product]) -> list[tuple[Selector, Rule]]:
        """The pairs that no layer meets, whichever pair it takes; a pair for all is none.

        Of a general composite, too, none is.
        """
        if self.general:
            return []
        places = list(positions(layers))
        return [
            (selector, rule)
            for selector, rule in self.rules
            if selector is not nn.Module
            and not any(rule.fits(one.layer.operation) and matches(selector, one) for one in places)
        ]

    def _choice(self, position: Position) -> int | None:
        for index, (selector, rule) in enumerate(self.rules):
            if rule.fits(position.layer.operation) and matches(selector, position):
                return index
        if position.needs_a_rule:
            layer = position.layer
            raise NotExplainable(
                f"{layer.operation} in {layer.place} matches no selector of the composite; "
                f"add a pair such as (nn.{MODULE_OF[layer.operation].__name__}, Epsilon(0.01))"
            )
        return None

    def __repr__(self) -> str:
        pairs = ", ".join(f"({shown(selector)}, {rule!r})" for selector, rule in self.rules)
        options = [name for name in ("merge_batch_norm", "constant_mean") if getattr(self, name)]
        return f"Composite([{pairs}]{''.join(f', {name}=True' for name in options)})"


def _checked(pair: tuple[Selector, Rule]) -> tuple[Selector, Rule]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise LRPError(f"a composite is a list of (selector, rule) pairs; found {pair!r}")
    selector, rule = pair
    check_selector(selector)
    if not isinstance(rule, Rule):
        raise LRPError(f"a rule must be an instance such as Epsilon(0.01); found {rule!r}")
    return selector, rule
