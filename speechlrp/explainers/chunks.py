"""The variants of a batch, cut to what goes through a model at once; and what they are made of."""

import hashlib
from collections.abc import Iterator

import torch
from torch import Tensor

from speechlrp.errors import SpeechLRPError


def chunks(count: int, batch: int, pass_size: int) -> Iterator[range]:
    """Cut the variants of a batch into passes of at most `pass_size` inputs, or one variant."""
    each = max(1, pass_size // max(batch, 1))
    for start in range(0, count, each):
        yield range(start, min(start + each, count))


def baseline_like(baseline: Tensor | float, inputs: Tensor) -> Tensor:
    """A baseline in the shape and type of the inputs ``[B, ...]``, not to be written to.

    Raises:
        SpeechLRPError: it is no number, or does not broadcast against them.
    """
    try:
        base = torch.as_tensor(baseline, dtype=inputs.dtype, device=inputs.device)
    except (TypeError, ValueError, RuntimeError) as error:
        raise SpeechLRPError(f"a baseline is a number or a tensor; found {baseline!r}") from error
    try:
        return base.expand_as(inputs)
    except RuntimeError as error:
        raise SpeechLRPError(
            f"a baseline of shape {list(base.shape)} does not fit inputs of {list(inputs.shape)}"
        ) from error


def generators(inputs: Tensor, seed: int) -> list[torch.Generator]:
    """A generator for each example, seeded by its content.

    So what is drawn for an example depends neither on the batch that it is in nor on the
    rank that explains it, nor on how its numbers lie in memory.
    """
    key, made = str(seed).encode(), []
    if len(key) > hashlib.blake2b.MAX_KEY_SIZE:
        key = hashlib.blake2b(key).digest()
    for one in inputs.detach():
        content = one.flatten().cpu().contiguous().view(torch.uint8).numpy().tobytes()
        digest = hashlib.blake2b(content, digest_size=8, key=key).digest()
        generator = torch.Generator(inputs.device)
        made.append(generator.manual_seed(int.from_bytes(digest, "little") >> 1))
    return made


def precise(dtype: torch.dtype) -> torch.dtype:
    """What sums of numbers of this type are kept in: half precision adds up in float32.

    A sum in bfloat16 (8 bits) stops growing at 256 times its terms.
    """
    return dtype if dtype.itemsize >= 4 else torch.float32
