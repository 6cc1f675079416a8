"""ResNet34 over time and frequency, for speakers.

Shapes: ``B`` examples, ``F`` filterbanks, ``T`` frames, ``C`` channels, ``E`` numbers of the
embedding, ``K`` speakers; input ``[B, 1, F, T]``, output ``[B, K]``.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlrp.errors import SpeechLRPError
from speechlrp.models.heads import SpeakerNetwork, last_layer


class Block(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut: ``relu(conv(relu(conv(x))) + shortcut(x))``.

    Every convolution is followed by batch norm. The shortcut is the input itself, or, in
    the first block of a stage, a 1 x 1 convolution of it.
    """

    def __init__(self, before: int, after: int, stride: int, first: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.shortcut = nn.Sequential()
        if first:
            self.shortcut.append(nn.Conv2d(before, after, 1, stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, F, T]`` -> ``[B, C', F', T']``."""
        out = functional.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return functional.relu(out + self.shortcut(x))


class StatisticsPooling(nn.Module):
    """Mean and standard deviation over time: ``[B, C, F, T] -> [B, 2 C F]``, means first.

    The deviation is ``sqrt(var + eps)`` with the unbiased variance, so ``T`` must be at
    least 2.
    """

    def __init__(self, eps: float = 1e-7) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """The statistics of all channels and bands."""
        x = x.flatten(1, 2)
        deviation = torch.sqrt(torch.var(x, dim=2) + self.eps)
        return torch.cat([torch.mean(x, dim=2), deviation], dim=1)


class ResNet34(SpeakerNetwork):
    """The thesis's speaker network: residual blocks, statistics over time, two dense layers.

    A 3 x 3 convolution, four stages of blocks, statistics pooling, a dense layer to the
    embedding, batch norm, a dense layer to the speakers' scores (logits).

    Args:
        classes: number of speakers, ``K``.
        bands: filterbanks, ``F``.
        channels: channels of each stage; the first convolution has those of the first.
        blocks: number of blocks of each stage.
        strides: stride of each stage's first block, in both directions. The thesis's text
            halves in every stage, ``(2, 2, 2, 2)``; usual, and the default, is not to
            halve in the first.
        embedding: numbers of the embedding, ``E``.
        head: ``"softmax"``: the scores are a dense layer's; ``"cosine"``: they are cosines of
            angles, as a training with a margin wants them (see ``heads.CosineLinear``).
        scale: of the cosines.
        extra_classes: classes that there are in training alone, after the others, such as
            the speakers at another speed.

    Raises:
        SpeechLRPError: an unknown head; as many channels, blocks and strides are not given;
            in the forward, inputs of another shape, or with fewer than two frames to pool.

    Source: He et al. 2016; thesis 4.4 (convolutions without biases: listing 5.1).
    """

    def __init__(
        self,
        classes: int,
        bands: int = 64,
        channels: Sequence[int] = (32, 64, 128, 256),
        blocks: Sequence[int] = (3, 4, 6, 3),
        strides: Sequence[int] = (1, 2, 2, 2),
        embedding: int = 256,
        head: str = "softmax",
        scale: float = 32.0,
        extra_classes: int = 0,
    ) -> None:
        super().__init__()
        if not 0 < len(channels) == len(blocks) == len(strides):
            raise SpeechLRPError(
                "model.channels, model.blocks and model.strides need one value a stage; found "
                f"{list(channels)}, {list(blocks)} and {list(strides)}"
            )
        self.bands = bands
        self.conv1 = nn.Conv2d(1, channels[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels[0])
        stages = zip([channels[0], *channels], channels, blocks, strides, strict=False)
        self.stages = nn.Sequential(*(stage(*sizes) for sizes in stages))
        self.pool = StatisticsPooling()
        for stride in strides:
            bands = -(-bands // stride)
        self.dense = nn.Linear(2 * channels[-1] * bands, embedding)
        self.bn2 = nn.BatchNorm1d(embedding)
        self.output = last_layer(head, embedding, classes, scale)
        self.extra = last_layer(head, embedding, extra_classes, scale) if extra_classes else None
        self._least = 1 + math.prod(strides)

    def embed(self, x: Tensor) -> Tensor:
        """Embeddings ``[B, E]`` of filterbanks ``[B, 1, F, T]``: the dense layer's output."""
        self.check_shape(x, self._least)
        x = functional.relu(self.bn1(self.conv1(x)))
        return self.dense(self.pool(self.stages(x)))

    def compare(self, x: Tensor) -> Tensor:
        """What the last layer sees, ``[B, E]``: normalised embeddings, to compare speakers by."""
        return self.bn2(self.embed(x))

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, K]`` of filterbanks ``[B, 1, F, T]``; in training the extra ones follow."""
        x = self.compare(x)
        if self.training and self.extra is not None:
            return torch.cat([self.output(x), self.extra(x)], dim=1)
        return self.output(x)


def stage(before: int, after: int, count: int, stride: int, first: bool = True) -> nn.Sequential:
    """Blocks of one width; `first` as of `Block`, for the first of them."""
    rest = (Block(after, after, 1, first=False) for _ in range(count - 1))
    return nn.Sequential(Block(before, after, stride, first), *rest)
