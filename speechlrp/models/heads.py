"""Last layers of classifiers.

Shapes: ``B`` examples, ``E`` numbers of the embedding, ``K`` classes.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlrp.errors import unknown

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
        with _no_autocast(x.device.type):
            if x.dtype.itemsize < 4:
                x = x.float()
            classes = self.scale * functional.normalize(self.weight)
            return functional.linear(functional.normalize(x), classes)


def last_layer(head: str, features: int, classes: int, scale: float) -> nn.Linear:
    """The last layer of a configured kind, ``[B, E]`` -> ``[B, K]``.

    Args:
        head: one of ``HEADS``.
        features: ``E``.
        classes: ``K``.
        scale: of cosines.

    Raises:
        SpeechLRPError: there is no such head.
    """
    if head not in HEADS:
        raise unknown("model.head", head, HEADS)
    if head == "cosine":
        return CosineLinear(features, classes, scale)
    return nn.Linear(features, classes)


def _no_autocast(kind: str) -> AbstractContextManager:
    if torch.is_autocast_enabled(kind):
        return torch.autocast(kind, enabled=False)
    return nullcontext()
