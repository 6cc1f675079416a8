"""An explainer of the configuration at work on letter frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from speechlrp.data.dataset import dataset
from speechlrp.data.explaining import check, explainer
from speechlrp.data.network import Recogniser, network
from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.base import Explainer
from speechlrp.navai.alignment import NONE
from speechlrp.navai.explanations import OUTPUT, RELEVANCE
from speechlrp.navai.frame_classes import Letters
from speechlrp.navai.frames import Frames
from speechlrp.pipeline.record import fingerprint
from speechlrp.pipeline.stage import Context
from speechlrp.stages.navai.search import LETTER_CLASSES, Search


@dataclass(frozen=True)
class LetterExplaining(Search):
    """One explainer at work on the predicted symbol of every letter frame.

    Attributes:
        facts: what explains what, as attributes of files.
    """

    facts: Mapping[str, Any]

    def maps(self, batch: Frames) -> dict[str, Tensor]:
        """Explanations ``[B, F, W]`` of the predicted symbol, and the scores ``[B, V]``."""
        return self.maps_of(batch.windows, batch.symbols)

    def maps_of(self, windows: Tensor, symbols: Tensor) -> dict[str, Tensor]:
        """As `maps`, of windows ``[B, F, W]`` and symbols ``[B]``."""
        output, relevance = self.explained(self.explainer, windows, symbols)
        return {RELEVANCE: relevance, OUTPUT: output}

    @property
    def explainer(self) -> Explainer:
        """The one."""
        return next(iter(self.explainers.values()))

    @cached_property
    def _empty(self) -> Tensor:
        """The scores of a window of zeros, the mean of an utterance, ``[1, V]``."""
        zeros = torch.zeros(1, len(self.dataset.frequency), self.width)
        return self.recogniser.scores(zeros)[:, :, 0]

    def promised(self, output: Tensor, symbols: Tensor) -> Tensor | None:
        """What relevance should add up to ``[B]``, or None."""
        return self.explainer.promised(output, symbols, self._empty)


def letter_explaining(context: Context, recogniser: Recogniser | None = None) -> LetterExplaining:
    """The configured explainer at work on a recogniser, by default the configured one."""
    config = context.config
    recogniser = recogniser or network(context, dataset(context))
    section = config.explainer
    recogniser.model.padding = "none"
    explainers = {section["name"]: explainer(section, recogniser.meta.get("loss", ""))}
    facts = {
        "explainer": section,
        "sums_to": explainers[section["name"]].sums_to,
        "weights": str(context.inputs["weights"]),
        "weights_sha256": fingerprint(context.inputs["weights"])["sha256"],
        "subset": config.subset,
        "seed": config.seed,
    }
    letters, size = Letters(LETTER_CLASSES), section["batch_size"]
    return LetterExplaining(recogniser, letters, {"none": NONE}, explainers, size, facts)


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
