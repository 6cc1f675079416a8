"""What a rule is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor

from speechlrp.lrp.layer import Layer


class Rule(ABC):
    """How a layer ``z = w x + b`` hands the relevance of its output to its input.

    A rule works on ``c = R / value`` rather than on the relevance ``R`` itself; with
    ``c_out = R_out / z`` it returns ``c_in = R_in / x``. ``docs/adding-a-rule.md`` goes
    through one.

    Attributes:
        direct: whether ``backward`` returns the relevance ``R_in`` itself in place of
            ``c_in``, as a rule does that gives relevance to inputs of 0.
        spans_batch_norm: whether the rule acts on a convolution together with the batch
            norm that follows it.
    """

    direct = False
    spans_batch_norm = False

    @abstractmethod
    def backward(self, layer: Layer, c: Tensor) -> Tensor:
        """Turn the ``c`` of the layer's output into that of its input.

        Args:
            layer: the operation, with its input ``x``, output ``z``, weights and transpose.
            c: shaped like ``layer.z``; not to be changed in place.

        Returns:
            A tensor shaped like ``layer.x``.
        """
