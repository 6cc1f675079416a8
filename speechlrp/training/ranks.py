"""Several processes that train one model together, as `torchrun` starts them."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed, nn


@dataclass(frozen=True)
class Ranks:
    """This process, and how many there are."""

    rank: int = 0  # of this process, from 0
    ranks: int = 1  # processes; 1 where it is alone, and then nothing here does anything

    @property
    def leader(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    def spread(self, model: nn.Module) -> nn.Module:
        """The model whose gradients are the mean over all processes."""
        if self.ranks == 1:
            return model
        return nn.parallel.DistributedDataParallel(model)

    def total(self, numbers: Sequence[float]) -> list[float]:
        """Add each of some numbers over all processes."""
        if self.ranks == 1:
            return list(numbers)
        values = torch.tensor(numbers, dtype=torch.float64)
        distributed.all_reduce(values)
        return values.tolist()

    def share(self, value: Any) -> Any:
        """Give every process the leader's value, which torch can pickle."""
        if self.ranks == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box)
        return box[0]

    def wait(self) -> None:
        """Go on when every process is here."""
        if self.ranks > 1:
            distributed.barrier()

    def align(self, model: nn.Module) -> None:
        """Give every process the leader's buffers, such as batch norm's statistics."""
        if self.ranks > 1:
            for values in model.buffers():
                distributed.broadcast(values, 0)


ALONE = Ranks()


@contextmanager
def joined(device: str = "auto") -> Iterator[Ranks]:
    """Join the other processes that `torchrun` started; alone without it.

    Each takes the GPU of its number on its machine, where there are any.

    Args:
        device: the configured device; ``"cpu"`` leaves GPUs alone.
    """
    if not {"RANK", "WORLD_SIZE", "MASTER_ADDR"} <= os.environ.keys():
        yield ALONE  # of these a scheduler sets some for reasons of its own
        return
    ranks = Ranks(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))
    if ranks.ranks == 1:
        yield ranks
        return
    cuda = device != "cpu" and torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", 0)))
    distributed.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo")
    try:
        yield ranks
        # The group's threads may still hold the last exchanged tensor, and must let go of it
        # while there is an interpreter; a barrier's own work holds none of Python's.
        distributed.barrier()
    finally:
        distributed.destroy_process_group()
