"""AlexNet for spectrograms, in the thesis's and in Becker et al.'s proportions.

Shapes: ``B`` examples, ``K`` classes; input ``[B, 1, 227, 227]``, output ``[B, K]``.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError
from speechlrp.models.heads import classifier, initialise


class AlexNet(nn.Module):
    """Five convolutions, three max-pools, dense layers; ends at the logits.

    Every step is a plain torch module, so every step has a relevance rule. Convolutions
    and hidden dense layers are followed by a ReLU, hidden dense layers then by dropout;
    max-pools (3, stride 2) follow convolutions 1, 2 and 5.

    The defaults are the thesis's network. Becker et al.'s (12.80 M parameters for two
    classes) is CaffeNet with narrower dense layers: ``channels=(96, 256, 384, 384, 256),
    groups=(1, 2, 1, 2, 2), padding=(0, 2, 1, 1, 1), dense=(1024, 1024)``. Neither uses
    local response normalisation, which has no relevance rule.

    Args:
        classes: number of outputs, ``K``.
        channels: output channels of the five convolutions.
        groups: groups of each; must divide its input and output channels.
        kernels: kernel size of each, in bins.
        strides: stride of each, in bins.
        padding: zeros on each side of each, in bins.
        dense: widths of the hidden dense layers.
        dropout: probability in training, after each hidden dense layer.
        pooled: the height and width to which features are averaged before the dense layers.
        init: first weights, see `initialise`.

    Raises:
        SpeechLRPError: a setting of the convolutions does not have five entries, or there
            is no such init.

    Source: Krizhevsky et al. 2012; Becker et al. 2018; thesis 4.3.
    """

    def __init__(
        self,
        classes: int,
        channels: Sequence[int] = (64, 192, 384, 256, 256),
        groups: Sequence[int] = (1, 1, 1, 1, 1),
        kernels: Sequence[int] = (11, 5, 3, 3, 3),
        strides: Sequence[int] = (4, 1, 1, 1, 1),
        padding: Sequence[int] = (2, 2, 1, 1, 1),
        dense: Sequence[int] = (4096, 4096),
        dropout: float = 0.5,
        pooled: int = 6,
        init: str = "torch",
    ) -> None:
        super().__init__()
        settings = channels, kernels, strides, padding, groups
        names = ("channels", "kernels", "strides", "padding", "groups")
        for name, values in zip(names, settings, strict=True):
            if len(values) != 5:
                raise SpeechLRPError(
                    f"AlexNet has 5 convolutions; model.{name} has {len(values)} values: "
                    f"{list(values)}"
                )
        layers: list[nn.Module] = []
        before = 1
        for number, (after, kernel, stride, pad, group) in enumerate(zip(*settings, strict=True)):
            layers.append(nn.Conv2d(before, after, kernel, stride, pad, groups=group))
            layers.append(nn.ReLU(inplace=True))
            if number in (0, 1, 4):
                layers.append(nn.MaxPool2d(3, 2))
            before = after
        self.features = nn.Sequential(*layers)
        self.pool = nn.AdaptiveAvgPool2d(pooled)
        self.flatten = nn.Flatten()
        self.classifier = classifier(channels[-1] * pooled**2, dense, classes, dropout)
        initialise(self, init)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, K]`` of spectrograms ``[B, 1, F, T]``."""
        return self.classifier(self.flatten(self.pool(self.features(x))))
