"""AudioNet: a network of one dimension, on the samples themselves.

Shapes: ``B`` examples, ``T`` samples, ``C`` channels, ``K`` classes; input ``[B, 1, T]`` or
``[B, 1, 1, T]``, output ``[B, K]``.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError
from speechlrp.models.heads import classifier, initialise


class AudioNet(nn.Module):
    """Convolutions of 3 samples, each with ReLU and max-pool 2; dense layers; ends at the logits.

    With the defaults 8,000 samples (1 s at 8 kHz) become 125 steps of 128 channels. As in the
    authors' Caffe file the dense layers follow each other with dropout alone, so that without
    it they are one linear map.

    Args:
        classes: number of outputs, ``K``.
        length: samples of an input, ``T``.
        channels: output channels of the convolutions.
        first_pool: samples that the first max-pool sees; the stride is 2 (2; the authors'
            Caffe file has 3, the last window cut off by the end).
        dense: widths of the hidden dense layers.
        dense_relu: a ReLU after each of these.
        dropout: probability in training, after each hidden dense layer.
        init: first weights, see `initialise`; the authors' are ``"normal"``.

    Raises:
        SpeechLRPError: the input is too short for so many max-pools; in the forward, inputs of
            another shape.

    Source: Becker et al. 2018.
    """

    def __init__(
        self,
        classes: int,
        length: int = 8000,
        channels: Sequence[int] = (100, 64, 128, 128, 128, 128),
        first_pool: int = 2,
        dense: Sequence[int] = (1024, 512),
        dense_relu: bool = False,
        dropout: float = 0.5,
        init: str = "normal",
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        steps, before = length, 1
        for index, after in enumerate(channels):
            pool = first_pool if index == 0 else 2
            layers += [nn.Conv1d(before, after, 3, padding=1), nn.ReLU(inplace=True)]
            layers.append(nn.MaxPool1d(pool, 2, ceil_mode=pool > 2))
            steps, before = -(-(steps - pool) // 2) + 1 if pool > 2 else steps // 2, after
        if steps < 1:
            raise SpeechLRPError(
                f"model.length={length} samples are too few for {len(channels)} max-pools; "
                f"it must be at least {2 ** len(channels)}"
            )
        self.length = length
        self.features = nn.Sequential(*layers)
        self.flatten = nn.Flatten()
        self.classifier = classifier(before * steps, dense, classes, dropout, dense_relu)
        initialise(self, init)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, K]`` of samples."""
        samples = x.dim() in (3, 4) and x[..., 0].numel() == len(x)
        if not samples or x.shape[-1] != self.length:
            mend = f"set model.length={x.shape[-1]}" if samples else "use features=waveform"
            raise SpeechLRPError(
                f"the model takes samples of shape [B, 1, {self.length}]; found {list(x.shape)}: "
                f"{mend}"
            )
        return self.classifier(self.flatten(self.features(x.flatten(1).unsqueeze(1))))
