"""What frames are averaged by: letters, phonemes, letters in a context.

Each is called with an utterance's id, the greedy symbols of its windows ``[S]`` and their
first frames ``[S]``, and gives classes ``[S]``, int64: an index into `names`, or -1.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.navai import SIDES
from speechlrp.navai.frames import Clock


class Letters:
    """The predicted symbol itself, where it is one of those given (K 3.3: a to z).

    Args:
        letters: symbol -> name of its class.
    """

    def __init__(self, letters: Mapping[int, str]) -> None:
        self.names = tuple(letters.values())
        self._places = {symbol: place for place, symbol in enumerate(letters)}

    def __call__(self, key: str, symbols: Tensor, starts: Tensor) -> Tensor:
        """Look up the symbols; the utterance and the time do not matter."""
        places = [self._places.get(symbol, -1) for symbol in symbols.tolist()]
        return torch.tensor(places, dtype=torch.int64)


class Phonemes:
    """The phoneme at a window's centre (step ``W // 2``), from known times.

    Args:
        table: columns id, phoneme, start_s, end_s, as `speechlrp synth` or a forced aligner
            gives it; intervals of an utterance do not overlap, and hold their start.
        width: ``W`` frames of a window.
        clock: when frames are.
        symbols: predicted symbols that count, such as the letters.

    Raises:
        SpeechLRPError: intervals overlap.
    """

    def __init__(
        self, table: pd.DataFrame, width: int, clock: Clock, symbols: Collection[int]
    ) -> None:
        table = table[table.end_s > table.start_s]  # without length it holds no step
        codes, names = pd.factorize(table.phoneme, sort=True)
        self.names = tuple(names)
        self._middle, self._clock = width // 2, clock
        self._symbols = torch.tensor(sorted(symbols))
        table = table.assign(code=codes).sort_values(["id", "start_s", "end_s"], kind="stable")
        self._spans = {key: _spans(key, rows) for key, rows in table.groupby("id")}

    def __call__(self, key: str, symbols: Tensor, starts: Tensor) -> Tensor:
        """Look up the centres; an utterance without times has no class anywhere."""
        if key not in self._spans:
            return torch.full_like(symbols, -1)
        begins, ends, codes = self._spans[key]
        centre = self._clock.seconds((starts + self._middle).numpy())
        place = np.searchsorted(begins, centre, side="right") - 1
        inside = (place >= 0) & (centre < ends[place])
        classes = torch.from_numpy(np.where(inside, codes[place], -1))
        return classes.masked_fill(~torch.isin(symbols, self._symbols), -1)


class Bigrams:
    """A letter together with the one before or after it, as the model spells them.

    The greedy output is read as CTC reads it: equal neighbours are one, blanks fall out,
    repetition characters stand for the letter before them. A class is written ``t|h``, the
    letter of the window on the right of the bar (left context) or on its left (right
    context). Where the unpadded output begins or ends there is no context and no class.

    Args:
        letters: symbol -> name, of the windows that count.
        blank: the symbol of no letter.
        others: further symbols that may be context, such as the space -> ``"_"``.
        repeats: symbols that repeat the letter before them.
        side: ``"left"`` or ``"right"``, where the context is.
        names: classes that count; of all pairs, about 700, the sums would need much memory.
    """

    def __init__(
        self,
        letters: Mapping[int, str],
        blank: int,
        others: Mapping[int, str],
        repeats: Iterable[int],
        side: str,
        names: Sequence[str],
    ) -> None:
        if side not in SIDES:
            raise unknown("side of a bigram's context", side, SIDES)
        self._letters, self._text = dict(letters), {**others, **letters}
        self._blank, self._repeats, self._side = blank, frozenset(repeats), side
        self.names = tuple(names)
        self._places = {name: place for place, name in enumerate(self.names)}

    def _name(self, context: str, letter: str) -> str:
        return f"{context}|{letter}" if self._side == "left" else f"{letter}|{context}"

    def __call__(self, key: str, symbols: Tensor, starts: Tensor) -> Tensor:
        """Spell the output and look at the neighbours."""
        said = symbols.tolist()
        spelt, owner = self._spell(said)
        step = -1 if self._side == "left" else 1
        classes = torch.full_like(symbols, -1)
        for at, symbol in enumerate(said):
            beside = owner[at] + step
            context = spelt[beside] if 0 <= beside < len(spelt) else None
            if symbol in self._letters and context:
                name = self._name(context, self._letters[symbol])
                classes[at] = self._places.get(name, -1)
        return classes

    def _spell(self, said: list[int]) -> tuple[list[str | None], list[int]]:
        """Characters in order, and for each step which of them it belongs to."""
        spelt: list[str | None] = []
        owner, before = [], self._blank
        for symbol in said:
            if symbol not in (before, self._blank):
                again = symbol in self._repeats
                last = spelt[-1] if spelt else None
                spelt.append(last if again else self._text.get(symbol))
            owner.append(len(spelt) - 1)
            before = symbol
        return spelt, owner


def _spans(key: str, rows: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Begins, ends and codes."""
    begins, ends = rows.start_s.to_numpy(), rows.end_s.to_numpy()
    late = np.flatnonzero(begins[1:] < ends[:-1] - 1e-6)
    if len(late):
        raise SpeechLRPError(
            f"phonemes of {key!r} overlap: one ends at {ends[late[0]]:.5f} s, the next begins at "
            f"{begins[late[0] + 1]:.5f} s"
        )
    return begins, ends, rows.code.to_numpy()
