"""Small networks of the customary kinds, in evaluation mode, with random weights.

Batch norms have statistics of their own: those of a batch, disturbed. Residual networks
come in several styles of writing the same addition.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from speechlrp.models.alexnet import AlexNet
from speechlrp.models.resnet34 import ResNet34
from speechlrp.models.wav2letter import Wav2Letter

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Linear)


class Join(nn.Module):
    """``a + b`` as a module, so that peers may put one of their own in its place."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a + b


class Basic(nn.Module):
    """A residual block of two convolutions, all of it modules."""

    widening, kernels = 1, (3, 3)

    def __init__(self, before: int, width: int, stride: int = 1, bias: bool = True) -> None:
        super().__init__()
        after = self.widening * width
        sizes = [before, *[width] * (len(self.kernels) - 1), after]
        strides = [stride if i == len(self.kernels) - 2 else 1 for i in range(len(self.kernels))]
        body = nn.Sequential()
        for i, (kernel, step) in enumerate(zip(self.kernels, strides, strict=True)):
            body.append(nn.Conv2d(sizes[i], sizes[i + 1], kernel, step, kernel // 2, bias=bias))
            body.append(nn.BatchNorm2d(sizes[i + 1]))
            body.append(nn.ReLU())
        self.body = body[:-1]
        self.shortcut = None
        if stride != 1 or before != after:
            conv = nn.Conv2d(before, after, 1, stride, bias=bias)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(after))
        self.join, self.relu = Join(), nn.ReLU()

    def identity(self, x: Tensor) -> Tensor:
        return x if self.shortcut is None else self.shortcut(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.join(self.body(x), self.identity(x)))


class Bottleneck(Basic):
    """A residual block of three convolutions, the middle one strided."""

    widening, kernels = 4, (1, 3, 1)


def functional_forward(block: Basic, x: Tensor) -> Tensor:
    return F.relu(block.body(x) + block.identity(x))


def in_place_forward(block: Basic, x: Tensor) -> Tensor:
    out = block.body(x)
    out += block.identity(x)
    return F.relu(out, inplace=True)


STYLES = {"functional": functional_forward, "in place": in_place_forward}


def restyled(net: nn.Module, style: str) -> nn.Module:
    """The same weights with the blocks' additions written in another style."""
    net = copy.deepcopy(net)
    for block in net.modules():
        if isinstance(block, Basic):
            block.join = block.relu = None
            block.forward = STYLES[style].__get__(block)
    return net


class ResNet(nn.Module):
    """Stem, four stages, global average pool, dense layer."""

    def __init__(self, kind: type[Basic], blocks: tuple[int, ...], bias: bool = True) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=bias),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        )
        self.stages, before = nn.Sequential(), 8
        for stage, count in enumerate(blocks):
            width = 4 * 2**stage
            for index in range(count):
                stride = 2 if stage and not index else 1
                self.stages.append(kind(before, width, stride, bias))
                before = kind.widening * width
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(before, 5, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.pool(self.stages(self.stem(x))).flatten(1))


class DenseLayer(nn.Module):
    """BN-ReLU-conv twice, on all that came before."""

    def __init__(self, before: int, growth: int, bias: bool) -> None:
        super().__init__()
        self.norm1, self.relu1 = nn.BatchNorm2d(before), nn.ReLU()
        self.conv1 = nn.Conv2d(before, 2 * growth, 1, bias=bias)
        self.norm2, self.relu2 = nn.BatchNorm2d(2 * growth), nn.ReLU()
        self.conv2 = nn.Conv2d(2 * growth, growth, 3, padding=1, bias=bias)

    def forward(self, parts: list[Tensor]) -> Tensor:
        x = self.conv1(self.relu1(self.norm1(torch.cat(parts, 1))))
        return self.conv2(self.relu2(self.norm2(x)))


