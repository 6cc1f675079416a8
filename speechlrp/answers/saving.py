"""The formats that an answer is saved in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch

from speechlrp.artifacts.atomic import whole, write_bytes, write_csv, write_text
from speechlrp.audio.regions import encode_wav, with_gains

if TYPE_CHECKING:
    from speechlrp.answers.answer import Answer

HELD = (
    *("relevance", "features", "frequencies", "times", "label", "target", "explainer", "units"),
    *("samples", "rate"),
)
"""What an archive has of an answer, besides its classes and their probabilities."""
STEP_S = 0.05
"""An interval of the tier of relevance."""
FULL = 0.99
"""Quantile of what speaks for the target at which a bin is heard in full."""
COLUMNS = 4096
"""The most that a picture of a recording has: 10 minutes are 100,000 frames."""


def save_npz(answer: Answer, path: Path) -> None:
    """Write all arrays, and the facts as texts."""
    with whole(path) as beside, beside.open("wb") as file:
        held: dict[str, Any] = {name: np.array(getattr(answer, name)) for name in HELD}
        held["classes"] = np.array(list(answer.probabilities), dtype=str)
        held["probabilities"] = np.array(list(answer.probabilities.values()))
        np.savez_compressed(file, **held)


def save_csv(answer: Answer, path: Path) -> None:
    """Write a row a bin: time_s, frequency_hz, feature, relevance."""
    frames, rows = len(answer.times), len(answer.frequencies)
    table = {
        "time_s": np.repeat(answer.times, rows),
        "frequency_hz": np.tile(answer.frequencies, frames),
        "feature": answer.features.T.flatten(),
        "relevance": answer.relevance.T.flatten(),
    }
    write_csv(path, pd.DataFrame(table))


def save_png(answer: Answer, path: Path) -> None:
    """Write the heat map."""
    from speechlrp.report.style import figure_png

    write_bytes(path, figure_png(answer.plot()))


def save_wav(answer: Answer, path: Path) -> None:
    """Write what speaks for the target, alone: the recording's own phases, other bins quieter.

    A bin's gain is its positive relevance against the 99th percentile of that, at most 1; the
    square root, since relevance of power is heard as amplitude.
    """
    positive = answer.relevance.clip(min=0)
    bound = np.quantile(positive[positive > 0], FULL) if (positive > 0).any() else 1.0
    gains = np.sqrt((positive / bound).clip(max=1))
    wave = torch.from_numpy(answer.samples)
    heard = with_gains(wave, answer.rate, gains, answer.frequencies, answer.times)
    write_bytes(path, encode_wav(heard, answer.rate))


def save_textgrid(answer: Answer, path: Path) -> None:
    """Write a tier of relevance: intervals of 50 ms, and how much of all of it each holds."""
    end = len(answer.samples) / answer.rate
    edges = np.append(np.arange(0, end - 1e-9, STEP_S), end)
    place = np.digitize(answer.times, edges) - 1
    sums = np.abs(answer.relevance).sum(0)
    total = sums.sum() or 1.0
    shares = [sums[place == i].sum() / total for i in range(len(edges) - 1)]
    tiers = [("relevance", edges, [f"{share:.1%}" for share in shares])]
    if len(answer.letters):
        middles = answer.letters.time_s.to_numpy()
        between = (middles[1:] + middles[:-1]) / 2
        inner = [0.0, *between, end] if len(middles) else [0.0, end]
        tiers.append(("letters", np.array(inner), list(answer.letters.letter)))
    write_text(path, _textgrid(end, tiers))


def _textgrid(end: float, tiers: list[tuple[str, np.ndarray, list[str]]]) -> str:
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', ""]
    lines += [
        "xmin = 0",
        f"xmax = {end:.6f}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, edges, texts) in enumerate(tiers, 1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier"']
        lines += [f'        name = "{name}"', "        xmin = 0", f"        xmax = {end:.6f}"]
        lines.append(f"        intervals: size = {len(texts)}")
        for i, text in enumerate(texts):
            quoted = text.replace('"', '""')
            lines += [f"        intervals [{i + 1}]:", f"            xmin = {edges[i]:.6f}"]
            lines += [f"            xmax = {edges[i + 1]:.6f}", f'            text = "{quoted}"']
    return "\n".join(lines) + "\n"


def save_html(answer: Answer, path: Path) -> None:
    """Write a page to explore: point, listen, and see the probabilities."""
    save_together([answer], path)


def overview(answer: Answer) -> Answer:
    """A long recording with fewer columns: mean features of some frames, their relevance's sum."""
    together = -(-len(answer.times) // COLUMNS)
    if together == 1:
        return answer
    first = np.arange(0, len(answer.times), together)
    frames = np.diff(first, append=len(answer.times))
    more = {"a column": f"the mean features and summed relevance of {together} frames"}
    return replace(
        answer,
        features=np.add.reduceat(answer.features, first, axis=1) / frames,
        relevance=np.add.reduceat(answer.relevance, first, axis=1),
        times=np.add.reduceat(answer.times, first) / frames,
        facts=answer.facts | more,
    )


def save_together(answers: Sequence[Answer], path: Path) -> None:
    """Write a page of recordings that were asked about together, with one cursor."""
    from speechlrp.report.explorer import Explorer
    from speechlrp.report.page import Page, Section, render

    said = "\n\n".join(one.describe() for one in answers)
    answers = [overview(one) for one in answers]
    times = answers[0].times if len(answers) == 1 else _common([one.times for one in answers])
    first, begin = answers[0], min(0.0, float(times[0]))
    ids = [f"{one.name} ({i})" if i else one.name for i, one in enumerate(answers)]
    explorer = Explorer(
        classes=list(first.probabilities) or [first.label],
        frequency=first.frequencies,
        time=times - begin,
        units=first.feature_units,
        recordings=[_explored(one, key, times) for one, key in zip(answers, ids, strict=True)],
        opening={"other": ids[1]} if len(ids) > 1 else {},
        inside_bytes=sys.maxsize,  # nothing lies beside a page of one's own
    )
    facts = {first.label: first.certainty, "explained": first.target}
    title = " and ".join(one.name for one in answers)
    page = Page(title, facts=facts, sections=[Section("Explorer", said, [explorer])])
    write_text(path, render(page))


def _common(axes: Sequence[np.ndarray]) -> np.ndarray:
    """An even axis that holds several, with the steps of the first."""
    step = float(np.median(np.diff(axes[0])))
    first = min(float(axis[0]) for axis in axes)
    return first + step * np.arange(1 + round((max(float(a[-1]) for a in axes) - first) / step))


def _explored(answer: Answer, key: str, times: np.ndarray) -> Any:
    """A recording for the explorer; beyond its ends there are no features."""
    from speechlrp.answers.answer import COSINE
    from speechlrp.report.packing import Explanation, Recording

    shape = len(answer.frequencies), len(times)
    features, relevance = np.full(shape, np.nan, np.float32), np.zeros(shape, np.float32)
    said = list(answer.probabilities.values()) or [answer.probability]
    alike = {COSINE: f"{answer.probability:.3f}"} if answer.units == COSINE else {}
    place = np.searchsorted((times[1:] + times[:-1]) / 2, answer.times)  # the nearest
    features[:, place], relevance[:, place] = answer.features, answer.relevance
    return Recording(
        id=key,
        name=answer.name,
        features=features,
        probabilities=[] if alike else said,  # a cosine is none
        maps=[Explanation(answer.explainer, answer.target, relevance, answer.units)],
        samples=answer.samples,
        rate=answer.rate,
        onset_s=max(0.0, -float(times[0])),
        facts=alike | {name: str(value) for name, value in answer.facts.items()},
    )


WRITERS: dict[str, Callable[[Answer, Path], None]] = {
    ".npz": save_npz,
    ".csv": save_csv,
    ".png": save_png,
    ".wav": save_wav,
    ".TextGrid": save_textgrid,
    ".html": save_html,
}
"""Suffix -> what writes it."""
