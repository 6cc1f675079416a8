"""A page of recordings to explore in a browser: small maps, tones, and marks."""

import shutil
from dataclasses import replace

import numpy as np

from speechlrp.report.explorer import Explorer
from speechlrp.report.packing import Explanation, Recording
from speechlrp.report.page import Page, Section, render

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
F, T, RATE, ONSET = 40, 60, 8000, 0.1
FREQUENCY, TIME = 50.0 + np.arange(F) * 100.0, np.arange(T) * 0.02
CLASSES = ["left", "right"]
MARKS = [[(0.1, 0.5, "p")], [(0.1, 0.9, "word")]]
BANDS = [500, 1000]


def drawn(generator):
    return generator.normal(size=(F, T)).astype(np.float32)


def recording(i, label, probability):
    generator = np.random.default_rng(i)
    features = generator.uniform(-80, 0, (F, T)).astype(np.float32)
    maps = [
        Explanation(name, label, drawn(generator), "share", answers, "zero")
        for name, answers in (("lrp", [(0.5, False, 0.1), (5, True, 0.8)]), ("b", []))
    ]
    seconds = np.arange(RATE) / RATE
    sound = 0.4 * np.sin(2 * np.pi * 600 * seconds) + 0.4 * np.sin(2 * np.pi * 2500 * seconds)
    return Recording(
        f"id{i}", f"recording {i}", features, [1 - probability, probability], maps, label,
        f"s{i % 3}", "noise" if i % 2 else "", sound, RATE, ONSET, MARKS,
        {"file": f"{i}.wav"},
    )  # fmt: skip


def patterns():
    """Signed maps without features and sound, by two alignments."""
    none = np.full((F, T), np.nan, np.float32)
    return [
        Recording(name, name, none, [], [
            Explanation(by, "", drawn(np.random.default_rng(9)), "dB") for by in ("min", "max")
        ])
        for name in "at"
    ]  # fmt: skip


def waveforms():
    """A recording whose features and map are its samples: one row."""
    one, seconds = recording(0, "left", 0.1), np.arange(RATE) / RATE
    relevance = np.random.default_rng(1).normal(size=(1, RATE)).astype(np.float32)
    maps = [Explanation("lrp", "left", relevance, "logit")]
    one = replace(one, features=one.samples[None], maps=maps, onset_s=0.0, marks=())
    return Explorer(CLASSES, np.zeros(1), seconds, "", [one], name="samples")


RECORDINGS = [recording(i, CLASSES[i % 2], p) for i, p in enumerate((0.1, 0.9, 0.6, 0.3, 0.2, 0.8))]


def write(folder, room):
    explorer = Explorer(CLASSES, FREQUENCY, TIME, "dB", RECORDINGS, BANDS, inside_bytes=room)
    letters = Explorer(
        [], FREQUENCY, TIME, "", patterns(), name="patterns", one="letter", by="alignment",
        opening={"beside": "max"},
    )  # fmt: skip
    (folder / "recordings").mkdir()
    for path, text in explorer.beside:
        (folder / path).write_text(text)
    blocks = {"Explorer": explorer, "Patterns": letters, "Samples": waveforms()}
    sections = [Section(title, "", [block]) for title, block in blocks.items()]
    (folder / "index.html").write_text(render(Page("A run", sections=sections)), encoding="utf-8")
    return folder / "index.html", explorer
