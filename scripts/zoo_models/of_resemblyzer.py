"""The GE2E speaker encoder of resemblyzer."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zoo_models import Models


class VoiceEncoder(nn.Module):
    """Its network without the loading of weights and the audio around it."""

    def __init__(self) -> None:
        from resemblyzer.hparams import mel_n_channels, model_embedding_size, model_hidden_size

        super().__init__()
        self.lstm = nn.LSTM(mel_n_channels, model_hidden_size, 3, batch_first=True)
        self.linear = nn.Linear(model_hidden_size, model_embedding_size)

    def forward(self, mels: Tensor) -> Tensor:
        """``[B, T, 40]`` to unit vectors."""
        _, (hidden, _) = self.lstm(mels)
        embeds = torch.relu(self.linear(hidden[-1]))
        return embeds / torch.norm(embeds, dim=1, keepdim=True)


def models() -> Models:
    """With random weights."""
    yield "VoiceEncoder", lambda: (VoiceEncoder(), torch.randn(2, 8, 40))
