"""What values of settings must be, beyond their type."""

from collections.abc import Callable
from itertools import pairwise
from math import inf, isfinite
from typing import Any

from speechlrp.config.sections import Config
from speechlrp.errors import SpeechLRPError


def check_ranges(config: Config) -> None:
    """Check that numbers and lists are what they must be; null is right where a type says so.

    Raises:
        SpeechLRPError: one is not.
    """
    for keys, fits, words in RANGES:
        for key in keys.split():
            section, _, name = key.rpartition(".")
            holder: Any = getattr(config, section) if section else config
            value = holder.get(name) if isinstance(holder, dict) else getattr(holder, name)
            if value is not None and not fits(value):
                raise SpeechLRPError(f"{key} is {value}; it must be {words}")


def _is_pair(values: list[int]) -> bool:
    return len(values) == 2 and min(values) >= 0


def _are_different(values: list) -> bool:
    return 0 < len(values) == len(set(values))


def _is_percent(values: list[float]) -> bool:
    ends = len(values) > 1 and values[0] == 0 and values[-1] == 100
    return ends and all(a < b for a, b in pairwise(values))


RANGES: tuple[tuple[str, Callable[[Any], bool], str], ...] = (
    ("flipping.limit", lambda v: 1 <= v < 2**31, "at least 1, or null for all"),
    ("navai.within_s", lambda v: v > 0, "above 0, or null"),
    ("flipping.batch_size navai.batch navai.most navai.peaks maximize.frames maximize.batch "
     "maximize.shown listen.examples compare.examples compare.batch_size compare.shown "
     "compare.period compare.sanity_steps bench.examples bench.batch_size explored workers",
     lambda v: 1 <= v < 2**31, "at least 1, and below 2^31"),
    ("flipping.repeats listen.iterations bench.draws augment.epochs",
     lambda v: 1 <= v <= 1_000_000, "at least 1, and at most 1,000,000"),
    ("maximize.steps", lambda v: v <= 1_000_000, "at most 1,000,000"),
    ("augment.share listen.share listen.peak compare.top", lambda v: 0 < v <= 1, "in (0, 1]"),
    ("model.input_scale", lambda v: isinstance(v, float | int) and isfinite(v), "a finite number"),
    ("augment.penalty navai.near_s", lambda v: 0 <= v < inf, "at least 0, and finite"),
    ("navai.rate", lambda v: 0 < v < 1, "between 0 and 1"),
    ("navai.groups", lambda v: v >= 2 or v == 0, "0, or from 2"),
    ("shortcut.share", lambda v: 0 <= v <= 1, "0 to 1"),
    ("bench.least_accuracy", lambda v: 0 <= v <= 1, "in [0, 1]"),
    ("listen.strength", lambda v: 0 < v < inf, "above 0, and finite"),
    ("listen.floor_db", lambda v: -inf < v < 0, "below 0, and finite"),
    ("maximize.jitter", _is_pair, "two numbers from 0: bands and frames"),
    ("bench.percent", _is_percent, "rising from 0 to 100"),
    ("bench.seeds", _are_different, "a seed or more, each once"),
    ("bench.corpora", _are_different, "an experiment or more, each once"),
    ("evaluate.max_trials", lambda v: v >= 2, "at least 2, one of each kind"),
    ("seed data_seed", lambda v: 0 <= v < 2**63, "a whole number from 0 to 2^63 - 1"),
)  # fmt: skip
"""Settings, what their values must fulfil, and that in words."""
