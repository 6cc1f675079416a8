"""Give every layer of a finished forward pass its rule."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from speechlrp.lrp.composite import Composite
from speechlrp.lrp.gates import mark_gates, producers_of
from speechlrp.lrp.layer import Layer
from speechlrp.lrp.product import Product
from speechlrp.lrp.rules.products import ProductRule
from speechlrp.lrp.rules.rule import Rule
from speechlrp.lrp.scaling import Centring, Merged
from speechlrp.lrp.selectors import WEIGHTED, Selector
from speechlrp.lrp.tape import Coefficients, Node, Tape, Value


def assign(tape: Tape, composite: Composite) -> list[tuple[Selector, Rule]]:
    """Choose the rules, and join batch norms to the layer before them where that is asked for.

    Returns:
        The composite's pairs that no layer meets.

    Raises:
        NotExplainable: a layer that needs a rule gets none.
    """
    nodes = [node for node in tape.nodes if node.layer is not None]
    if composite.constant_mean:
        _hold_means(nodes)
    mark_gates(tape)
    layers = [node.layer for node in nodes if node.layer is not None]
    rules = composite.assign(layers)
    for node, rule in zip(nodes, rules, strict=True):
        node.rule = rule
        product = node.layer
        if isinstance(rule, ProductRule) and isinstance(product, Product) and product.elementwise:
            node.carry = partial(rule.carry, product)
    producers = producers_of(tape)
    for node in nodes:
        if node.operation == "batch_norm":
            _join(tape, producers.get(id(node.inputs[0])), node, composite.merge_batch_norm)
    return composite.unmet(layers)


def meets_zeros(tape: Tape, sources: Sequence[Value]) -> bool:
    """Whether relevance that a rule gives to zeros has to be shared out again before the input."""
    producers = producers_of(tape)
    direct = [node for node in tape.nodes if node.rule is not None and node.rule.direct]
    waiting, seen = [value for node in direct for value in node.inputs], set(map(id, sources))
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        node = producers[id(value)]
        if node.carry is None:
            return True
        waiting += node.inputs
    return False


def _hold_means(nodes: list[Node]) -> None:
    """Take the means of norms for constants, as their deviations are."""
    for node in nodes:
        if isinstance(node.layer, Centring):
            node.layer = layer = node.layer.with_constant_mean()
            node.backward = partial(_scaled_back, layer)


def _scaled_back(layer: Layer, outgoing: Coefficients) -> Coefficients:
    return [layer.transpose(outgoing[0])]


def _join(tape: Tape, node: Node | None, norm: Node, merge: bool) -> None:
    """Make one operation of a layer and the batch norm that alone reads it."""
    if node is None or node.operation not in WEIGHTED:
        return
    layer, after = node.layer, norm.layer
    if not (isinstance(layer, Layer) and isinstance(after, Layer)):
        return
    (value,) = node.outputs
    fits = node.operation != "linear" or after.x.dim() == 2
    spans = node.rule is not None and node.rule.spans_batch_norm
    if value.consumers == 1 and fits and (merge or spans):
        node.layer = Merged(layer, after)
        # One node from the layer's input to the norm's output; what is between, nobody else reads.
        node.outputs = norm.outputs
        tape.nodes.remove(norm)
