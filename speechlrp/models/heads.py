"""Last layers of classifiers, what must hold of their outputs, and the first weights of all.

Shapes: ``B`` examples, ``E`` numbers of the embedding, ``K`` classes.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlrp.errors import SpeechLRPError, unknown

HEADS = ("softmax", "cosine")


class CosineLinear(nn.Linear):
    """Cosines between the input and each class's weights: ``s x w_k / (|x| |w_k|)``.

    As a softmax's logits they are what an additive angular margin is trained on (Deng et
    al. 2019, "ArcFace"). Computed in float32 at least: in 16 bits the margin would drown.
    LRP takes the norms for constants, so it is a dense layer without a bias.

    Args:
        features: ``E``.
        classes: ``K``.
        scale: ``s``.
    """

    def __init__(self, features: int, classes: int, scale: float = 32.0) -> None:
        super().__init__(features, classes, bias=False)
        nn.init.xavier_uniform_(self.weight)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """``[B, E]`` -> ``[B, K]``."""
        kind = x.device.type
        on = torch.is_autocast_enabled(kind)
        with torch.autocast(kind, enabled=False) if on else nullcontext():
            if x.dtype.itemsize < 4:
                x = x.float()
            classes = self.scale * functional.normalize(self.weight)
            return functional.linear(functional.normalize(x), classes)


def last_layer(head: str, features: int, classes: int, scale: float) -> nn.Linear:
    """The last layer of one of ``HEADS``, ``[B, E]`` -> ``[B, K]``; ``scale`` is that of cosines.

    Raises:
        SpeechLRPError: there is no such head.
    """
    if head not in HEADS:
        raise unknown("model.head", head, HEADS)
    if head == "cosine":
        return CosineLinear(features, classes, scale)
    return nn.Linear(features, classes)


INITS = ("torch", "he", "normal")
WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Linear)


def initialise(model: nn.Module, init: str) -> None:
    """Draw the weights of all convolutions and dense layers, which are as torch drew them.

    ``"torch"`` leaves them; ``"he"`` (He et al. 2015, biases 0) leaves the plateau at chance in a
    few epochs instead of tens; ``"normal"`` has a deviation of 0.1, biases 0 (Becker et al. 2018).

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


def classifier(
    width: int, dense: Sequence[int], classes: int, dropout: float, relu: bool = True
) -> nn.Sequential:
    """Dense layers of some widths, with dropout and perhaps ReLUs; the last to the classes."""
    layers: list[nn.Module] = []
    for hidden in dense:
        layers.append(nn.Linear(width, hidden))
        if relu:
            layers.append(nn.ReLU(inplace=True))
        layers.append(nn.Dropout(dropout))
        width = hidden
    return nn.Sequential(*layers, nn.Linear(width, classes))


class SpeakerNetwork(nn.Module):
    """A network whose last layer may give cosines, and whose embeddings compare speakers."""

    last: ClassVar[str] = "output"  # name of the last layer
    bands: int  # of the inputs, ``F``

    def check_shape(self, x: Tensor, least: int = 1) -> None:
        """Raise SpeechLRPError unless inputs are ``[B, 1, F, T]`` of so many frames at least."""
        if x.dim() != 4 or x.shape[1:3] != (1, self.bands) or x.shape[3] < least:
            raise SpeechLRPError(
                f"{type(self).__name__} takes inputs of shape [B, 1, {self.bands}, T] with T at "
                f"least {least}; found {list(x.shape)}; set features.bands={self.bands}"
            )

    def embed(self, x: Tensor) -> Tensor:
        """Embeddings ``[B, E]`` of spectrograms ``[B, 1, F, T]``."""
        raise NotImplementedError

    def compare(self, x: Tensor) -> Tensor:
        """What speakers are compared by, ``[B, E]``: the embeddings."""
        return self.embed(x)

    @property
    def scale(self) -> float | None:
        """What the outputs are cosines times of; None where they are none."""
        return getattr(getattr(self, self.last), "scale", None)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, K]`` of spectrograms ``[B, 1, F, T]``."""
        return getattr(self, self.last)(self.compare(x))


def check_outputs(outputs: Tensor, inputs: Tensor | None = None) -> Tensor:
    """Give a network's outputs, logits ``[B, ...]``, where all are finite; what decides asks here.

    A comparison with nan is false, so that argmax and probabilities would give a class. What the
    network was given is for the error; None: numbers that are finite.

    Raises:
        SpeechLRPError: some are not; says how many examples they belong to.
    """
    finite = outputs.isfinite()
    if bool(finite.all()):
        return outputs
    wrong = ~finite.flatten(1).all(1)
    value = outputs[~finite][0].item()
    advice = (
        "its inputs are, so the weights have grown too large: train again with a lower trainer.lr "
        "or with trainer.clip=1"
        if inputs is None or bool(inputs.isfinite().all())
        else "nor are its inputs: make the features again with `speechlrp preprocess --force`"
    )
    raise SpeechLRPError(
        f"the network's outputs are not finite (such as {value}) for {int(wrong.sum())} of "
        f"{len(outputs)} examples; {advice}"
    )
