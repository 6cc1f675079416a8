"""The explorer: recordings, their explanations and their sound, to point at and listen to.

Arrays and facts in, HTML out. A page that is too small for all numbers holds recordings lightly
packed, for a first look, and their numbers to the last bit lie in files beside it, as do whole
recordings that it has no room for at all. Nothing is loaded from elsewhere.
Shapes: F frequency bins, T time frames, K classes; row 0 is the lowest frequency.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from markupsafe import Markup

from speechlrp.report.packing import (
    LEVELS,
    Light,
    Recording,
    exact_text,
    light_text,
    sizes,
    sound_text,
)

INSIDE_BYTES = 7_000_000
"""Of the explorer inside the page; what is more lies beside it."""

SHOWN_CLASSES = 8
"""Of many classes, the likeliest ones and the true one are told."""

SCRIPTS = (
    *("data.js", "sound.js", "picture.js", "state.js", "controls.js"),
    *("pointing.js", "explorer.js"),
)
"""In the order in which the page runs them, as one."""


@dataclass(frozen=True)
class Explorer:
    """Recordings on common axes; a block of the page."""

    classes: Sequence[str]  # the K classes
    frequency: np.ndarray  # of the rows, Hz, `[F]`
    time: np.ndarray  # of the columns, s, `[T]`
    units: str  # of the features
    recordings: Sequence[Recording]  # at least one
    bands_hz: Sequence[float] = ()  # limits of bands to mark on the frequency axis
    inside_bytes: int = INSIDE_BYTES  # that the page has for all of it
    name: str = "explorer"  # by which links tell it from the others of a page
    one: str = "recording"  # what a recording is called, such as "letter"
    by: str = "explainer"  # what an explainer is called, such as "alignment"
    tiers: Sequence[str] = ("phoneme", "word")  # what the rows of marks are
    opening: Mapping[str, str] = field(default_factory=dict)
    """What is looked at first, such as `{"other": "b.wav"}`; keys as in `state.js`."""
    kind: ClassVar[str] = "explorer"

    @property
    def maps(self) -> int:
        """How many maps there are, those of features included."""
        return sum(len(recording.arrays) for recording in self.recordings)

    @cached_property
    def packed(self) -> list[tuple[str, Light | None]]:
        """What the page holds of every recording: all numbers, light ones, or ("") nothing."""
        room = self.inside_bytes - len(_json(self._facts([("", None)] * len(self.recordings))))
        exact = self._all_exactly(room)
        if exact:
            return [(text, None) for text in exact]
        packed: list[tuple[str, Light | None]] = []
        levels = self._levels(room)
        for recording in self.recordings:
            if packed and room <= 0:
                packed.append(("", None))
                continue
            text, light = _lightly(recording, levels)
            room -= len(text) + 50 * len(recording.maps)  # their scales
            packed.append((text, light) if room >= 0 or not packed else ("", None))
        return packed

    def _all_exactly(self, room: int) -> list[str]:
        """All recordings to the last bit; nothing where they take too much room."""
        texts: list[str] = []
        for recording in self.recordings:
            texts.append(_exactly(recording))
            room -= len(texts[-1])
            if room < 0:
                return []
        return texts

    def _levels(self, room: int) -> int:
        """The finest levels at which all recordings fit, by the size of a few of them."""
        few = self.recordings[:: max(1, len(self.recordings) // 3)]
        for levels in LEVELS:
            size = max(len(_lightly(recording, levels)[0]) for recording in few)
            if size * len(self.recordings) <= room:
                return levels
        return LEVELS[-1]

    @property
    def inside(self) -> dict[str, str]:
        """Id of an element -> the recording in it."""
        return {self._element(i): text for i, (text, _) in enumerate(self.packed) if text}

    @property
    def beside(self) -> Iterator[tuple[str, str]]:
        """Path of a file beside the page, and the script that hands over a recording's numbers."""
        for i, recording in enumerate(self.recordings):
            if self._beside(i):
                text = _exactly(recording)
                script = f"speechlrp.receive({json.dumps(recording.id)}, {json.dumps(text)});\n"
                yield self._beside(i), script

    def _element(self, i: int) -> str:
        return f"{self.name}-{i}"

    def _beside(self, i: int) -> str:
        """The file of a recording that is not in the page to the last bit."""
        text, light = self.packed[i]
        return f"recordings/{self._element(i)}.js" if light or not text else ""

    @property
    def index(self) -> Markup:
        """All but the numbers, as JSON that no text in it can end early."""
        facts = self._facts(self.packed)
        for i, entry in enumerate(facts["recordings"]):
            entry |= {"inside": self._element(i), "beside": self._beside(i)}
        return Markup(_json(facts).replace("&", "\\u0026").replace("<", "\\u003c"))

    def _facts(self, packed: Sequence[tuple[str, Light | None]]) -> dict[str, Any]:
        return {
            "name": self.name,
            "one": self.one,
            "by": self.by,
            "classes": list(self.classes),
            "frequency": np.asarray(self.frequency, dtype=float).tolist(),
            "time": np.asarray(self.time, dtype=float).tolist(),
            "units": self.units,
            "bands": [float(limit) for limit in self.bands_hz],
            "tiers": list(self.tiers),
            "opening": dict(self.opening),
            "recordings": [
                _entry(recording, self.classes) | {"light": asdict(light) if light else None}
                for recording, (_, light) in zip(self.recordings, packed, strict=True)
            ],
        }


