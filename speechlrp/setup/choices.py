"""What fits one's own recordings: the split, the features, the network and its recipe."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from speechlrp.config import SUBSETS
from speechlrp.corpora import SPLITS, Recording
from speechlrp.corpora.labels import alike
from speechlrp.corpora.recording import some
from speechlrp.errors import SpeechLRPError
from speechlrp.setup.survey import Survey

SHARES = ((0.6, 0.15, 0.25), (0.5, 0.25, 0.25))
"""Shares of the subsets: most to train on, the test larger than the validation, as it has the last
word; where that leaves one of them empty, the second."""
LONGEST_S, SHORTEST_S = 3.0, 0.5
"""Limits of a window: longer ones cost more than they tell, shorter ones hold no syllable."""
SEEN = 14_000
"""Training windows that a small network sees until it learns nothing more."""
EPOCHS = (8, 120)
SMALL_H, MEDIUM_H = 10, 100
"""Hours of training recordings up to which the smaller networks are taken."""
CPU = Path("/proc/cpuinfo")
SEEDS = 50
"""Splits that are drawn in search of one with every class in every subset."""


class Split(NamedTuple):
    """How recordings are split."""

    unit: str  # speaker or recording
    shares: tuple[float, float, float]  # of the subsets
    seed: int  # with which every class is in every subset, where one is found
    parts: dict[str, list[Recording]]  # the recordings of each subset

    @property
    def counts(self) -> tuple[int, ...]:
        """Recordings of each subset."""
        return tuple(len(self.parts[name]) for name in SUBSETS)


@dataclass(frozen=True)
class Choices:
    """What was chosen, and why."""

    classes: list[str]  # in sorted order
    split: Split  # of the recordings
    rate: int  # in Hz
    length: int  # samples of a window
    bands: int  # of the filterbank
    train_from: str  # features or audio
    model: str  # of `conf/model`
    epochs: int  # of the training
    batch_size: int  # of a step
    precision: str  # float32, or bf16 where the machine computes in it
    reasons: dict[str, str]  # setting -> why, for people
    cautions: list[str]  # what the user should know

    def lines(self) -> list[str]:
        """What was chosen and why, in lines for people."""
        train, validate, test = self.split.counts
        values = {
            "split": f"by {self.split.unit}: {train}, {validate} and {test} recordings",
            "rate": f"{self.rate} Hz, {self.bands} log mel bands every 10 ms",
            "length": f"windows of {self.length / self.rate:g} s",
            "train_from": f"trained on {self.train_from}",
            "model": f"{self.model}, cross entropy",
            "epochs": f"{self.epochs} epochs in batches of {self.batch_size}",
            "precision": f"in {self.precision}",
        }
        return [f"{value} ({self.reasons[key]})" for key, value in values.items()]


def choose(survey: Survey, label: str) -> Choices:
    """Choose for some recordings.

    Raises:
        SpeechLRPError: fewer than two classes, as many classes as recordings, or too few
            recordings to split.
    """
    reasons: dict[str, str] = {}
    classes = _classes(survey.recordings, label)
    split, cautions = _split(survey, label, classes, reasons)
    train = split.counts[0]
    rate, bands = _rate(survey, reasons)
    length = _length(survey, rate, reasons)
    hours = survey.seconds.mean() * train / 3600
    model = _model(hours, reasons)
    train_from, examples = _training(survey, train, length / rate, reasons)
    epochs = int(np.clip(round(SEEN / examples), *EPOCHS))
    batch = next(size for size in (32, 16, 8, 4) if size <= max(4, examples // 8))
    reasons["epochs"] = f"about {epochs * examples:,} windows are seen"
    return Choices(
        classes, split, rate, length, bands, train_from, model, epochs, batch,
        _precision(reasons), reasons, cautions,
    )  # fmt: skip


def _classes(recordings: Sequence[Recording], label: str) -> list[str]:
    classes = sorted({str(r.label(label)) for r in recordings})
    if len(classes) < 2:
        raise SpeechLRPError(
            f"every recording has the {label} {classes[0]!r}; two classes are needed to tell apart"
        )
    if 2 * len(classes) > len(recordings):
        raise SpeechLRPError(
            f"{label} has {len(classes)} classes for {len(recordings)} recordings ({some(classes)})"
            "; a class needs several recordings: give another --label, or group the values"
        )
    return classes


def _split(
    survey: Survey, label: str, classes: Sequence[str], reasons: dict[str, str]
) -> tuple[Split, list[str]]:
    """The split, and what is to be said of it."""
    recordings, cautions, split = survey.recordings, [], None
    if label == "speaker":
        reasons["split"] = "every speaker in every subset, no recording in two"
    elif len(survey.speakers) == len(recordings):
        reasons["split"] = "every recording counts as a speaker of its own"
    else:
        reasons["split"] = "no speaker in two subsets"
        split = _drawn(recordings, label, "speaker", classes)
        if split is None:
            reasons["split"] = "too few speakers"
            cautions.append(
                f"too few speakers ({len(survey.speakers)}) to keep those of the test out of the "
                "training: recordings are split instead, and voices may be learnt and tested"
            )
    split = split or _drawn(recordings, label, "recording", classes)
    if split is None:
        raise SpeechLRPError(
            f"{len(recordings)} recordings of {len(classes)} classes are too few for training, "
            "validation and test: every class needs three at least"
        )
    cautions += alike(classes)
    for name in SUBSETS:
        if missing := sorted(set(classes) - {str(r.label(label)) for r in split.parts[name]}):
            cautions.append(f"nothing of {some(missing)} is in {name}: too few of its speakers")
    return split, cautions


def _drawn(
    recordings: Sequence[Recording], label: str, unit: str, classes: Sequence[str]
) -> Split | None:
    """The first split with every class in every subset, else that with the most."""
    by_id = {r.id: r for r in recordings}
    best, most = None, -1
    for shares, seed in product(SHARES, range(1, SEEDS + 1)):
        settings: dict[str, Any] = {"balance": "proportional", "unit": unit}
        settings |= dict(zip(SUBSETS, shares, strict=True))
        try:
            split = SPLITS["seeded"](recordings, label=label, seed=seed, **settings)
        except SpeechLRPError:
            continue
        parts: dict[str, list[Recording]] = defaultdict(list)
        for key, name in split.items():
            parts[name].append(by_id[key])
        held = sum(len({r.label(label) for r in parts[name]}) for name in SUBSETS)
        if held > most:
            best, most = Split(unit, shares, seed, parts), held
        if held == len(SUBSETS) * len(classes):
            break
    return best


def _rate(survey: Survey, reasons: dict[str, str]) -> tuple[int, int]:
    """The rate, and as many filterbanks as leave none of them without a frequency."""
    total = sum(survey.rates.values())
    low = sum(count for rate, count in survey.rates.items() if rate < 16_000)
    if low * 20 > total:
        reasons["rate"] = f"{low} of {total} recordings have less than 16 kHz"
        return 8_000, 40
    reasons["rate"] = "what speech needs; other rates are resampled"
    return 16_000, 64


def _length(survey: Survey, rate: int, reasons: dict[str, str]) -> int:
    high = float(np.quantile(survey.seconds, 0.95))
    seconds = min(max(np.ceil(high * 10) / 10, SHORTEST_S), LONGEST_S)
    reasons["length"] = (
        f"nineteen of twenty recordings are no longer than {high:.2f} s"
        if seconds < LONGEST_S
        else f"half of the recordings are {np.median(survey.seconds):.2f} s or shorter; "
        "longer windows cost more than they tell"
    )
    return round(seconds * rate)


def _training(
    survey: Survey, recordings: int, window_s: float, reasons: dict[str, str]
) -> tuple[str, int]:
    """Random windows of short recordings; of long ones all segments, an epoch long."""
    if np.median(survey.seconds) < 2 * window_s:
        reasons["train_from"] = "random windows: another one of each recording in every epoch"
        return "audio", recordings
    each = np.maximum(survey.seconds // window_s, 1).mean()
    reasons["train_from"] = "the recordings are long: every segment of them in every epoch"
    return "features", round(each * recordings)


def _model(hours: float, reasons: dict[str, str]) -> str:
    amount = f"{hours:.2g} hours to train on"
    if hours < SMALL_H:
        reasons["model"] = f"{amount}: a small network learns in minutes, and overfits less"
        return "resnet10"
    if hours < MEDIUM_H:
        reasons["model"] = f"{amount}: T's 34 layers with a quarter of the channels"
        return "resnet34_small"
    reasons["model"] = f"{amount}: T's network; take resnet34_small where there is no GPU"
    return "resnet34"


def _precision(reasons: dict[str, str]) -> str:
    """Half precision where the processor has it: elsewhere it is several times slower."""
    flags = CPU.read_text(encoding="utf-8") if CPU.is_file() else ""
    if any(name in flags for name in ("avx512_bf16", "amx_bf16")):
        reasons["precision"] = "this processor computes in it, in less than half the time"
        return "bf16"
    reasons["precision"] = "this processor has no bf16; on a GPU trainer.precision=bf16 is faster"
    return "float32"
