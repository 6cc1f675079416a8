"""ResNet34 as wespeaker trains it: its names of weights, so that its checkpoints fit.

Shapes: ``B`` examples, ``F`` filterbanks, ``T`` frames, ``E`` numbers of the embedding,
``K`` speakers; input ``[B, 1, F, T]``, output ``[B, K]``.
"""

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

from speechlrp.errors import SpeechLRPError
from speechlrp.models.heads import SpeakerNetwork, last_layer
from speechlrp.models.resnet34 import StatisticsPooling, stage


class WespeakerResNet34(SpeakerNetwork):
    """wespeaker's ResNet34 with statistics pooling (TSTP) and one or two dense layers.

    Against the thesis's (`ResNet34`): no convolution in the first stage's shortcut, no batch
    norm after the embedding, and a last layer of cosines, as its margin losses have it.

    Args:
        classes: number of speakers, ``K``.
        bands: filterbanks, ``F``; wespeaker's recipes have 80.
        channels: channels of each stage.
        blocks: number of blocks of each stage.
        embedding: numbers of the embedding, ``E``.
        two_layers: whether a ReLU, a batch norm and another dense layer follow the first.
        head: ``"cosine"``, or ``"softmax"`` for a dense last layer.
        scale: of the cosines.

    Raises:
        SpeechLRPError: an unknown head; not four stages; in the forward, inputs of another
            shape, or with too few frames to pool.

    Source: Wang et al. 2023, "Wespeaker".
    """

    last = "projection"

    def __init__(
        self,
        classes: int,
        bands: int = 80,
        channels: Sequence[int] = (32, 64, 128, 256),
        blocks: Sequence[int] = (3, 4, 6, 3),
        embedding: int = 256,
        two_layers: bool = False,
        head: str = "cosine",
        scale: float = 32.0,
    ) -> None:
        super().__init__()
        if not len(channels) == len(blocks) == 4:
            raise SpeechLRPError(
                "model.channels and model.blocks need four values, one a stage; found "
                f"{list(channels)} and {list(blocks)}"
            )
        self.bands = bands
        self.conv1 = nn.Conv2d(1, channels[0], 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels[0])
        stages = zip([channels[0], *channels], channels, blocks, (1, 2, 2, 2), strict=False)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            stage(*sizes, first=number > 0) for number, sizes in enumerate(stages)
        )
        self.pool = StatisticsPooling(eps=1e-8)
        self.seg_1 = nn.Linear(2 * channels[-1] * -(-bands // 8), embedding)
        self.seg_bn_1 = nn.BatchNorm1d(embedding, affine=False) if two_layers else None
        self.seg_2 = nn.Linear(embedding, embedding) if two_layers else None
        self.projection = last_layer(head, embedding, classes, scale)

    def embed(self, x: Tensor) -> Tensor:
        """Embeddings ``[B, E]`` of filterbanks ``[B, 1, F, T]``."""
        self.check_shape(x, 9)
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        x = self.seg_1(self.pool(x))
        if self.seg_2 is None or self.seg_bn_1 is None:
            return x
        return self.seg_2(self.seg_bn_1(functional.relu(x)))
