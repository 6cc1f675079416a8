"""LRP-gamma."""

from typing import ClassVar

import torch
from torch import Tensor

from speechlrp.lrp.layer import Layer, pieces, sign_of
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
        if sign_of(z) > 0:
            # Over ``gain``, since a factor of the weights would be one more pass over them.
            for out, one, of_z in pieces(favoured, z, c):
                torch.lerp(one, out, self.gamma / gain, out=out).add_(self.guard(z) / gain)
                torch.div(of_z, out, out=out).mul_(one)
            return [(favoured, 1, 1 / gain)]
        below = torch.empty_like(z)
        for above, out, one, of_z in pieces(favoured, below, z, c):
            torch.ops.aten.leaky_relu.out(one, -gain, out=out)  # |z| + gamma relu(-z)
            out.add_(above, alpha=self.gamma).add_(self.guard(z))
            torch.div(of_z, out, out=out).mul_(one)
            torch.ops.aten.threshold_backward.grad_input(out, one, 0, grad_input=above)
            out.sub_(above)
        return [(favoured, gain, 1), (below, -1, -gain)]

    def __repr__(self) -> str:
        return f"Gamma({self.gamma:g})"
