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
    """Choose the rule of every layer, which takes the whole pass, if only its outline.

    Returns:
        The composite's pairs that no layer meets.

    Raises:
        NotExplainable: a layer that needs a rule gets none.
    """
    mark_gates(tape)
    pairs = [(node, node.layer) for node in tape.nodes if node.layer is not None]
    layers = [layer for _, layer in pairs]
    for (node, _), rule in zip(pairs, composite.assign(layers), strict=True):
        node.rule = rule
    return composite.unmet(layers)


def settle(tape: Tape, composite: Composite) -> None:
    """Make of the nodes what their rules ask for.

    Batch norms are joined to the layer before them, means become constants.
    """
    nodes = [node for node in tape.nodes if node.layer is not None]
    if composite.constant_mean:
        _hold_means(nodes)
    for node in nodes:
        rule, product = node.rule, node.layer
        if isinstance(rule, ProductRule) and isinstance(product, Product) and product.elementwise:
            node.carry = partial(rule.carry, product)
    for node, norm in _joined(tape, composite):
        layer, after = node.layer, norm.layer
        assert isinstance(layer, Layer)
        assert isinstance(after, Layer)
        node.layer = Merged(layer, after)
        # One node from the layer's input to the norm's output; what is between, nobody else reads.
        node.outputs = norm.outputs
        tape.nodes.remove(norm)


def meets_zeros(tape: Tape, sources: Sequence[Value], composite: Composite) -> bool:
    """Whether relevance that a rule gives to zeros has to be shared out again before the input."""
    producers, joined = producers_of(tape), [norm for _, norm in _joined(tape, composite)]
    ruled = [node for node in tape.nodes if node.rule is not None and node not in joined]
    direct = [node for node in ruled if node.rule is not None and node.rule.direct]
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


def _joined(tape: Tape, composite: Composite) -> list[tuple[Node, Node]]:
    """The layers and the batch norms that alone read them, which are to be one operation."""
    producers, pairs = producers_of(tape), []
    for norm in tape.nodes:
        node = producers.get(id(norm.inputs[0])) if norm.operation == "batch_norm" else None
        if node is None or node.operation not in WEIGHTED or not isinstance(norm.layer, Layer):
            continue
        fits = node.operation != "linear" or norm.layer.x.dim() == 2
        spans = node.rule is not None and node.rule.spans_batch_norm
        if node.outputs[0].consumers == 1 and fits and (composite.merge_batch_norm or spans):
            pairs.append((node, norm))
    return pairs