def _json(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _exactly(recording: Recording) -> str:
    return f"{sound_text(recording.samples, recording.rate)}\n{exact_text(recording.arrays)}"


def _lightly(recording: Recording, levels: int) -> tuple[str, Light]:
    text, light = light_text(recording.features, recording.arrays[1:], levels)
    return f"{sound_text(recording.samples, recording.rate)}\n{text}", light


def _entry(recording: Recording, classes: Sequence[str]) -> dict[str, Any]:
    samples = recording.samples if recording.samples is not None else ()
    probabilities = np.asarray(recording.probabilities, dtype=float)
    known = recording.label in classes and len(probabilities) > 0
    return {
        "id": recording.id,
        "name": recording.name,
        "label": recording.label,
        "predicted": classes[int(probabilities.argmax())] if len(probabilities) else "",
        "probabilities": _told(probabilities, recording.label, classes),
        "sure": _short(probabilities[list(classes).index(recording.label)]) if known else 0.0,
        "speaker": recording.speaker,
        "condition": recording.condition,
        "rate": int(recording.rate),
        "onset_s": float(recording.onset_s),
        "duration_s": len(samples) / recording.rate if recording.rate else 0.0,
        "marks": [
            [[_short(begin), _short(end), text] for begin, end, text in row]
            for row in recording.marks
        ],
        "facts": dict(recording.facts),
        "sizes": sizes(recording.arrays),
        "maps": [
            {
                "explainer": one.explainer,
                "class": one.target,
                "units": one.units,
                "baseline": one.baseline,
                "answers": [
                    [_short(percent), int(correct), _short(probability)]
                    for percent, correct, probability in one.answers
                ],
            }
            for one in recording.maps
        ],
    }


def _told(probabilities: np.ndarray, label: str, classes: Sequence[str]) -> list[list]:
    """Classes and their probabilities; of many the likeliest, the most probable first."""
    order = np.arange(len(probabilities))
    if len(order) > SHOWN_CLASSES:
        order = np.argsort(-probabilities)[:SHOWN_CLASSES]
    told = [[classes[i], _short(probabilities[i])] for i in order.tolist()]
    if len(order) and label in classes and label not in [name for name, _ in told]:
        told.append([label, _short(probabilities[list(classes).index(label)])])
    return told


def _short(value: float) -> float:
    return float(f"{value:.6g}")
