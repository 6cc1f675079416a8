"""Networks whose modules make one thing, several, or nothing."""

from torch import nn
from torch.nn import functional as F


def chain(bias=True, inplace=False):
    features = nn.Sequential(
        nn.Conv1d(1, 3, 3, bias=bias), nn.ReLU(inplace), nn.MaxPool1d(2), nn.Dropout(0.5),
        nn.Conv1d(3, 2, 2, bias=bias), nn.ReLU(inplace),
    )  # fmt: skip
    head = nn.Sequential(nn.Flatten(), nn.Linear(6, 4, bias=bias), nn.ReLU(inplace))
    net = nn.Sequential()
    net.add_module("features", features)
    net.add_module("head", head)
    net.add_module("out", nn.Linear(4, 2, bias=bias))
    return net.double().eval()


class Free(nn.Module):
    """Written freely: functional, in place, residual, with parts that never run."""

    def __init__(self):
        super().__init__()
        self.block = Block()
        self.head = nn.Linear(4, 2, bias=False)
        self.parts = nn.ModuleList([nn.Linear(4, 4, bias=False), nn.Linear(4, 4)])
        self.drop = nn.Dropout(0.5)
        self.tied = nn.Linear(4, 4, bias=False)
        self.pair = Pair()
        self.silent = nn.Linear(4, 4)
        self.keeps = Keeps()

    def forward(self, x):
        x = self.block(x)
        x += F.relu(self.parts[0](x))
        x = self.tied(F.relu(self.tied(x)))
        a, b = self.pair(x)
        x = a + b
        self.silent(x)
        x = self.keeps(x) + self.keeps.kept
        return self.head(self.drop(x))


class Block(nn.Module):
    """Also a helper method, which the model could call by itself."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 4, bias=False)

    def help(self, x):
        return F.relu(self.inner(x))

    def forward(self, x):
        return x + self.help(x)


class Pair(nn.Module):
    def forward(self, x):
        return x.clone() * 2, x * 3


class Keeps(nn.Module):
    """Returns one tensor and lets another be seen."""

    def forward(self, x):
        self.kept = x * 2
        return self.kept * 0.5
