"""What flipped bins become. B recordings, P = C F T numbers each (C of a bin), D donors.

A baseline that no recording has shows the network what it never saw, and its curve says as much
about that as about the order of the bins; some fill-ins are therefore made of recordings.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from speechlrp.errors import SpeechLRPError

Filled = Tensor | Callable[[Tensor], Tensor]
"""The values of flipped bins, ``[P]`` or ``[B, P]``; or a function that makes them ``[B, P]`` of
which bins are flipped, bool ``[B, P]``."""


@dataclass(frozen=True)
class Surroundings:
    """What fill-ins may know, as the network sees it.

    Attributes:
        silence: the value of silence.
        mean: of the training set, ``[C, F, T]``.
        read_donors: gives the names of other recordings and their features ``[D, C, F, T]``.
        seed: of what is drawn.
    """

    silence: float
    mean: Tensor
    read_donors: Callable[[], tuple[Sequence[str], Tensor]]
    seed: int

    @cached_property
    def donors(self) -> tuple[Sequence[str], Tensor]:
        """Read once, and only if a fill-in asks."""
        names, features = self.read_donors()
        if len(names) < 2:
            raise SpeechLRPError(
                f"flipped bins cannot come from other recordings: there are {len(names)}"
            )
        return names, features

    def generator(self, name: str) -> torch.Generator:
        """For one recording, whatever batch it is in."""
        key = f"{self.seed}/fill/{name}".encode()
        seed = int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "big") >> 1
        return torch.Generator().manual_seed(seed)


class FillIn(ABC):
    """Base of all fill-ins.

    Args:
        around: what may be known.
    """

    def __init__(self, around: Surroundings) -> None:
        self.around = around

    @abstractmethod
    def of(self, inputs: Tensor, ids: Sequence[str]) -> Filled:
        """What the bins of some recordings become.

        Args:
            inputs: ``[B, C, F, T]``.
            ids: what they are called ``[B]``.
        """


class Zero(FillIn):
    """0, as in T: the loudest value of a representation that is relative to its maximum."""

    def of(self, inputs: Tensor, ids: Sequence[str]) -> Tensor:
        """The same for all."""
        return torch.zeros_like(self.around.mean).flatten()


class Silence(FillIn):
    """The value of silence."""

    def of(self, inputs: Tensor, ids: Sequence[str]) -> Tensor:
        """The same for all."""
        return torch.full_like(self.around.mean, self.around.silence).flatten()


class Mean(FillIn):
    """The mean of that bin over the training set."""

    def of(self, inputs: Tensor, ids: Sequence[str]) -> Tensor:
        """The same for all."""
        return self.around.mean.flatten()


class Donor(FillIn):
    """The same bins of another recording, one that is drawn for each."""

    def of(self, inputs: Tensor, ids: Sequence[str]) -> Tensor:
        """Values ``[B, P]``."""
        names, features = self.around.donors
        picked = []
        for name in ids:
            order = torch.randperm(len(names), generator=self.around.generator(name)).tolist()
            picked.append(next(i for i in order if names[i] != name))
        return features[picked].flatten(1)


class Noise(FillIn):
    """Speech-shaped noise: values that speech has at that frequency, without their structure.

    Each bin takes a value of a donor and a frame that are drawn for it alone.
    """

    def of(self, inputs: Tensor, ids: Sequence[str]) -> Tensor:
        """Values ``[B, P]``."""
        _, features = self.around.donors
        values = features.movedim(0, 2).flatten(2)  # [C, F, D T]
        rows = [self._drawn(values, inputs.shape[-1], name) for name in ids]
        return torch.stack(rows)

    def _drawn(self, values: Tensor, frames: int, name: str) -> Tensor:
        shape, count = (*values.shape[:2], frames), values.shape[2]
        place = torch.randint(count, shape, generator=self.around.generator(name))
        return values.gather(2, place.to(values.device)).flatten()
