"""Copies of a recording that differ from it by what is mixed into the whole of it.

Thesis 6.3 explains the same recordings with music and with noise mixed in.

Shapes: N samples.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from torch import Tensor

from speechlrp.audio.mixing import Mixed, Mixer
from speechlrp.errors import SpeechLRPError

Copies = Callable[[Tensor, str], Iterable[tuple[Tensor, Mixed]]]
"""A recording ``[N]`` and its id -> copies ``[N]``, and what is mixed into each."""

TRIES = 50  # at an excerpt that is not silent


class Conditions:
    """Make a copy of a recording for each kind of addition.

    What a copy gets follows from the mixer's seed, the recording's id and the kind alone:
    not from the other kinds, the other recordings or the number of workers.

    Args:
        mixers: kind -> what mixes it into every recording (of probability 1).
        recordings: ids of those that are copied; None: all.
    """

    def __init__(
        self, mixers: Mapping[str, Mixer], recordings: Collection[str] | None = None
    ) -> None:
        self.mixers, self.recordings = mixers, recordings

    def __call__(self, wave: Tensor, name: str) -> Iterator[tuple[Tensor, Mixed]]:
        """Give the copies ``[N]`` of a recording ``[N]``, one for each kind, in their order.

        Raises:
            SpeechLRPError: all that was drawn of a kind is silent.
        """
        if self.recordings is None or name in self.recordings:
            for kind, mixer in self.mixers.items():
                yield _mixed(mixer, wave, kind, name)


def _mixed(mixer: Mixer, wave: Tensor, kind: str, name: str) -> tuple[Tensor, Mixed]:
    """Draw until an excerpt is not silent."""
    for turn in range(TRIES):
        mixture, mixed = mixer(wave, f"{kind} {name}", turn)
        if mixed is not None:
            return mixture, mixed
    raise SpeechLRPError(
        f"{TRIES} excerpts of {kind} to mix into {name} were all silent; remove silent files of "
        f"{kind}, or leave it out of conditions.kinds"
    )
