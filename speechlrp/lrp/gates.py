"""Which factors of a product are gates, read off the tape."""

from __future__ import annotations

from collections.abc import Mapping

from speechlrp.lrp.product import Product
from speechlrp.lrp.tape import Node, Tape, Value

GATES = {"sigmoid", "sigmoid_", "special_expit", "hardsigmoid", "softmax", "special_softmax"}
_SCALING = "mul multiply rmul imul div divide true_divide truediv itruediv idiv neg negative mean "
_SCALING += "add radd iadd sub subtract rsub isub interpolate upsample"
SCALING = frozenset(_SCALING.split())
"""Operations through which a gate stays one, beside those that move numbers."""


def mark_gates(tape: Tape) -> None:
    """Tell every product on a finished tape what makes each of its factors a gate, if anything."""
    products = [node for node in tape.nodes if isinstance(node.layer, Product)]
    producers = producers_of(tape) if products else {}
    for node in products:
        found = [origins(value, producers, through_products=True) for value in node.inputs]
        node.layer.gates = tuple(_gate(nodes) for nodes in found)


def origins(
    value: Value, producers: Mapping[int, Node], through_products: bool = False
) -> list[Node | None]:
    """The operations that made what a value consists of, up to moving and scaling.

    ``None`` stands for the model's input. Where it goes through products, they consist of
    their factors, and a quotient of its numerator.
    """
    found, waiting, seen = [], [value], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        node = producers.get(id(one))
        inside = None if node is None else _inside(node, through_products)
        if inside is None:
            found.append(node)
        else:
            waiting += inside
    return found


def producers_of(tape: Tape) -> dict[int, Node]:
    """The operation that made each value, by the value's ``id``."""
    return {id(value): node for node in tape.nodes for value in node.outputs}


def _inside(node: Node, through_products: bool) -> list[Value] | None:
    """The values that a result is made of by moving and scaling, if it is."""
    if isinstance(node.layer, Product):
        inputs = node.inputs if node.operation == "product" else node.inputs[:1]
        return inputs if through_products else None
    if node.operation.endswith("_as"):  # the shape of another
        return node.inputs[:1]
    moves = node.carry is not None and node.carry is node.backward
    return node.inputs if moves or node.operation.strip("_") in SCALING else None


def _gate(nodes: list[Node | None]) -> str | None:
    names = [None if node is None else node.operation for node in nodes]
    return names[0].strip("_") if names and GATES.issuperset(names) else None
