"""What must hold before anything is explained; and a batch's variants, cut into passes."""

import hashlib
from collections.abc import Iterator
from weakref import WeakSet

import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError
from speechlrp.lrp.checks import check_inputs, check_model, fitting
from speechlrp.lrp.refusals import LRPError

_separate: WeakSet[nn.Module] = WeakSet()
"""Models that were seen to keep the examples of a batch apart."""


def check(model: nn.Module, inputs: Tensor, variants: bool = False) -> None:
    """Check what every explainer needs of a model and inputs ``[B, ...]``.

    ``variants``: several of one example go through the model at once.

    Raises:
        LRPError: as ``attribute``; there is no example; the weights were made in inference mode;
            the model mixes the examples of a batch.
    """
    check_model(model)
    check_inputs(inputs)
    if not len(inputs):
        raise LRPError(f"there is no example to explain: the inputs' shape is {list(inputs.shape)}")
    for name, weight in model.named_parameters():
        if weight.is_inference():
            raise LRPError(
                f"the weight {name} was made in inference mode and has no gradient; make or load "
                "the model outside of torch.inference_mode()"
            )
    if model not in _separate and (variants or len(inputs) > 1):
        _check_separate(model, inputs.detach())
        _separate.add(model)


def _check_separate(model: nn.Module, inputs: Tensor) -> None:
    """Raise where an example's output changes with the other examples of its batch.

    Explainers put examples, and variants of one, into the same batch. All passes have the same
    shape, so that an example's output is computed alike, to the last bits, if nothing is mixed.
    Done once for a model: what it does with a batch is in its code, not in its weights.
    """
    batch = inputs if len(inputs) > 1 else torch.cat([inputs, inputs])
    before = _outputs(model, batch)
    if before is None:
        return  # which the target's shape will not fit
    for kept in (0, -1):  # a running sum reaches later examples alone
        other = 2 * batch + 1
        other[kept] = batch[kept]
        after = _outputs(model, other)
        if not bool(before[kept].isfinite().all()):
            return  # which is an error of its own
        largest = float(before[kept].abs().max())
        if after is None or not torch.allclose(
            after[kept], before[kept], rtol=1e-3, atol=1e-3 * largest
        ):
            raise LRPError(
                "the model's output for an example depends on the other examples of its batch, or "
                "changes from pass to pass, so that no example can be explained by itself: look "
                "for means, norms or products over the first dimension, and for random numbers"
            )


def _outputs(model: nn.Module, batch: Tensor) -> Tensor | None:
    """The outputs, if there is one for each example."""
    with torch.no_grad(), fitting(model, [batch]):
        output = model(batch.clone())
    fits = isinstance(output, Tensor) and output.dim() > 0 and len(output) == len(batch)
    return output if fits else None


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