class DenseNet(nn.Module):
    """Two dense blocks with a transition between them."""

    def __init__(self, bias: bool = True, growth: int = 4) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=bias), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        self.one = nn.ModuleList(DenseLayer(8 + i * growth, growth, bias) for i in range(3))
        self.transition = nn.Sequential(
            nn.BatchNorm2d(20), nn.ReLU(), nn.Conv2d(20, 10, 1, bias=bias), nn.AvgPool2d(2)
        )
        self.two = nn.ModuleList(DenseLayer(10 + i * growth, growth, bias) for i in range(3))
        self.norm, self.relu = nn.BatchNorm2d(22), nn.ReLU()
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(22, 5, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        parts = [self.stem(x)]
        for layer in self.one:
            parts.append(layer(parts))
        parts = [self.transition(torch.cat(parts, 1))]
        for layer in self.two:
            parts.append(layer(parts))
        x = self.relu(self.norm(torch.cat(parts, 1)))
        return self.head(self.pool(x).flatten(1))


def vgg(norm: bool, bias: bool) -> nn.Module:
    """Pairs of 3 x 3 convolutions with max-pools between them."""
    layers, before = [], 3
    for width in (6, 12, 24):
        for _ in range(2):
            layers.append(nn.Conv2d(before, width, 3, padding=1, bias=bias))
            layers += [nn.BatchNorm2d(width)] if norm else []
            layers.append(nn.ReLU())
            before = width
        layers.append(nn.MaxPool2d(2, 2))
    dense = [nn.Flatten(), nn.Linear(24 * 4, 20, bias=bias), nn.ReLU(), nn.Dropout()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), *dense, nn.Linear(20, 5, bias=bias))


def alexnet(bias: bool) -> nn.Module:
    sizes = {"channels": (6, 10, 12, 10, 8), "dense": (24, 16), "pooled": 2}
    return AlexNet(5, **sizes, groups=(1, 2, 1, 2, 2))


def wav2letter(bias: bool) -> nn.Module:
    return Wav2Letter(5, bands=6, width=8, wide=12, depth=3, kernels=(8, 5, 6))


def speaker(bias: bool) -> nn.Module:
    return ResNet34(5, bands=8, channels=(4, 6, 8), blocks=(1, 2, 1), strides=(1, 2, 2))


@dataclass(frozen=True)
class Kind:
    """How a network is built (bias -> module), what it reads, and what is explained of it.

    Attributes:
        target: index into an example's output.
        sign: -1 for inputs of at most 0, as decibels are; 0 for both signs.
    """

    build: Callable[[bool], nn.Module]
    shape: tuple[int, ...]
    target: tuple[int, ...] = (2,)
    sign: int = 0


IMAGE = (3, 32, 32)
KINDS = {
    "alexnet": Kind(alexnet, (1, 99, 99), sign=-1),
    "wav2letter": Kind(wav2letter, (6, 44), target=(2, 3)),
    "vgg": Kind(lambda bias: vgg(False, bias), IMAGE),
    "vgg with batch norm": Kind(lambda bias: vgg(True, bias), IMAGE),
    "resnet18": Kind(lambda bias: ResNet(Basic, (2, 2, 2, 2), bias), IMAGE),
    "resnet34": Kind(lambda bias: ResNet(Basic, (3, 4, 6, 3), bias), IMAGE),
    "resnet50": Kind(lambda bias: ResNet(Bottleneck, (3, 4, 6, 3), bias), IMAGE),
    "densenet": Kind(DenseNet, IMAGE),
    "speaker resnet": Kind(speaker, (1, 8, 24)),
}


@dataclass(frozen=True)
class Case:
    """A network and what to explain of it."""

    model: nn.Module
    x: Tensor
    target: tuple[int, ...]

    def chosen(self, output: Tensor) -> Tensor:
        """The entry of every example that is explained, ``[B]``."""
        return output[(slice(None), *self.target)]


def case(name: str, *, bias: bool = True, dtype: torch.dtype = torch.float64) -> Case:
    """A network, the same at every call, and two examples.

    Without ``bias``, no convolution, dense layer or batch norm shifts anything.
    """
    kind = KINDS[name]
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = kind.build(bias)
        _disturb(model, torch.randn(16, *kind.shape), bias)
        x = torch.randn(2, *kind.shape)
    x = x if not kind.sign else kind.sign * x.abs()
    return Case(model.to(dtype).eval(), x.to(dtype), kind.target)


def _disturb(model: nn.Module, batch: Tensor, bias: bool) -> None:
    for module in model.modules():
        if isinstance(module, WEIGHTED):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                module.bias.data.normal_(0, 0.1).mul_(bias)
        if isinstance(module, NORMS):
            module.momentum = None  # keeps the statistics of the one batch
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.2).mul_(bias)
    with torch.no_grad():
        model.train()(batch)
    for module in model.modules():
        if isinstance(module, NORMS):
            deviation = module.running_var.sqrt()
            module.running_mean += 0.2 * deviation * torch.randn_like(deviation)
            module.running_mean *= bias
            module.running_var *= torch.empty_like(deviation).uniform_(0.7, 1.4)
