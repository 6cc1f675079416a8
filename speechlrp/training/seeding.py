"""Where a computation runs, and the random numbers that it draws."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from speechlrp.errors import SpeechLRPError

NAMES = {True: "tf32", False: "ieee"}  # torch's, of how float32 is multiplied
ORDER, NOISE = 0, 1  # streams: the order of the examples; dropout and the like


def device(name: str = "auto") -> torch.device:
    """Turn a name into a device.

    Args:
        name: ``"auto"`` (CUDA where there is one), ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.

    Raises:
        SpeechLRPError: CUDA is asked for and absent, or the name is none of these.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()):
        raise SpeechLRPError(f"unknown device {name!r}; known: auto, cpu, cuda, cuda:<number>")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        raise SpeechLRPError(
            f"device {name!r} was asked for, but torch {torch.__version__} finds "
            f"{torch.cuda.device_count()} CUDA devices here; use device=cpu or device=auto"
        )
    return torch.device(name)


@contextmanager
def tf32(allowed: bool) -> Iterator[None]:
    """Let a GPU shorten the factors of float32 products to 10 bits, or not, inside a ``with``.

    Torch lets it in convolutions unless it is told otherwise, which changes maps of relevance
    by up to a quarter of their norm.
    """
    cudnn: Any = torch.backends.cudnn
    matmul: Any = torch.backends.cuda.matmul
    flags: tuple[Any, ...] = (cudnn, matmul)
    name = "allow_tf32"
    wanted: Any = allowed
    try:
        before = [getattr(one, name) for one in flags]
    except RuntimeError:  # torch reads its older names no more where a newer one was set
        flags, name, wanted = (cudnn.conv, cudnn.rnn, matmul), "fp32_precision", NAMES[allowed]
        before = [getattr(one, name) for one in flags]
    # What is so already stays unset: once set, it would follow torch's general setting no more.
    changed = [(one, was) for one, was in zip(flags, before, strict=True) if was != wanted]
    for one, _ in changed:
        setattr(one, name, wanted)
    try:
        yield
    finally:
        for one, was in changed:
            setattr(one, name, was)


def derive(seed: int, *path: int) -> int:
    """Give the seed of a part of the work, such as one epoch.

    Args:
        seed: the seed of the whole, 0 or more.
        path: numbers that name the part, each 0 or more.

    Returns:
        A seed of 32 bits; different parts have independent ones.
    """
    return int(np.random.SeedSequence([seed, *path]).generate_state(1)[0])


@contextmanager
def seed_everything(seed: int) -> Iterator[None]:
    """Seed torch (CPU and CUDA), numpy and Python inside a ``with``.

    Afterwards all generators are where they were before, so that the caller's
    random numbers do not depend on what ran inside. cuDNN is held to its
    deterministic algorithms inside.
    """
    cuda = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    before = random.getstate(), np.random.get_state(), torch.backends.cudnn.deterministic
    with torch.random.fork_rng(devices=cuda):
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        torch.backends.cudnn.deterministic = True
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])
            torch.backends.cudnn.deterministic = before[2]
