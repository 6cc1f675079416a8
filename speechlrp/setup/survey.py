"""What one's own recordings are: how many, by whom, how long, at which rates, what is unread."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from speechlrp.audio import RecordingError, read
from speechlrp.audio.parallel import ordered_map
from speechlrp.corpora import CORPORA, Recording, tasks
from speechlrp.corpora.recording import rank, some
from speechlrp.errors import SpeechLRPError
from speechlrp.setup.own_data import Source

MOST = 5000
"""Recordings that are listened to; of more, so many are drawn."""
LEAST_S, LEAST_PEAK = 0.1, 1e-4
"""As the features have them: what is shorter or quieter is left out."""


@dataclass(frozen=True)
class Survey:
    """What was found."""

    recordings: list[Recording]  # that have the label and, of those listened to, can be read
    unlabelled: int  # how many have no such label
    heard: int  # how many were listened to
    seconds: np.ndarray  # how long those are that can be read
    rates: Counter[int]  # in Hz, and how many have each
    channels: Counter[int]  # the same of channels
    unread: list[tuple[str, str]]  # id and reason of those that cannot be read

    @property
    def speakers(self) -> list[str]:
        """Who speaks."""
        return sorted({r.speaker for r in self.recordings})


def survey(source: Source, label: str | None, workers: int) -> Survey:
    """Look at all that a source has, and listen to it.

    Raises:
        SpeechLRPError: no label or one that no recording has; the line names those that there
            are. No recording can be read.
    """
    recordings = CORPORA[source.corpus](source.root, **source.settings)
    known = tasks(recordings)
    having = [r for r in recordings if label is not None and r.label(label) is not None]
    if label is None or not having:
        asked = "which label?" if label is None else f"no recording has a label {label!r};"
        raise SpeechLRPError(
            f"{asked} {source.root} has {some(_counted(recordings, known), 20)}: "
            "give one as --label"
        )
    drawn = sorted(having, key=lambda r: rank(0, r.id))[:MOST]
    heard = list(ordered_map(_heard, drawn, workers=workers))
    unread = [(r.id, told) for r, told in zip(drawn, heard, strict=True) if isinstance(told, str)]
    usable = [told for told in heard if not isinstance(told, str)]
    if not usable:
        first = f"{unread[0][0]} ({unread[0][1]})"
        raise SpeechLRPError(f"none of {len(drawn)} recordings can be read; the first: {first}")
    lost = {name for name, _ in unread}
    return Survey(
        recordings=[r for r in having if r.id not in lost],
        unlabelled=len(recordings) - len(having),
        heard=len(drawn),
        seconds=np.array([seconds for seconds, _, _ in usable]),
        rates=Counter(rate for _, rate, _ in usable),
        channels=Counter(count for _, _, count in usable),
        unread=unread,
    )


def _counted(recordings: Sequence[Recording], labels: Sequence[str]) -> list[str]:
    """Each label with the number of its classes."""
    classes = ({r.label(name) for r in recordings} - {None} for name in labels)
    return [f"{name} ({len(names)} classes)" for name, names in zip(labels, classes, strict=True)]


def _heard(recording: Recording) -> tuple[float, int, int] | str:
    """Seconds, rate in Hz and channels of a recording; or why it cannot be used."""
    try:
        wave, rate = read(recording.path)
    except RecordingError as error:
        return str(error)
    seconds = wave.shape[1] / rate
    if seconds < LEAST_S:
        return f"too short: {seconds:.4g} s"
    return (seconds, rate, len(wave)) if float(wave.abs().max()) > LEAST_PEAK else "silent"


def _listed(counts: Counter[int], unit: str) -> str:
    return some([f"{value} {unit} ({count:,})" for value, count in counts.most_common()])


def described(survey: Survey, label: str, words: str) -> list[str]:
    """What was found, in lines for people."""
    classes = Counter(str(r.label(label)) for r in survey.recordings)
    counts = (
        some([f"{name} {count}" for name, count in classes.most_common()], 12)
        if len(classes) <= 30
        else f"{min(classes.values())} to {max(classes.values())} recordings each"
    )
    low, middle, high = np.quantile(survey.seconds, [0.05, 0.5, 0.95])
    spoken = f"{len(survey.speakers):,} speaker{'s' * (len(survey.speakers) != 1)}"
    lines = [
        f"{words}: {len(survey.recordings):,} recordings of {spoken}, "
        f"{survey.seconds.mean() * len(survey.recordings) / 3600:.2g} hours",
        f"{label}: {len(classes)} classes: {counts}",
        f"durations: {middle:.2f} s in the middle, nine of ten {low:.2f} to {high:.2f} s",
        f"rates: {_listed(survey.rates, 'Hz')}; "
        f"channels: {_listed(survey.channels, 'a recording')}",
    ]
    if survey.heard < len(survey.recordings) + len(survey.unread):
        lines.append(f"listened to {survey.heard:,} of them, drawn by seed")
    if survey.unlabelled:
        lines.append(f"without a label {label}, and left out: {survey.unlabelled}")
    reasons = Counter(reason for _, reason in survey.unread)
    for reason, count in islice(reasons.most_common(), 5):
        first = next(name for name, why in survey.unread if why == reason)
        lines.append(f"cannot be used, and left out: {count}, such as {first} ({reason})")
    return lines
