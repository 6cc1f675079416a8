"""One of two processes that train a small recogniser together; see test_ranks.

Usage: torchrun ... two.py FOLDER
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from speechlrp.artifacts.utterances import write_utterances
from speechlrp.letters.decoding import greedy
from speechlrp.letters.error_rates import ErrorCounts, count_errors
from speechlrp.letters.vocabulary import BLANK_INDEX, SIZE, SYMBOLS, decode
from speechlrp.models.wav2letter import Wav2Letter
from speechlrp.training.letter_training import fit_letters
from speechlrp.training.ranks import Ranks, joined
from speechlrp.training.recipe import LetterSettings
from speechlrp.training.spec_augment import SpecAugment
from speechlrp.training.utterance_batches import LetterBatches

BANDS, N, T = 6, 15, 20
META = {"model": "wav2letter", "kwargs": {}, "classes": list(SYMBOLS), "input_scale": 1.0}


def network() -> Wav2Letter:
    """Without batch norm, whose statistics would be those of a process's own examples."""
    torch.manual_seed(1)
    model = Wav2Letter(SIZE, BANDS, width=4, wide=5, depth=1, kernels=(3, 3, 3))
    for layer in model.layers[:-1]:
        layer[1] = nn.Identity()
    return model


def write(folder: Path) -> None:
    """Write the utterances, of one length: padding is up to the longest of a process's own."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"id": [f"u{i}" for i in range(N)], "frames": T})
    values = rng.normal(size=(table.frames.sum(), BANDS)).astype("f4")
    parts = [({"features": values}, table)]
    write_utterances(folder / "u.h5", parts, frequencies=np.arange(float(BANDS)))


def train(folder: Path, ranks: Ranks, utterances: int, into: str) -> pd.DataFrame:
    """Train for three epochs on 10 utterances, 5 for validation: an odd number for two."""
    targets = [[i % 5, 7, i % 3] for i in range(N)]
    targets[3] = [1, 1] * 30  # too long for its utterance
    masks = SpecAugment(1, 3, 1, 5, 0.2, seed=3)
    settings = LetterSettings(
        epochs=3, lr=0.05, clip=0.5, seed=3, max_utterances=utterances, spec_augment=masks
    )

    def batches(rows: range, **options) -> LetterBatches:
        options |= {"max_frames": 10_000, "max_utterances": utterances}
        options |= {"rank": ranks.rank, "ranks": ranks.ranks}
        some = [targets[r] for r in rows]
        return LetterBatches(folder / "u.h5", rows, some, [T] * len(rows), **options)

    def judge(scores, steps, rows) -> ErrorCounts:
        said = [decode(targets[r]) for r in rows.tolist()]
        return count_errors(said, [found.text for found in greedy(scores, steps)])

    return fit_letters(
        network(), batches(range(10), seed=3), batches(range(10, N), shuffle=False, every=True),
        settings, folder / into, torch.device("cpu"), meta=META, blank=BLANK_INDEX,
        judge=judge, nothing=ErrorCounts(), ranks=ranks, save_seconds=0.0,
    )  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    with joined("cpu") as ours:
        metrics = train(Path(sys.argv[1]), ours, 2, "two")
        metrics.to_csv(Path(sys.argv[1]) / f"rank{ours.rank}.csv", index=False)
