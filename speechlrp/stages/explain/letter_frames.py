"""An explainer at work on letter frames, and the frames and utterances that are kept whole."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from speechlrp.artifacts.maps import ALONG, EXAMPLES, Array, write_maps
from speechlrp.artifacts.utterances import Utterances
from speechlrp.data.dataset import dataset
from speechlrp.data.explaining import check, explainer
from speechlrp.data.network import Recogniser, network
from speechlrp.data.seen import check_no_view
from speechlrp.data.times import write_segments
from speechlrp.errors import SpeechLRPError
from speechlrp.explainers.base import Explainer
from speechlrp.letters.decoding import greedy
from speechlrp.letters.vocabulary import SYMBOLS
from speechlrp.navai.alignment import NONE
from speechlrp.navai.explanations import OUTPUT, RELEVANCE, lay, profile, scored
from speechlrp.navai.frame_classes import Letters
from speechlrp.navai.frames import Frames, LetterFrames
from speechlrp.pipeline.record import fingerprint
from speechlrp.pipeline.stage import Context
from speechlrp.stages.navai.search import LETTER_CLASSES, Search


@dataclass(frozen=True)
class LetterExplaining(Search):
    """One explainer at work on the predicted symbol of every letter frame."""

    facts: Mapping[str, Any]  # what explains what, as attributes of files

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
        """The scores of the explainer's baseline, by default an utterance's mean, ``[1, V]``."""
        window = torch.zeros(1, len(self.dataset.frequency), self.width)
        return self.recogniser.scores(self.explainer.origin(window).clone())[:, :, 0]

    def promised(self, output: Tensor, symbols: Tensor) -> Tensor | None:
        """What relevance should add up to ``[B]``, or None."""
        return self.explainer.promised(output, symbols, lambda: self._empty)


def letter_explaining(context: Context, recogniser: Recogniser | None = None) -> LetterExplaining:
    """The configured explainer at work on a recogniser, by default the configured one."""
    config = context.config
    recogniser = recogniser or network(context, dataset(context))
    section = config.explainer
    check_no_view(section, recogniser.dataset.settings["name"])
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
    if section["f0_hz"]:
        raise SpeechLRPError(
            f"explainer.f0_hz is {section['f0_hz']}; letters are no classes of voices, whose "
            "fundamental has a range: explainer.f0_hz=null"
        )
    if section["utterances"] < 0:
        raise SpeechLRPError(
            f"explainer.utterances is {section['utterances']}; it must be at least 0"
        )


WINDOW = ("frame", "frequency", "offset")
ROW = ("frame", "frequency")
SHARE = "share of a letter frame's absolute relevance"
KNOWN = ("id", "speaker", "transcript", "seconds")


def write_examples(context: Context, search: LetterExplaining, drawn: pd.DataFrame) -> None:
    """Explain the drawn frames once more, and write them with what they see to `relevance.h5`."""
    parts = []
    with search.dataset.features() as file:
        for first in range(0, len(drawn), search.batch):
            parts.append(_explained(file, search, drawn.iloc[first : first + search.batch]))
    tables = {"table": pd.concat([table for _, table in parts], ignore_index=True)}
    units = {"features": search.dataset.units, "relevance": search.explainer.units}
    units["output"] = "logit"
    axes = {"features": WINDOW, "relevance": WINDOW, "output": ("frame", "symbol")}
    arrays = {
        name: Array(np.concatenate([part[name] for part, _ in parts]), axes[name], units[name])
        for name in axes
    }
    attributes = {"classes": search.dataset.classes, **search.facts}
    path = context.folder / "relevance.h5"
    write_maps(path, EXAMPLES, arrays | search.axes(), tables=tables, attributes=attributes)


def _explained(
    file: Utterances, search: LetterExplaining, drawn: pd.DataFrame
) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    """Features, relevance and output of frames, and a row about each."""
    starts = zip(drawn.utterance, drawn.start, strict=True)
    windows = np.stack([file.read(row)[at : at + search.width].T for row, at in starts])
    inputs = torch.from_numpy(windows).to(search.recogniser.device)
    names = [search.classes.names[label] for label in drawn["class"]]
    symbols = torch.tensor([SYMBOLS.index(name) for name in names], device=inputs.device)
    maps = search.maps_of(inputs * search.recogniser.scale, symbols)
    columns = {"id": drawn.id.tolist(), "speaker": drawn.speaker.tolist(), "letter": names}
    columns |= {"symbol": symbols.cpu().numpy(), "start": drawn.start.to_numpy(np.int64)}
    columns["time_s"] = search.dataset.clock.seconds(columns["start"] + search.width // 2)
    scores = scored(maps[OUTPUT], symbols)
    columns |= {name: value.cpu().numpy() for name, value in scores.items()}
    arrays = {name: maps[name].cpu().numpy() for name in (RELEVANCE, OUTPUT)}
    return arrays | {"features": windows}, pd.DataFrame(columns)


ALONG_AXES = {
    "features": ROW,
    "relevance": ROW,
    "absolute": ROW,
    "windows": ("frame",),
    "profile": ("letter_frame", "offset"),
}
"""The arrays of `utterances.h5` and their axes."""


def write_utterances(context: Context, search: LetterExplaining, drawn: pd.DataFrame) -> None:
    """Write the drawn utterances with the relevance of all their letter frames: `utterances.h5`."""
    if drawn.empty:
        return
    utterances = []
    with search.dataset.features() as file:
        for place, row in enumerate(drawn.utterance):
            facts = search.dataset.table.iloc[row]
            utterances.append(along(file.read(row), search, facts, place))
    arrays = {name: np.concatenate([a[name] for a, *_ in utterances]) for name in ALONG_AXES}
    units = dict.fromkeys(("relevance", "absolute", "profile"), SHARE)
    units["features"] = search.dataset.units
    written = {n: Array(a, ALONG_AXES[n], units.get(n, "")) for n, a in arrays.items()}
    offsets = np.cumsum([0, *(len(a["windows"]) for a, *_ in utterances)], dtype=np.int64)
    written["offsets"] = Array(offsets, ("edge",))
    tables = {
        "table": pd.DataFrame([row for _, row, _ in utterances]),
        "letters": pd.concat([letters for *_, letters in utterances], ignore_index=True),
    }
    known = search.dataset.table[["id", "path"]]
    examples = tables["table"][["id", "speaker", "seconds"]].merge(known, on="id")
    examples = examples.assign(source=examples.id, start_s=0.0, onset_s=0.0)
    absolute = [a["absolute"] for a, *_ in utterances]
    times = [search.dataset.clock.seconds(np.arange(len(one))) for one in absolute]
    profiles = [one.sum(1, dtype=float) for one in absolute]
    write_segments(context, examples.rename(columns={"seconds": "duration_s"}), profiles, times)
    path, attributes = context.folder / "utterances.h5", dict(search.facts)
    write_maps(path, ALONG, written | search.axes(), tables=tables, attributes=attributes)


def along(
    features: np.ndarray, search: LetterExplaining, facts: pd.Series, place: int
) -> tuple[dict[str, np.ndarray], dict[str, Any], pd.DataFrame]:
    """One utterance ``[T, F]``: its arrays, a row about it, and one about each letter frame."""
    inputs = torch.from_numpy(features.T.copy()) * search.recogniser.scale
    model, stream = search.recogniser.model, [(facts.id, inputs)]
    batches = list(LetterFrames(stream, model, search.classes, search.batch))
    if not batches:
        raise SpeechLRPError(f"{facts.id}: the network takes no window of it for a letter")
    maps = [search.maps(batch) for batch in batches]
    relevance = torch.cat([one[RELEVANCE] for one in maps]).cpu()
    rows = pd.concat([batch.table() for batch in batches], ignore_index=True)
    signed, absolute, windows = lay(relevance, rows.start, len(features))
    arrays = {"features": features, "relevance": signed, "absolute": absolute}
    arrays = {name: values.astype(np.float32) for name, values in arrays.items()}
    arrays |= {"windows": windows, "profile": profile(relevance)}
    output = torch.cat([one[OUTPUT] for one in maps]).cpu()
    letters = {"utterance": place, "start": rows.start, "run": rows.run}
    letters["letter"] = [search.classes.names[label] for label in rows["class"]]
    letters["time_s"] = search.dataset.clock.seconds(rows.start + search.width // 2)
    letters |= scored(output, torch.tensor(rows.symbol.tolist()))
    (decoded,) = greedy(search.recogniser.scores(inputs[None]))
    row = {name: facts[name] for name in KNOWN} | {"recognised": decoded.text}
    row |= {"frames": len(features), "letter_frames": len(rows)}
    return arrays, row, pd.DataFrame(letters)
