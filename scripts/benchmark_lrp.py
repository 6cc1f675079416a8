"""Time and memory of an explanation against a plain input gradient, in one run.

    python scripts/benchmark_lrp.py [--nets alexnet,wav2letter,resnet34,wav2vec]
        [--rules epsilon,gamma] [--batch 8] [--pairs 15] [--threads 2] [--device cpu]
        [--dtype float32] [--calls 0] [--depths 8,32,128] [--processor]

``wav2vec`` is a network of wav2vec 2.0's width: its seven convolutions and four of its
transformer's layers, on two seconds at 16 kHz. Gradient and explanation are measured in turn
and the median of the ratios of neighbours is printed, so that what else the machine does falls
on both alike. Memory is the largest sum of tensors alive at once, as torch's allocator sees it.
``--processor`` takes processor time, which other work on the machine changes less.
``--calls 200`` also repeats each explanation and prints how much its memory grew. ``--depths``
measures nothing but the memory of explanations of plain chains of so many convolutions, with
checkpoint=True and without, over that of the shallowest chain's gradient. The network ends in
random weights with batch-norm statistics of its own activations. Writes nothing.
"""

import argparse
import gc
import time
from collections.abc import Callable
from functools import partial
from statistics import median

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
    attribute,
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


NETS = {
    "alexnet": (lambda: AlexNet(2), (1, 227, 227), lambda x: -80 * x.abs().clamp(max=1)),
    "wav2letter": (lambda: Wav2Letter(31, padding="none"), (128, 206), lambda x: x),
    "resnet34": (lambda: ResNet34(1211), (1, 64, 200), lambda x: x),
    "wav2vec": (Wav2Vec, (1, 32000), lambda x: x),
}


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


def plain_gradient(model: nn.Module, inputs: Tensor) -> Tensor:
    """The input gradient of class 1, with nothing computed for the parameters."""
    x = inputs.clone().requires_grad_()
    return torch.autograd.grad(choose(model(x)).sum(), x)[0]


def seconds(function: Callable[[], Tensor], cuda: bool, clock: Callable[[], float]) -> float:
    """Time of one call, to the end of what the device was asked to do."""
    if cuda:
        torch.cuda.synchronize()
    begin = clock()
    function()
    if cuda:
        torch.cuda.synchronize()
    return clock() - begin


def peak_bytes(function: Callable[[], Tensor], cuda: bool) -> int:
    """The most memory that tensors made in a call held at once."""
    gc.collect()
    if cuda:
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        function()
        return torch.cuda.max_memory_allocated() - before
    with torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    ) as log:
        function()
    held, most = 0, 0
    for event in log.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            most = max(most, held)
    return most


def growth(function: Callable[[], Tensor], calls: int) -> int:
    """Bytes of tensors alive after many calls that were not alive after the first few."""

    def alive() -> int:
        gc.collect()
        tensors = [one for one in gc.get_objects() if type(one) is Tensor]
        return sum(one.untyped_storage().nbytes() for one in tensors)

    for _ in range(3):
        function()
    before = alive()
    for _ in range(calls):
        function()
    return alive() - before


def chain(depth: int) -> nn.Sequential:
    """So many convolutions of one size, each with a ReLU, and two classes."""
    layers = [layer for _ in range(depth) for layer in (nn.Conv1d(16, 16, 3, padding=1), nn.ReLU())]
    for layer in layers[::2]:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    head = nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(16, 2)
    return nn.Sequential(*layers, *head).eval().requires_grad_(False)


def print_depths(depths: list[int], batch: int, device: str) -> None:
    """Peak memory by depth: of the gradient, of LRP-epsilon, of LRP that runs the pass again."""
    composite, cuda, least = RULES["epsilon"], device.startswith("cuda"), 0
    x = torch.randn(batch, 16, 4000, device=device)
    print("epsilon; peak memory over that of the first gradient")
    print(f"{'depth':8}{'gradient':>9}{'LRP':>9}{'checkpoint':>12}")
    for depth in depths:
        model = chain(depth).to(device)

        def lrp(checkpoint: bool, model=model) -> Tensor:
            return attribute(model, x, choose, composite, checkpoint=checkpoint)[1]

        calls = partial(plain_gradient, model, x), partial(lrp, False), partial(lrp, True)
        peaks = [peak_bytes(call, cuda) for call in calls]
        least = least or peaks[0]
        plain, whole, again = (peak / least for peak in peaks)
        print(f"{depth:<8}{plain:9.2f}{whole:9.2f}{again:12.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", default=",".join(NETS))
    parser.add_argument("--rules", default=",".join(RULES))
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--calls", type=int, default=0)
    parser.add_argument("--processor", action="store_true")
    parser.add_argument("--depths", help="such as 8,32,128")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.depths:
        depths = [int(depth) for depth in options.depths.split(",")]
        print_depths(depths, options.batch, options.device)
        return
    cuda = options.device.startswith("cuda")
    clock = time.process_time if options.processor else time.perf_counter
    print(f"batch {options.batch}, {options.pairs} pairs, {options.device}, {options.dtype}")
    print(f"{'net':12}{'rules':16}{'gradient ms':>12}{'LRP ms':>9}{'time':>7}{'memory':>8}")
    for net in options.nets.split(","):
        model, x = network(net, options.batch, options.device, getattr(torch, options.dtype))

        def base(model=model, x=x) -> Tensor:
            return plain_gradient(model, x)

        least = peak_bytes(base, cuda)
        for rules in options.rules.split(","):

            def lrp(model=model, x=x, composite=RULES[rules]) -> Tensor:
                return attribute(model, x, choose, composite)[1]

            pairs = [
                (seconds(base, cuda, clock), seconds(lrp, cuda, clock))
                for _ in range(options.pairs + 2)
            ]
            ratio = median(late / early for early, late in pairs[2:])
            early, late = (1000 * median(times) for times in zip(*pairs[2:], strict=True))
            memory = peak_bytes(lrp, cuda) / least
            print(
                f"{net:12}{rules:16}{early:12.1f}{late:9.1f}{ratio:7.2f}{memory:8.2f}"
                + (f"  grew by {growth(lrp, options.calls)} bytes" if options.calls else ""),
                flush=True,
            )


if __name__ == "__main__":
    main()
