"""The explorer: recordings, their explanations and their sound, to point at and listen to.

Arrays and facts in, HTML out: nothing is loaded from elsewhere, but recordings that the page is
too small for, which lie beside it. Numbers are those of the files, float32 to the last bit.
Shapes: F frequency bins, T time frames, K classes; row 0 is the lowest frequency.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from markupsafe import Markup

from speechlrp.errors import SpeechLRPError

INSIDE_BYTES = 7_000_000
"""Of recordings inside the page; what is more lies beside it."""

SCRIPTS = (
    *("data.js", "sound.js", "picture.js", "state.js", "controls.js"),
    *("pointing.js", "explorer.js"),
)
"""In the order in which the page runs them, as one."""


@dataclass(frozen=True)
class Reply:
    """What the network says once the strongest bins are removed.

    Attributes:
        percent: of the bins.
        correct: whether it still says the true class.
        probability: of the true class.
    """

    percent: float
    correct: bool
    probability: float


@dataclass(frozen=True)
class Explanation:
    """A map of a recording.

    Attributes:
        explainer: whose.
        target: the class explained.
        relevance: `[F, T]`.
        units: of the relevance.
        answers: when more and more of its strongest bins are set to the baseline.
        baseline: what they are set to.
    """

    explainer: str
    target: str
    relevance: np.ndarray
    units: str = ""
    answers: Sequence[Reply] = ()
    baseline: str = ""


@dataclass(frozen=True)
class Recording:
    """What is known of a recording.

    Attributes:
        id: by which a link finds it; of no two recordings the same.
        name: for people.
        features: `[F, T]`.
        probabilities: of the classes `[K]`.
        maps: its explanations.
        label: the true class; empty where it is not known.
        speaker: who speaks.
        condition: what was mixed in.
        samples: its sound `[N]`, -1 to 1; None: there is none to hear.
        rate: samples a second.
        onset_s: where the sound begins on the time axis, s.
        marks: rows of what is said when, the lowest first, such as phonemes and words: begin
            and end on the time axis (s), and the text.
        facts: more to tell, such as its place in a longer recording.
    """

    id: str
    name: str
    features: np.ndarray
    probabilities: Sequence[float] | np.ndarray
    maps: Sequence[Explanation]
    label: str = ""
    speaker: str = ""
    condition: str = ""
    samples: np.ndarray | None = None
    rate: int = 0
    onset_s: float = 0.0
    marks: Sequence[Sequence[tuple[float, float, str]]] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Explorer:
    """Recordings on common axes; a block of the page.

    Attributes:
        classes: the K classes.
        frequency: of the rows, Hz, `[F]`.
        time: of the columns, s, `[T]`.
        units: of the features.
        recordings: at least one.
        bands_hz: limits of bands to mark on the frequency axis.
        inside_bytes: of recordings inside the page.

    Raises:
        SpeechLRPError: no recording, a shape that does not fit the axes, or an id twice.
    """

    classes: Sequence[str]
    frequency: np.ndarray
    time: np.ndarray
    units: str
    recordings: Sequence[Recording]
    bands_hz: Sequence[float] = ()
    inside_bytes: int = INSIDE_BYTES
    kind: ClassVar[str] = "explorer"

    def __post_init__(self) -> None:
        if not self.recordings:
            raise SpeechLRPError("no recording to explore; explain some with `speechlrp explain`")
        shape = len(self.frequency), len(self.time)
        for recording in self.recordings:
            for values in (recording.features, *(map_.relevance for map_ in recording.maps)):
                if values.shape != shape:
                    raise SpeechLRPError(
                        f"{recording.name}: a map of shape {values.shape} does not fit axes of "
                        f"{shape}"
                    )
        ids = [recording.id for recording in self.recordings]
        if len(set(ids)) < len(ids):
            twice = next(name for name in ids if ids.count(name) > 1)
            raise SpeechLRPError(f"two recordings have the id {twice!r}; ids must differ")

    @cached_property
    def packed(self) -> list[str]:
        """Every recording's numbers, see `pack`."""
        return [pack(recording) for recording in self.recordings]

    @cached_property
    def places(self) -> list[str]:
        """Where every recording is: an element of the page, or a file beside it."""
        room, places = self.inside_bytes, []
        for i, text in enumerate(self.packed):
            room -= len(text)
            places.append(f"recording-{i}" if room >= 0 or i == 0 else f"recordings/{i}.js")
        return places

    @property
    def inside(self) -> dict[str, str]:
        """Name of an element -> the recording in it."""
        pairs = zip(self.places, self.packed, strict=True)
        return {place: text for place, text in pairs if not place.endswith(".js")}

    @property
    def beside(self) -> dict[str, str]:
        """Path of a file beside the page -> the script that hands over the recording in it."""
        rows = zip(self.places, self.recordings, self.packed, strict=True)
        return {
            place: f"speechlrp.receive({json.dumps(recording.id)}, {json.dumps(text)});\n"
            for place, recording, text in rows
            if place.endswith(".js")
        }

    @property
    def index(self) -> Markup:
        """All but the numbers, as JSON that no text in it can end early."""
        facts = {
            "classes": list(self.classes),
            "frequency": np.asarray(self.frequency, dtype=float).tolist(),
            "time": np.asarray(self.time, dtype=float).tolist(),
            "units": self.units,
            "bands": [float(limit) for limit in self.bands_hz],
            "recordings": [
                _entry(recording, place, self.classes)
                for recording, place in zip(self.recordings, self.places, strict=True)
            ],
        }
        text = json.dumps(facts, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c"))


def _entry(recording: Recording, place: str, classes: Sequence[str]) -> dict[str, Any]:
    probabilities = [float(p) for p in recording.probabilities]
    samples = recording.samples if recording.samples is not None else ()
    return {
        "id": recording.id,
        "name": recording.name,
        "place": place,
        "label": recording.label,
        "predicted": classes[int(np.argmax(probabilities))],
        "probabilities": probabilities,
        "speaker": recording.speaker,
        "condition": recording.condition,
        "rate": int(recording.rate),
        "onset_s": float(recording.onset_s),
        "duration_s": len(samples) / recording.rate if recording.rate else 0.0,
        "marks": [
            [[float(begin), float(end), text] for begin, end, text in row]
            for row in recording.marks
        ],
        "facts": dict(recording.facts),
        "maps": [
            {
                "explainer": one.explainer,
                "class": one.target,
                "units": one.units,
                "baseline": one.baseline,
                "answers": [
                    {
                        "percent": float(answer.percent),
                        "correct": bool(answer.correct),
                        "probability": float(answer.probability),
                    }
                    for answer in one.answers
                ],
            }
            for one in recording.maps
        ],
    }


def pack(recording: Recording) -> str:
    """A recording's features, maps and samples, deflated, as base64.

    Floats come in four planes, their first bytes, then their second, ...: what varies little
    stands together, which deflates to about six sevenths. Samples are 16-bit whole numbers.
    """
    arrays = [recording.features, *(one.relevance for one in recording.maps)]
    planes = [
        np.ascontiguousarray(values, dtype="<f4").view(np.uint8).reshape(-1, 4).T.tobytes()
        for values in arrays
    ]
    samples = np.zeros(0) if recording.samples is None else np.asarray(recording.samples)
    sound = np.round(np.clip(np.nan_to_num(samples), -1, 1) * 32767).astype("<i2").tobytes()
    deflate = zlib.compressobj(6, wbits=-15)
    return base64.b64encode(deflate.compress(b"".join([*planes, sound])) + deflate.flush()).decode()
