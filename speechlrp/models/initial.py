"""First weights of the architectures that let one choose them."""

from __future__ import annotations

from torch import nn

from speechlrp.errors import unknown

INITS = ("torch", "he", "normal")
WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Linear)


def initialise(model: nn.Module, init: str) -> None:
    """Draw the weights of all convolutions and dense layers.

    Args:
        model: whose weights are as torch drew them.
        init: ``"torch"`` leaves them; ``"he"`` (He et al. 2015, biases 0) leaves the plateau at
            chance in a few epochs instead of tens; ``"normal"`` has a deviation of 0.1, biases
            0 (Becker et al. 2018).

    Raises:
        SpeechLRPError: there is no such choice.
    """
    if init not in INITS:
        raise unknown("model.init", init, INITS)
    for module in model.modules():
        if init == "torch" or not isinstance(module, WEIGHTED):
            continue
        if init == "he":
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        else:
            nn.init.normal_(module.weight, std=0.1)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
