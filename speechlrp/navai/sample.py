"""A few frames of each class, drawn by seed and spread over utterances and speakers."""

from __future__ import annotations

import hashlib

import pandas as pd


def draw(frames: pd.DataFrame, each: int, seed: int) -> pd.DataFrame:
    """Draw frames of each class.

    Each frame has a number that follows from the seed, its class, utterance and place; the
    lowest win. So the draw does not depend on the order of the frames, and is the same for
    every explanation. Of an utterance at most one frame of a class is drawn, and speakers take
    turns.

    Args:
        frames: columns class, speaker, id (of the utterance) and start (first frame in it).
        each: most frames of a class.
        seed: of the draw.

    Returns:
        The rows that are drawn, class by class; of a class in the order of the draw.
    """
    where = zip(frames["class"], frames.id, frames.start, strict=True)
    numbered = frames.assign(number=[_number(seed, *place) for place in where])
    best = numbered.sort_values("number").drop_duplicates(["class", "id"])
    turns = best.assign(turn=best.groupby(["class", "speaker"]).cumcount())
    in_turn = turns.sort_values(["class", "turn", "number"]).groupby("class").head(each)
    return in_turn[frames.columns].reset_index(drop=True)


def _number(seed: int, label: int, name: str, start: int) -> int:
    """Evenly spread over 0 to 2^56, and the same in every process: `hash` is not."""
    text = f"{seed}/{label}/{name}/{start}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=7).digest(), "little")
