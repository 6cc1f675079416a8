"""Where relevance is kept and where it is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from speechlrp.lrp.composite import Composite
from speechlrp.lrp.engine import Start, explain
from speechlrp.lrp.start import Target
from speechlrp.lrp.tape import Flow, Node, Value


@dataclass(frozen=True)
class Balance:
    """Relevance before and after one operation, each ``[B]``.

    Attributes:
        name: path of the module, ``""`` for the model itself.
        operation: such as ``"conv2d"``.
        received: the sum over the operation's outputs.
        passed: the sum over its inputs. What is missing, biases and stabilisers absorbed.
    """

    name: str
    operation: str
    received: Tensor
    passed: Tensor

    @property
    def absorbed(self) -> Tensor:
        """What the operation did not hand on, ``[B]``."""
        return self.received - self.passed


def conservation(
    model: nn.Module,
    inputs: Tensor,
    target: Target,
    composite: Composite,
    *,
    start: Start = "logit",
) -> list[Balance]:
    """Relevance in and out of every operation, from the output to the input.

    Arguments and errors as for ``attribute``. Keeps every intermediate tensor, so it takes
    more memory. ``B`` must be the first dimension throughout.
    """
    balances: list[Balance] = []

    def observe(node: Node, outgoing: Sequence[Flow], incoming: Sequence[Flow]) -> None:
        received, passed = _total(node.outputs, outgoing), _total(node.inputs, incoming)
        balances.append(Balance(node.place.name, node.operation, received, passed))

    explain(model, inputs, target, composite, start, observe)
    return balances


def _total(values: Sequence[Value], flows: Sequence[Flow]) -> Tensor:
    found = [value.relevance(*flow) for value, flow in zip(values, flows, strict=True)]
    parts = [relevance.flatten(1).sum(1) for relevance in found if relevance is not None]
    return sum(parts[1:], parts[0])
