"""Checks of what an explainer is told, which name the setting."""

from __future__ import annotations

from collections.abc import Collection
from numbers import Integral, Real
from typing import Any

from speechlrp.errors import SpeechLRPError, unknown


def check_choice(key: str, value: str, known: Collection[str]) -> str:
    """Give the value back, or raise SpeechLRPError where the table does not hold it."""
    if not isinstance(value, str) or value not in known:
        raise unknown(f"value of explainer.{key}", value, known)
    return value


def check_least(key: str, value: float, least: float, section: str = "explainer") -> float:
    """Give the value back, or raise SpeechLRPError where it is no number or below the least."""
    if isinstance(value, bool) or not isinstance(value, Real) or not value >= least:
        raise SpeechLRPError(f"{section}.{key} is {value}; it must be at least {least}")
    return value


def check_whole(key: str, value: int, least: int | None = 1, section: str = "explainer") -> int:
    """Give a whole number back as one of Python's, or raise SpeechLRPError.

    Args:
        key: the setting.
        value: numpy's are whole numbers too.
        least: the smallest that may be; None: any.
        section: where the setting stands.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if least is not None and not (isinstance(value, Real) and value >= least):
        raise SpeechLRPError(f"{section}.{key} is {value}; it must be at least {least}")
    if not whole:
        raise SpeechLRPError(f"{section}.{key} is {value}; it must be a whole number")
    return int(value)


def check_two(key: str, value: Any) -> tuple[int, int]:
    """Bins of frequency and frames, each from 1 on; a single number stands for a square.

    Raises:
        SpeechLRPError: the value is something else.
    """
    sizes = (value, value) if isinstance(value, Integral) else value
    fits = isinstance(sizes, list | tuple) or hasattr(sizes, "tolist")
    if not fits or isinstance(value, bool) or len(sizes) != 2 or not all(map(_from_one, sizes)):
        raise SpeechLRPError(
            f"explainer.{key} must be bins of frequency and frames, from 1 on, such as [16, 8], or "
            f"one number for both; found {value!r}"
        )
    return int(sizes[0]), int(sizes[1])


def _from_one(number: Any) -> bool:
    return isinstance(number, Integral) and not isinstance(number, bool) and int(number) >= 1
