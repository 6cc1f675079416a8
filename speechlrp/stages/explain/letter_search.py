"""An explainer of the configuration at work on letter frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from speechlrp.artifacts.maps import Array
from speechlrp.data.dataset import Spoken
from speechlrp.data.explaining import check, explainer
from speechlrp.data.network import network
from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.base import Explainer
from speechlrp.letters.vocabulary import LETTERS, SYMBOLS
from speechlrp.navai.alignment import NONE
from speechlrp.navai.classes import Letters
from speechlrp.navai.frames import Clock, Frames
from speechlrp.navai.relevance import OUTPUT, RELEVANCE
from speechlrp.pipeline.record import fingerprint
from speechlrp.pipeline.stage import Context
from speechlrp.stages.navai.gathering import Search


@dataclass(frozen=True)
class Asked(Search):
    """One explainer, asked for the predicted symbol of every letter frame.

    Attributes:
        spoken: the utterances.
        about: what explains what, as attributes of files.
    """

    spoken: Spoken
    about: Mapping[str, Any]

    def maps(self, batch: Frames) -> dict[str, torch.Tensor]:
        """Explanations ``[B, F, W]`` of the predicted symbol, and the scores ``[B, V]``."""
        return self.explained(batch.windows, batch.symbols)

    def explained(self, windows: torch.Tensor, symbols: torch.Tensor) -> dict[str, torch.Tensor]:
        """As `maps`, of windows ``[B, F, W]`` and symbols ``[B]``."""
        target = functional.one_hot(symbols, len(self.spoken.classes)).to(windows)[:, :, None]
        output, relevance = self.explainer.explain(self.recogniser.model, windows, target)
        return {RELEVANCE: relevance.detach(), OUTPUT: output.detach()[:, :, 0]}

    @property
    def explainer(self) -> Explainer:
        """The one that is asked."""
        return next(iter(self.explainers.values()))

    @property
    def width(self) -> int:
        """Frames of a window."""
        return self.recogniser.model.receptive_field

    @cached_property
    def offset_ms(self) -> np.ndarray:
        """Of a window's steps from its centre, step ``W // 2``, in ms ``[W]``."""
        return (np.arange(self.width) - self.width // 2) * 1000 * self.clock.hop_s

    @property
    def clock(self) -> Clock:
        """When a frame of an utterance is."""
        return self.spoken.clock

    @cached_property
    def _empty(self) -> torch.Tensor:
        """The scores of a window of zeros, the mean of an utterance, ``[1, V]``."""
        zeros = torch.zeros(1, len(self.spoken.frequency), self.width)
        return self.recogniser.scores(zeros)[:, :, 0]

    def promised(self, output: torch.Tensor, symbols: torch.Tensor) -> torch.Tensor | None:
        """What relevance should add up to ``[B]``, or None."""
        return self.explainer.promised(output, symbols, self._empty)

    def axes(self) -> dict[str, Array]:
        """The axes of a file of windows."""
        return {
            "frequency": Array(self.spoken.frequency, ("frequency",), "Hz"),
            "offset_ms": Array(self.offset_ms, ("offset",), "ms"),
        }


def asked(context: Context, spoken: Spoken) -> Asked:
    """The configured explainer at work on the configured recogniser."""
    config, recogniser = context.config, network(context, spoken)
    section = config.explainer
    recogniser.model.padding = "none"
    letters = Letters({SYMBOLS.index(letter): letter for letter in LETTERS})
    one = {section["name"]: explainer(section, recogniser.meta.get("loss", ""))}
    about = {
        "explainer": section,
        "sums_to": one[section["name"]].sums_to,
        "weights": str(context.inputs["weights"]),
        "weights_sha256": fingerprint(context.inputs["weights"])["sha256"],
        "subset": config.subset,
        "seed": config.seed,
    }
    size = section["batch_size"]
    return Asked(recogniser, letters, {"none": NONE}, one, size, spoken=spoken, about=about)


def check_letters(section: Mapping[str, Any]) -> None:
    """Check the explainer's section, and what only letters ask of it.

    Raises:
        SpeechLRPError: another target or reference than there is, or a number below its least.
    """
    check(section)
    if section["target"] != "predicted":
        raise SpeechLRPError(
            f"explainer.target is {section['target']}; a frame of a recogniser has no true symbol: "
            "use explainer.target=predicted"
        )
    if section["reference"] != "zero":
        raise SpeechLRPError(
            f"explainer.reference is {section['reference']}; frames of utterances are measured "
            "from 0, their utterance's mean: use an explainer with explainer.reference=zero"
        )
    if section["utterances"] < 0:
        raise SpeechLRPError(
            f"explainer.utterances is {section['utterances']}; it must be at least 0"
        )
