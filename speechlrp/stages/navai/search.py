"""How letter frames are found, and their explanations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from torch import Tensor
from torch.nn import functional

from speechlrp.artifacts.maps import Array
from speechlrp.data.dataset import Spoken
from speechlrp.data.network import Recogniser
from speechlrp.explainers.base import Explainer
from speechlrp.letters.vocabulary import LETTERS
from speechlrp.navai.alignment import Alignment
from speechlrp.navai.frames import FrameClasses, Frames

LETTER_CLASSES = dict(enumerate(LETTERS))
"""Symbol -> name of its class: a to z are the first symbols."""


@dataclass(frozen=True)
class Search:
    """How frames are found and where their key steps are looked for.

    Shapes: ``B`` windows of ``F`` bands and ``W`` steps, ``V`` symbols.

    Attributes:
        recogniser: the network, without padding.
        classes: which windows have which class.
        alignments: by name.
        explainers: by the names that the alignments know them by.
        batch: windows explained at once.
    """

    recogniser: Recogniser
    classes: FrameClasses
    alignments: Mapping[str, Alignment]
    explainers: Mapping[str, Explainer]
    batch: int

    @property
    def dataset(self) -> Spoken:
        """The utterances."""
        return self.recogniser.dataset

    @property
    def width(self) -> int:
        """Steps of a window."""
        return self.recogniser.model.receptive_field

    @cached_property
    def offset_ms(self) -> np.ndarray:
        """Of a window's steps from its centre, step ``W // 2``, in ms ``[W]``."""
        return (np.arange(self.width) - self.width // 2) * 1000 * self.dataset.clock.hop_s

    def axes(self) -> dict[str, Array]:
        """The axes of a file of windows."""
        return {
            "frequency": Array(self.dataset.frequency, ("frequency",), "Hz"),
            "offset_ms": Array(self.offset_ms, ("offset",), "ms"),
        }

    def maps(self, batch: Frames) -> dict[str, Tensor]:
        """Explanations ``[B, F, W]`` of the predicted symbol's logit, by explainer."""
        return {
            name: self.explained(explainer, batch.windows, batch.symbols)[1]
            for name, explainer in self.explainers.items()
        }

    def explained(
        self, explainer: Explainer, windows: Tensor, symbols: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Scores ``[B, V]`` of windows, and explanations of those of symbols ``[B]``."""
        target = functional.one_hot(symbols, len(self.dataset.classes)).to(windows)[:, :, None]
        output, relevance = explainer.explain(self.recogniser.model, windows, target)
        return output.detach()[:, :, 0], relevance.detach()
