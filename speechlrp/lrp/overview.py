"""See what a composite does to a model before trusting it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import nn

from speechlrp.lrp.assignment import assign, settle
from speechlrp.lrp.checks import check_composite
from speechlrp.lrp.composite import Composite
from speechlrp.lrp.engine import record
from speechlrp.lrp.forward import Forward, Inputs, Output
from speechlrp.lrp.layer import Layer, Product
from speechlrp.lrp.rules.rule import Rule
from speechlrp.lrp.scaling import Merged
from speechlrp.lrp.selectors import Selector, shown


class Assigned(NamedTuple):
    """A layer and its rule."""

    name: str  # path of the module, ``""`` for the model itself
    operation: str
    """Such as ``"conv2d"``; ``"conv2d + batch_norm"`` where a norm is merged, ``"product with
    sigmoid"`` where one factor is known to be the gate."""
    rule: Rule | None  # ``None`` where the layer follows its gradient (LRP-0)


@dataclass(frozen=True)
class Overview:
    """Every layer's rule; printed, a table."""

    layers: list[Assigned]  # in the order of the forward pass
    unused: list[tuple[Selector, Rule]]
    """The pairs of the composite that no layer took, often a slip of the pen."""

    def __str__(self) -> str:
        rows = [
            (*layer[:2], repr(layer.rule) if layer.rule else "gradient") for layer in self.layers
        ]
        text = table(("module", "operation", "rule"), rows)
        unused = [f"no layer takes ({shown(selector)}, {rule!r})" for selector, rule in self.unused]
        return "\n".join([text, *unused])


def describe(
    model: nn.Module,
    inputs: Inputs,
    composite: Composite,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    output: Output | None = None,
) -> Overview:
    """Which layer gets which rule; costs one forward pass.

    Arguments as for ``attribute``; one example ``[1, ...]`` is enough.

    Raises:
        NotExplainable: as ``attribute`` does: an operation or a layer without a rule.
        LRPError: the model is in training mode, or the inputs are not floating point.

    Example:
        >>> print(describe(model, inputs[:1], composite))  # doctest: +SKIP
    """
    check_composite(composite)
    with torch.inference_mode(False), torch.enable_grad():
        tape = record(Forward(model, inputs, args, kwargs, output)).tape
        nodes = [node for node in tape.nodes if node.layer is not None]
        choices = composite.choices([node.layer for node in nodes if node.layer is not None])
        assign(tape, composite)
        settle(tape, composite)
    remaining = {id(node) for node in tape.nodes}
    layers = [
        Assigned(node.place.name, _operation(node.layer), node.rule)
        for node in nodes
        if node.layer is not None and id(node) in remaining
    ]
    unused = [pair for index, pair in enumerate(composite.rules) if index not in choices]
    return Overview(layers, unused)


def _operation(layer: Layer | Product) -> str:
    if isinstance(layer, Product):
        return str(layer)
    return f"{layer.operation}{' + batch_norm' if isinstance(layer, Merged) else ''}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Lines of aligned columns under a head; the columns numbered in ``right`` end alike."""
    cells = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if i in right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    )
