"""What the explorer is given of a recording: its features, explanations and sound.

Shapes: F frequency bins, T time frames, K classes, N samples; row 0 is the lowest frequency.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


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
        features: `[F, T]`; NaN where there are none, such as after a recording's end.
        probabilities: of the classes `[K]`; empty where nothing is classified.
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

    @property
    def arrays(self) -> list[np.ndarray]:
        """Features and maps."""
        return [self.features, *(one.relevance for one in self.maps)]
