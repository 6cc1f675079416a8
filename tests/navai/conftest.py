"""Small models, and one whose predictions are written into its input."""

import pytest
import torch
from torch import Tensor, nn

from speechlrp.models.wav2letter import Wav2Letter


class Scripted(nn.Module):
    """Predicts at each step the symbol that band 0 holds in the window's first frame."""

    receptive_field, stride = 5, 2

    def forward(self, x: Tensor) -> Tensor:
        first = x[:, 0].unfold(1, self.receptive_field, self.stride)[..., 0]
        return nn.functional.one_hot(first.long(), 9).transpose(1, 2).double()

    @classmethod
    def utterance(cls, symbols: list[int], seed: int = 0) -> Tensor:
        """Features ``[3, T]`` whose windows have these symbols."""
        frames = (len(symbols) - 1) * cls.stride + cls.receptive_field
        features = torch.randn(3, frames, generator=torch.Generator().manual_seed(seed)).double()
        features[0, : len(symbols) * cls.stride : cls.stride] = torch.tensor(symbols).double()
        return features


@pytest.fixture
def scripted() -> Scripted:
    return Scripted().eval()


@pytest.fixture
def wav2letter() -> Wav2Letter:
    torch.manual_seed(0)
    sizes = {"bands": 5, "width": 6, "wide": 8, "depth": 2, "kernels": (6, 3, 4)}
    model = Wav2Letter(4, **sizes, padding="none").double().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.05, 0.2)
    with torch.no_grad():  # so that all symbols occur
        model.layers[-1][0].bias -= model(torch.randn(1, 5, 500).double())[0].mean(1)
    return model
