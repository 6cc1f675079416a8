"""LRP-gamma."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from speechlrp.lrp.layer import Layer
from speechlrp.lrp.rules.contributions import Contributions, Terms
from speechlrp.lrp.rules.rule import SignedRule, finite


class Gamma(SignedRule):
    r"""LRP-gamma: contributions of the output's own sign count ``1 + gamma`` times.

    .. math:: R_i = \sum_j \frac{z_{ij} + \gamma z_{ij}^{+}}
        {\sum_{i'} (z_{i'j} + \gamma z_{i'j}^{+})} R_j \quad (z_j > 0)

    with :math:`z_{ij} = x_i w_{ij}`, and with :math:`z^{-}` for ``z_j < 0``; a bias is a
    contribution of its own sign. For inputs of at least 0 and active ReLUs this is the
    familiar ``w + gamma max(w, 0)``. The choice for the lower convolutions of a network:
    it damps the cancellation of contributions, which is what makes explanations noisy,
    and with growing ``gamma`` goes over into z+. Conserves but for the bias.

    Args:
        gamma: weight added to the favoured contributions, at least 0; 0.25 in the
            literature on images, 5 in the thesis.
        stabilizer: added to the denominator, with its sign.

    Raises:
        LRPError: ``gamma`` is not a finite number of at least 0, or ``stabilizer`` not one above 0.

    Source: Montavon et al. 2019, "Layer-wise relevance propagation: an overview", section
    10.2.3; for inputs and outputs of both signs Andeol et al. 2021.
    """

    divides: ClassVar = ()

    def __init__(self, gamma: float = 0.25, stabilizer: float = 1e-6) -> None:
        super().__init__(stabilizer)
        self.gamma = finite("gamma", gamma)

    def terms(self, layer: Layer, c: Tensor, parts: Contributions) -> Terms:
        """``s = c |z| / (|z| + gamma |z+-|)``, by the sign of ``z``; ``z-`` is ``z - z+``."""
        z, gain, favoured = layer.z, 1 + self.gamma, parts.positive()
        if float(z.amin()) >= 0:
            s = torch.add(z, favoured, alpha=self.gamma, out=favoured).add_(self.guard(z))
            return [(torch.div(c, s, out=s).mul_(z), gain, 1)]
        size = functional.leaky_relu(z, -gain)  # |z| + gamma relu(-z)
        size.add_(favoured, alpha=self.gamma).add_(self.guard(z))
        s = torch.div(c, size, out=size).mul_(z)
        above = torch.ops.aten.threshold_backward(s, z, 0)
        return [(above, gain, 1), (s.sub_(above), -1, -gain)]

    def __repr__(self) -> str:
        return f"Gamma({self.gamma:g})"
