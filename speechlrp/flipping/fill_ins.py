"""What flipped bins become. B recordings, P = C F T numbers each (C of a bin), D donors.

A baseline that no recording has shows the network what it never saw, and its curve says as much
about that as about the order of the bins; some fill-ins are therefore made of recordings, or of
what lies around the flipped bins.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from speechlrp.errors import SpeechLRPError
from speechlrp.flipping import FILL_INS
from speechlrp.flipping.imputing import imputed
from speechlrp.flipping.strategies import generator
from speechlrp.registry import guarded, is_reference

Filled = Tensor | Callable[[Tensor], Tensor]
"""The values of flipped bins, ``[P]`` or ``[B, P]``; or a function that makes them ``[B, P]`` of
which bins are flipped, bool ``[B, P]``."""


@dataclass(frozen=True)
class Surroundings:
    """What fill-ins may know, as the network sees it."""

    silence: float  # the value of silence
    mean: Tensor  # of the training set, ``[C, F, T]``
    read_donors: Callable[[], tuple[Sequence[str], Tensor]]
    """Gives the names of other recordings and their features ``[D, C, F, T]``."""
    seed: int  # of what is drawn

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
        return generator(f"{self.seed}/fill/{name}")


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


def fill_ins(names: Sequence[str], around: Surroundings) -> dict[str, FillIn]:
    """Those of some names of `FILL_INS`.

    Raises:
        SpeechLRPError: there is no such fill-in, or one of the user's own raises.
    """
    made = {}
    for name in names:
        with guarded(f"baseline {name}", FILL_INS[name]):
            made[name] = FILL_INS[name](around)
    return made


def filled_by(name: str, fill_in: FillIn, inputs: Tensor, ids: Sequence[str]) -> Filled:
    """What the bins of some recordings become; arguments as of `FillIn.of`.

    Raises:
        SpeechLRPError: a fill-in of the user's own, called `name`, raises, or gives something else.
    """
    with guarded(f"baseline {name}", fill_in):
        filled = fill_in.of(inputs, ids)
    if not is_reference(name):
        return filled
    if not callable(filled):
        return _checked(name, filled, inputs)

    def fill(flipped: Tensor) -> Tensor:
        with guarded(f"baseline {name}", fill_in):
            values = filled(flipped)
        return _checked(name, values, inputs).expand(len(inputs), -1)

    return fill


def _checked(name: str, values: Any, inputs: Tensor) -> Tensor:
    """Values of a user's own fill-in, as numbers of the inputs' kind."""
    count, bins = len(inputs), inputs[0].numel()
    shape = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
    if shape not in ([bins], [count, bins]):
        raise SpeechLRPError(
            f"baseline {name} gives {shape}; it must give a tensor of values [P] or [B, P], here "
            f"[{bins}] or [{count}, {bins}], or a function that does"
        )
    if not bool(values.isfinite().all()):
        raise SpeechLRPError(f"baseline {name} gives values that are not finite")
    return values.to(inputs)


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


NOISE = 0.01
"""Of a recording's standard deviation."""


class Neighbours(FillIn):
    """Noisy linear imputation over time and frequency: what the network can hardly tell.

    Every flipped bin is the weighted mean of its eight neighbours, flipped or not (direct ones
    1/6, diagonal ones 1/12), plus small noise: a linear system over all flipped bins of a
    recording.

    Source: Rong et al. 2022, ROAD; its system is solved by conjugate gradients on the weighted
    graph's Laplacian, which is symmetric at the edges too.
    """

    def of(self, inputs: Tensor, ids: Sequence[str]) -> Callable[[Tensor], Tensor]:
        """A function of the flipped bins."""
        deviation = inputs.flatten(1).std(1).view(-1, 1, 1, 1)
        drawn = [
            torch.randn(one.shape, generator=self.around.generator(name)).to(one)
            for one, name in zip(inputs, ids, strict=True)
        ]
        noise = NOISE * deviation * torch.stack(drawn)

        def fill(flipped: Tensor) -> Tensor:
            mask = flipped.view_as(inputs)
            if bool(mask.all()):
                return (self._nothing_left + noise).flatten(1)
            return imputed(inputs, mask, self.around.mean).add_(noise).flatten(1)

        return fill

    @cached_property
    def _nothing_left(self) -> Tensor:
        """What all bins become, ``[1, C, F, T]``: the same for all, and the slowest to solve."""
        mean = self.around.mean[None]
        return imputed(mean, torch.ones_like(mean, dtype=torch.bool), self.around.mean)
