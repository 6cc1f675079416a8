"""Which factors of a product are gates or divisors, read off the tape."""

from __future__ import annotations

from collections.abc import Mapping

from speechlrp.lrp.product import Product
from speechlrp.lrp.tape import Node, Tape, Value

GATES = frozenset(["sigmoid", "special_expit", "hardsigmoid", "softmax", "special_softmax", "exp"])
"""Operations whose results are gates."""
SOFT_GATES = (
    frozenset(["softplus"]),
    frozenset(["silu", "gelu", "hardswish", "mish", "tanh", "erf"]),
)
"""Those whose results are, where neither factor is a gate of a kind before."""
DIVISORS = frozenset(["rsqrt", "reciprocal", "negative_power"])
"""Operations whose results divide what they are multiplied with."""
_SCALING = "mul multiply rmul imul div divide true_divide truediv itruediv idiv neg negative mean "
_SCALING += "add radd iadd sub subtract rsub isub interpolate upsample"
SCALING = frozenset(_SCALING.split())
"""Operations through which a gate stays one, beside those that move numbers."""


def mark_gates(tape: Tape) -> None:
    """Tell every product on a finished tape what makes each of its factors a gate, if anything.

    A product with a divisor, as norms written out have it, becomes a quotient.
    """
    products = [(node, layer) for node in tape.nodes if (layer := _product(node)) is not None]
    producers = producers_of(tape) if products else {}
    for node, product in products:
        made = [_names(origins(value, producers, through_products=True)) for value in node.inputs]
        _mark_divisor(product, made)
        kinds = ([_kind(names, kind) for names in made] for kind in (GATES, *SOFT_GATES))
        first, second = next((gates for gates in kinds if any(gates)), (None, None))
        product.gates = first, second


def is_gate(value: Value, tape: Tape) -> bool:
    """Whether a value is a gate of the first kind, as far as the tape goes by now."""
    made = origins(value, producers_of(tape), through_products=True)
    return _kind(_names(made), GATES) is not None


def _product(node: Node) -> Product | None:
    """The product in which the tape may know a gate, if it is one; attention says its own."""
    layer = node.layer
    return layer if isinstance(layer, Product) and node.operation != "attention" else None


def _mark_divisor(product: Product, made: list[set[str]]) -> None:
    divides = [_kind(names, DIVISORS) is not None for names in made]
    if product.operation == "product" and divides.count(True) == 1:
        product.operation, product.divisor = "quotient", divides.index(True)


def origins(
    value: Value, producers: Mapping[int, Node], through_products: bool = False
) -> list[Node | None]:
    """The operations that made what a value consists of, up to moving and scaling.

    ``None`` stands for the model's input. Where it goes through products, they consist of
    their factors, and a quotient of its numerator.
    """
    nodes, waiting, seen = [], [value], set()
    while waiting:
        one = waiting.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        node = producers.get(id(one))
        inside = None if node is None else _inside(node, through_products)
        if inside is None:
            nodes.append(node)
        else:
            waiting += inside
    return nodes


def producers_of(tape: Tape) -> dict[int, Node]:
    """The operation that made each value, by the value's ``id``."""
    return {id(value): node for node in tape.nodes for value in node.outputs}


def _inside(node: Node, through_products: bool) -> list[Value] | None:
    """The values that a result is made of by moving and scaling, if it is."""
    if (product := _product(node)) is not None:
        dividend = [one for i, one in enumerate(node.inputs) if i != product.divisor]
        return dividend if through_products else None
    if node.operation.endswith("_as"):  # the shape of another
        return node.inputs[:1]
    moves = node.carry is not None and node.carry is node.backward
    return node.inputs if moves or node.operation.strip("_") in SCALING else None


def _names(nodes: list[Node | None]) -> set[str]:
    return {"" if node is None else node.operation.strip("_") for node in nodes}


def _kind(names: set[str], kinds: frozenset[str]) -> str | None:
    """One of the names, if all are of a kind."""
    return min(names) if names and names <= kinds else None
