"""NAvAI: time against one forward, one gradient and one LRP pass over the same batches.

Untrained Wav2Letter that predicts letters everywhere, on random utterances that are made as
they are read: what is measured is the work around the passes. Prints ratios within one run
(the two are timed in turns); processor time and peak memory for more frames are those of a
process of its own for each number.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import torch
from torch.nn import functional

from speechlrp.explainers.lrp import LRP
from speechlrp.explainers.sensitivity import Sensitivity
from speechlrp.letters.vocabulary import SIZE
from speechlrp.models.wav2letter import Wav2Letter
from speechlrp.navai import ALIGNMENTS
from speechlrp.navai.alignment import named
from speechlrp.navai.average import Averages
from speechlrp.navai.batches import AveragePart
from speechlrp.navai.frame_classes import Letters
from speechlrp.navai.frames import Frames, LetterFrames

LETTERS = Letters({place: chr(97 + place) for place in range(26)})
LONG = 206 + 2 * 249
"""Frames of an utterance: 250 windows, 5.6 s."""


def recogniser(width: int, wide: int, device: str) -> Wav2Letter:
    torch.manual_seed(0)
    model = Wav2Letter(SIZE, width=width, wide=wide, padding="none").eval().to(device)
    with torch.no_grad():
        model.layers[-1][0].bias[26:] -= 1000
    return model


def utterances(frames: int) -> Iterator[tuple[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    for number in range(frames // 250):
        yield str(number), torch.randn(128, LONG, generator=generator)


def stream(model: Wav2Letter, frames: int, batch: int) -> LetterFrames:
    return LetterFrames(utterances(frames), model, LETTERS, batch)


def explained(model: Wav2Letter, batch: Frames, explainers: dict) -> dict:
    target = functional.one_hot(batch.symbols, SIZE).to(batch.windows)[:, :, None]
    return {name: e.explain(model, batch.windows, target)[1] for name, e in explainers.items()}


EXPLAINERS = {"sensitivity": Sensitivity(), "lrp": LRP(preset="navai")}


def navai(model: Wav2Letter, frames: int, batch: int, groups: int) -> Averages:
    """All four alignments, as the stage does it; frames are found on the way."""
    device = next(model.parameters()).device
    width = model.receptive_field
    averages = Averages(LETTERS.names, tuple(ALIGNMENTS), 128, width, device=device, groups=groups)
    part = AveragePart(averages, 1.0, {str(n): n % max(groups, 1) for n in range(frames)})
    alignments = {name: named(name) for name in ALIGNMENTS}
    for found in stream(model, frames, batch):
        maps = explained(model, found, EXPLAINERS)
        steps = {name: a.steps(maps, found.windows) for name, a in alignments.items()}
        part.add(found, maps, steps)
    return averages


def passes(model: Wav2Letter, batches: list[Frames]) -> None:
    """One forward, one gradient and one LRP pass over each batch."""
    for found in batches:
        with torch.no_grad():
            model(found.windows)
        explained(model, found, EXPLAINERS)


def seconds(work, *arguments) -> float:
    start = time.perf_counter()
    work(*arguments)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def ratio(args: argparse.Namespace) -> None:
    model = recogniser(args.width, args.wide, args.device)
    batches = list(stream(model, args.frames, args.batch))
    passes(model, batches[:1])
    navai(model, 250, args.batch, args.groups)
    pairs = [
        (
            seconds(navai, model, args.frames, args.batch, args.groups),
            seconds(passes, model, batches),
        )
        for _ in range(args.repeats)
    ]
    ratios = [ours / theirs for ours, theirs in pairs]
    ours, theirs = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(
        f"{args.frames} frames, width {args.width}/{args.wide}, batches of {args.batch}: NAvAI "
        f"{ours:.2f} s, one forward, gradient and LRP pass {theirs:.2f} s; ratio "
        f"{statistics.median(ratios):.2f} ({', '.join(f'{r:.2f}' for r in sorted(ratios))})"
    )


def child(args: argparse.Namespace) -> None:
    model = recogniser(args.width, args.wide, args.device)
    start = time.process_time()
    navai(model, args.child, args.batch, args.groups)
    spent = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{spent} {peak}")


def growth(args: argparse.Namespace) -> None:
    first = None
    for frames in args.more:
        done = subprocess.run(
            [sys.executable, __file__, *sys.argv[1:], "--child", str(frames)],
            capture_output=True,
            text=True,
            check=True,
        )
        spent, peak = map(float, done.stdout.split())
        first = first or spent / frames
        print(
            f"{frames} frames: {spent:.1f} s of processor time, "
            f"{1000 * spent / frames:.2f} ms a frame ({spent / frames / first:.2f} of the first), "
            f"peak memory {peak:.0f} MiB"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--width", type=int, default=256, help="channels of the inner layers")
    parser.add_argument("--wide", type=int, default=2048, help="of the two wide ones")
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--groups", type=int, default=10, help="of utterances, for errors")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--more", type=int, nargs="*", default=[1000, 5000, 20000])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if any(count % 250 for count in (args.frames, *args.more)):
        parser.error("frames come in utterances of 250: give multiples of it")
    if args.child:
        child(args)
    else:
        ratio(args)
        growth(args)
