"""How letter frames and their explanations are found, and what of it navai's settings choose."""

import inspect
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from torch import Tensor
from torch.nn import functional

from speechlrp.artifacts.maps import Array
from speechlrp.config.schema import Config, configure
from speechlrp.data.dataset import Spoken, dataset
from speechlrp.data.network import Recogniser, network
from speechlrp.data.seen import check_no_view
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.explainers import EXPLAINERS
from speechlrp.explainers.base import Explainer
from speechlrp.letters.vocabulary import BLANK_INDEX, LETTERS, SYMBOLS, THRICE, TWICE
from speechlrp.navai import ALIGNMENTS
from speechlrp.navai.alignment import Alignment, named
from speechlrp.navai.frame_classes import Bigrams, Letters, Phonemes
from speechlrp.navai.frames import FrameClasses, Frames
from speechlrp.pipeline.stage import Context
from speechlrp.registry import is_reference
from speechlrp.stages.navai.known_times import phoneme_times

LETTER_CLASSES = dict(enumerate(LETTERS))
"""Symbol -> name of its class: a to z are the first symbols."""


@dataclass(frozen=True)
class Search:
    """How frames are found and where their key steps are looked for.

    Shapes: ``B`` windows of ``F`` bands and ``W`` steps, ``V`` symbols.
    """

    recogniser: Recogniser  # the network, without padding
    classes: FrameClasses  # which windows have which class
    alignments: Mapping[str, Alignment]  # by name
    explainers: Mapping[str, Explainer]  # by the names that the alignments know them by
    batch: int  # windows explained at once

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


OTHERS = {SYMBOLS.index(" "): "_", SYMBOLS.index("'"): "'"}


def search_of(context: Context) -> Search:
    """The configured search for frames and key steps."""
    config = context.config
    recogniser = network(context, dataset(context))
    recogniser.model.padding = "none"
    alignments = chosen(config)
    explainers = {name: source(config, name) for name in _searched(config)}
    classes = _classes(context, recogniser)
    return Search(recogniser, classes, alignments, explainers, config.navai.batch)


def chosen(config: Config) -> dict[str, Alignment]:
    """The alignments of a setting such as ``"none,min-sens,max-occlusion"`` or ``"all"``.

    Raises:
        SpeechLRPError: an alignment that there is not, or one twice.
    """
    align, sources = config.navai.align, config.navai.sources
    names = list(ALIGNMENTS) if align == "all" else [name.strip() for name in align.split(",")]
    known = {*ALIGNMENTS, *(f"{way}-{name}" for name in sources for way in ("max", "min"))}
    for name in names:
        foreign = is_reference(name) and name[:4] not in ("max-", "min-")
        if name not in known and not foreign:
            raise unknown("value of navai.align", name, ("all", *known))
    if len(set(names)) < len(names):
        raise SpeechLRPError(f"navai.align names an alignment twice: {align}")
    return {name: named(name, config.navai.over) for name in names}


def _searched(config: Config) -> list[str]:
    """The explainers that the chosen alignments search."""
    return sorted({a.source for a in chosen(config).values() if a.source})


def source(config: Config, name: str) -> Explainer:
    """The explainer of ``navai.sources``.

    Raises:
        SpeechLRPError: a setting that it does not take, or another reference than zero.
    """
    kind, settings = _settings(config, name)
    return configure(f"navai.sources.{name}", EXPLAINERS[kind], settings)


def sources_in_use(config: Config) -> dict[str, Any]:
    """The settings of the explainers that the chosen alignments search."""
    settings = {name: _settings(config, name) for name in _searched(config)}
    return {f"navai.sources.{n}": {"kind": kind} | rest for n, (kind, rest) in settings.items()}


def _settings(config: Config, name: str) -> tuple[str, dict[str, Any]]:
    """Kind and settings of an explainer, without what an explain stage alone needs."""
    section, where = config.navai.sources[name], f"navai.sources.{name}"
    if not isinstance(section, dict):
        raise SpeechLRPError(
            f"{where} is {section!r}; it must be an explainer's settings, such as "
            f"'{where}={{kind: lrp, preset: navai}}'"
        )
    kind = section.get("kind", name)
    if not isinstance(kind, str):
        raise SpeechLRPError(f"{where}.kind is {kind!r}; it must be an explainer's name")
    if section.get("reference", "zero") != "zero":
        raise SpeechLRPError(
            f"{where}.reference is {section['reference']}; frames are z-normalised, so that 0 is "
            f"their mean, and nothing else is at hand to measure them from: {where}.reference=zero"
        )
    check_no_view(section, config.features["name"], where)
    takes = inspect.signature(EXPLAINERS[kind]).parameters
    foreign = {"name", "kind", "reference", *config.explainer} - set(takes)
    settings = {key: value for key, value in section.items() if key not in foreign}
    if settings.get("start") == "probability":
        settings["start"] = "softmax"
    return kind, settings


def _classes(context: Context, recogniser: Recogniser) -> FrameClasses:
    """What frames are averaged by, as ``navai.classes`` says."""
    navai, spoken = context.config.navai, recogniser.dataset
    if navai.classes == "letters":
        return Letters(LETTER_CLASSES)
    if navai.classes == "phonemes":
        width = recogniser.model.receptive_field
        return Phonemes(phoneme_times(context, spoken), width, spoken.clock, LETTER_CLASSES)
    texts = spoken.texts(spoken.rows(context.config.subset))
    names = frequent(texts, navai.context, navai.most)
    repeats = [SYMBOLS.index(mark) for mark in (TWICE, THRICE)]
    return Bigrams(LETTER_CLASSES, BLANK_INDEX, OTHERS, repeats, navai.context, names)


def frequent(texts: Sequence[str], side: str, most: int) -> list[str]:
    """The `most` frequent letters with a neighbour at a side, as `Bigrams` names them.

    Raises:
        SpeechLRPError: there is none.
    """
    counts: Counter[str] = Counter()
    for text in texts:
        for before, after in pairwise(text.replace(" ", "_")):
            if (after if side == "left" else before) in LETTERS:
                counts[f"{before}|{after}"] += 1
    if not counts:
        raise SpeechLRPError("no transcript has two characters, so there is no bigram")
    return sorted(counts, key=lambda name: (-counts[name], name))[:most]
