"""Read off a finished tape which factors are gates, and give every layer its rule."""

from collections.abc import Mapping, Sequence
from functools import partial

from speechlrp.lrp.composite import Composite
from speechlrp.lrp.layer import Layer, Product
from speechlrp.lrp.rules.products import ProductRule
from speechlrp.lrp.rules.rule import Rule
from speechlrp.lrp.scaling import Centring, Merged
from speechlrp.lrp.selectors import WEIGHTED, Selector
from speechlrp.lrp.tape import Node, Tape, Value


def assign(tape: Tape, composite: Composite) -> list[tuple[Selector, Rule]]:
    """Choose the rule of every layer, which takes the whole pass, if only its outline.

    Gives the composite's pairs that no layer meets; raises NotExplainable where a layer that needs
    a rule gets none.
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
            node.carry = partial(product.carry, rule.shares)
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
            node.backward = partial(lambda layer, cs: [layer.transpose(cs[0])], layer)


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


GATES = frozenset(["sigmoid", "special_expit", "hardsigmoid", "softmax", "special_softmax"])
GATES |= {"exp", "exp2", "exponential"}
"""Operations whose results are gates."""
SOFT_GATES = (
    frozenset(["softplus"]),
    frozenset(["silu", "gelu", "hardswish", "mish", "tanh", "erf", "sign", "sgn"]),
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
    if not any(map(_product, tape.nodes)):
        return
    made_of: dict[int, set[str]] = {}  # once for each value: recurrences go through all before
    for node in tape.nodes:
        if (product := _product(node)) is not None:
            _mark(product, [made_of.get(id(value), {""}) for value in node.inputs])
        inside = _inside(node, through_products=True)
        names = _names([node]) if inside is None else set()
        names.update(*(made_of.get(id(value), {""}) for value in inside or ()))
        made_of.update((id(value), names) for value in node.outputs)


def _mark(product: Product, made: Sequence[set[str]]) -> None:
    """Tell a product what its factors are made of: its divisor, and its gates."""
    divides = [_kind(names, DIVISORS) is not None for names in made]
    if product.operation == "product" and divides.count(True) == 1:
        product.operation, product.divisor = "quotient", divides.index(True)
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
