"""ResNet34 with squeeze and excitation as clovaai's voxceleb_trainer names its weights.

Shapes: ``B`` examples, ``C`` channels, ``F`` mel bands, ``T`` frames, ``D`` features of a
step, ``E`` numbers of the embedding, ``K`` speakers; input ``[B, 1, F, T]``, output ``[B, K]``.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.models.heads import SpeakerNetwork, last_layer

VARIANTS = ("fast", "performance")
POOLINGS = ("SAP", "ASP")
REDUCTION = 8
"""Channels of a gate's input for each of its hidden layer."""


class Gate(nn.Module):
    """Squeeze and excitation: each channel times a number between 0 and 1 made from all."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        small = channels // REDUCTION
        self.fc = nn.Sequential(
            nn.Linear(channels, small), nn.ReLU(), nn.Linear(small, channels), nn.Sigmoid()
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, F, T]`` -> the same."""
        return x * self.fc(x.mean(dim=(2, 3)))[:, :, None, None]


class GatedBlock(nn.Module):
    """Two 3 x 3 convolutions, the first with its ReLU before its batch norm, and a gate."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.se = Gate(after)
        self.downsample = None
        if stride != 1 or before != after:
            convolution = nn.Conv2d(before, after, 1, stride, bias=False)
            self.downsample = nn.Sequential(convolution, nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, F, T]`` -> ``[B, C', F', T']``."""
        out = self.bn1(functional.relu(self.conv1(x)))
        out = self.se(self.bn2(self.conv2(out)))
        return functional.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResNetSE34(SpeakerNetwork):
    """voxceleb_trainer's ResNetSE34L ("fast") and ResNetSE34V2 ("performance").

    Its gates and the weights of its attentive pooling depend on the input, as does what they
    are multiplied with. LRP takes them for constants unless told otherwise: see
    ``speechlrp.lrp.SignalTakesAll``, and ``Uniform`` for what opens a gate. The norm that comes
    first takes away each band's mean, so inputs whose means are 0 already give the same output,
    and relevance that no shift absorbs.

    Args:
        classes: number of speakers, ``K``.
        variant: ``"fast"``: a 7 x 7 convolution that halves the bands comes first, and bands
            are averaged before pooling; ``"performance"``: 3 x 3, and bands are kept.
        bands: mel bands, ``F``.
        channels: of each stage; None: 16 to 128 for fast, 32 to 256 for performance.
        blocks: of each stage.
        pooling: self-attentive: ``"SAP"`` means, ``"ASP"`` means and deviations.
        embedding: numbers of the embedding, ``E``.
        head: ``"cosine"``, as margin losses have it, or ``"softmax"``, a dense layer.
        scale: of the cosines.

    Raises:
        SpeechLRPError: no such variant, pooling or head, or too few channels for a gate; in
            the forward, inputs of another shape.

    Source: Chung et al. 2020, "In defence of metric learning"; Heo et al. 2020.
    """

    def __init__(
        self,
        classes: int,
        variant: str = "performance",
        bands: int = 64,
        channels: Sequence[int] | None = None,
        blocks: Sequence[int] = (3, 4, 6, 3),
        pooling: str = "ASP",
        embedding: int = 512,
        head: str = "softmax",
        scale: float = 30.0,
    ) -> None:
        super().__init__()
        for key, value, known in (("variant", variant, VARIANTS), ("pooling", pooling, POOLINGS)):
            if value not in known:
                raise unknown(f"model.{key}", value, known)
        fast = variant == "fast"
        channels = channels or ((16, 32, 64, 128) if fast else (32, 64, 128, 256))
        if min(channels) < REDUCTION:
            raise SpeechLRPError(
                f"model.channels must be at least {REDUCTION} each, as a gate squeezes them to an "
                f"eighth; found {list(channels)}"
            )
        self.bands, self.fast, self.deviations = bands, fast, pooling == "ASP"
        self.instancenorm = nn.InstanceNorm1d(bands)
        if fast:
            self.conv1 = nn.Conv2d(1, channels[0], 7, (2, 1), padding=3, bias=False)
        else:
            self.conv1 = nn.Conv2d(1, channels[0], 3, padding=1)
        self.bn1 = nn.BatchNorm2d(channels[0])
        strides = (1, 2, 2, 1) if fast else (1, 2, 2, 2)
        stages = zip([channels[0], *channels], channels, blocks, strides, strict=False)
        self.layer1, self.layer2, self.layer3, self.layer4 = (_stage(*sizes) for sizes in stages)
        width = channels[-1] * (1 if fast else -(-bands // 8))
        self._add_attention(width)
        self.fc = nn.Linear(width * (1 + self.deviations), embedding)
        self.output = last_layer(head, embedding, classes, scale)

    def _add_attention(self, width: int) -> None:
        if self.fast:
            self.sap_linear = nn.Linear(width, width)
            self.attention: Any = nn.Parameter(torch.empty(width, 1))
            nn.init.xavier_normal_(self.attention)
            return
        self.attention = nn.Sequential(
            nn.Conv1d(width, 128, 1), nn.ReLU(), nn.BatchNorm1d(128), nn.Conv1d(128, width, 1),
            nn.Softmax(dim=2),
        )  # fmt: skip

    def _weights(self, x: Tensor) -> Tensor:
        """What each step of ``[B, D, T]`` counts: ``[B, 1 or D, T]``, 1 in sum."""
        if not self.fast:
            return self.attention(x)
        scores = torch.tanh(self.sap_linear(x.transpose(1, 2))) @ self.attention
        return torch.softmax(scores, dim=1).transpose(1, 2)

    def embed(self, x: Tensor) -> Tensor:
        """Embeddings ``[B, E]`` of mel spectrograms ``[B, 1, F, T]``, in ln."""
        self.check_shape(x)
        x = self.conv1(self.instancenorm(x.squeeze(1)).unsqueeze(1))
        x = functional.relu(self.bn1(x)) if self.fast else self.bn1(functional.relu(x))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.pool(x.mean(dim=2) if self.fast else x.flatten(1, 2)))

    def pool(self, x: Tensor) -> Tensor:
        """Weighted means, and with ASP deviations, over time: ``[B, D, T] -> [B, D or 2 D]``."""
        weights = self._weights(x)
        mean = (x * weights).sum(dim=2)
        if not self.deviations:
            return mean
        variance = (x.square() * weights).sum(dim=2) - mean.square()
        return torch.cat([mean, variance.clamp(min=1e-5).sqrt()], dim=1)


def _stage(before: int, after: int, count: int, stride: int) -> nn.Sequential:
    rest = (GatedBlock(after, after, 1) for _ in range(count - 1))
    return nn.Sequential(GatedBlock(before, after, stride), *rest)
