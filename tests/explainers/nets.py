"""Small networks whose explanations can be worked out."""

import torch
from torch import nn


def linear(classes: int = 3, shape: tuple[int, ...] = (1, 4, 5)) -> nn.Module:
    torch.manual_seed(11)
    size = torch.Size(shape).numel()
    return nn.Sequential(nn.Flatten(), nn.Linear(size, classes)).double().eval()


def piecewise(bias: bool, shape: tuple[int, ...] = (1, 8, 9)) -> nn.Module:
    """A network of ReLUs and max-pools that begins and goes on in place."""
    torch.manual_seed(12)
    layers = [
        nn.ReLU(inplace=True),
        nn.Conv2d(1, 4, 3, bias=bias),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(36, 3, bias=bias),
    ]
    return nn.Sequential(*layers).double().eval()


def sequence() -> nn.Module:
    """``[B, 6, T]`` -> ``[B, 5, T - 2]``, through a batch norm."""
    torch.manual_seed(13)
    layers = [nn.Conv1d(6, 7, 3), nn.BatchNorm1d(7), nn.ReLU(inplace=True), nn.Conv1d(7, 5, 1)]
    net = nn.Sequential(*layers).double()
    net(torch.randn(8, 6, 20).double())
    return net.eval()
