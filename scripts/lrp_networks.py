"""Networks of the sizes that are explained, seeded and untrained, and the rules that are timed.

``wav2vec`` is a network of wav2vec 2.0's width: its seven convolutions and four of its
transformer's layers, on two seconds at 16 kHz. What the thin ones take is Python's own time. The
networks have random weights with batch-norm statistics of their own activations.
"""

import torch
from torch import Tensor, nn

from speechlrp.lrp import (
    PRESETS,
    AlphaBeta,
    Composite,
    Epsilon,
    Gamma,
    Rule,
    SignCorrected,
    Zero,
    ZPlus,
)
from speechlrp.models.alexnet import AlexNet
from speechlrp.models.resnet34 import ResNet34
from speechlrp.models.wav2letter import Wav2Letter


class Wav2Vec(nn.Module):
    """wav2vec 2.0's encoder of waveforms, four layers of its transformer, and two classes."""

    def __init__(self) -> None:
        super().__init__()
        kernels, strides = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)
        channels = (1, *[512] * 7)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(channels[i], 512, kernels[i], strides[i], bias=False) for i in range(7)
        )
        self.norm, self.project = nn.LayerNorm(512), nn.Linear(512, 768)
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(768, 12, 3072, 0.1, "gelu", batch_first=True)
            for _ in range(4)
        )
        self.head = nn.Linear(768, 2)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, 1, N] -> [B, 2]``."""
        for convolution in self.convolutions:
            x = nn.functional.gelu(convolution(x))
        x = self.project(self.norm(x.mT))
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(1))


def thin_encoder() -> nn.Sequential:
    """Twelve layers of a transformer, eight numbers wide."""
    layers = (nn.TransformerEncoderLayer(8, 2, 8, 0.1, "gelu", batch_first=True) for _ in range(12))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32, 2))


NETS = {
    "alexnet": (lambda: AlexNet(2), (1, 227, 227), lambda x: -80 * x.abs().clamp(max=1)),
    "wav2letter": (lambda: Wav2Letter(31, padding="none"), (128, 206), lambda x: x),
    "resnet34": (lambda: ResNet34(1211), (1, 64, 200), lambda x: x),
    "wav2vec": (Wav2Vec, (1, 32000), lambda x: x),
    "resnet34_thin": (
        lambda: ResNet34(10, channels=[2, 2, 2, 2], embedding=4),
        (1, 64, 32),
        lambda x: x,
    ),
    "encoder_thin": (thin_encoder, (4, 8), lambda x: x),
}
SIZES = "alexnet,wav2letter,resnet34,wav2vec"
"""Those of a size that is in use."""


def with_convolutions(rule: Rule, merged: bool = False) -> Composite:
    """A rule in convolutions, epsilon elsewhere, batch norms apart or merged."""
    pairs = [((nn.Conv1d, nn.Conv2d), rule), (nn.Module, Epsilon(1e-6))]
    return Composite(pairs, merge_batch_norm=merged)


RULES = {
    "zero": Composite([(nn.Module, Zero())]),
    "epsilon": Composite([(nn.Module, Epsilon(0.5))]),
    "thesis": Composite([(nn.Linear, Zero()), (nn.Module, Epsilon(0.8))]),
    "gamma": with_convolutions(Gamma(0.25)),
    "z_plus": with_convolutions(ZPlus()),
    "gamma_merged": with_convolutions(Gamma(0.25), merged=True),
    "alpha_beta": with_convolutions(AlphaBeta(2, 1)),
    "attnlrp": PRESETS["attnlrp"](),
    "sign_corrected": Composite([(nn.Module, SignCorrected())]),
}


def network(name: str, batch: int, device: str, dtype: torch.dtype) -> tuple[nn.Module, Tensor]:
    """A network in evaluation mode and inputs of the kind that it is for."""
    build, shape, kind = NETS[name]
    torch.manual_seed(0)
    model, x = build(), kind(torch.randn(batch, *shape))
    for module in model.modules():
        if isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = None  # the statistics of all that it sees
    with torch.no_grad():
        model.train()(x)
    model.eval().requires_grad_(False)
    return model.to(device, dtype), x.to(device, dtype)


def choose(output: Tensor) -> Tensor:
    """Class 1, at the first step where there are steps."""
    return output.flatten(2)[:, 1, 0] if output.dim() > 2 else output[:, 1]
