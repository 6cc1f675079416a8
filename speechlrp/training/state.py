"""The state from which a killed training goes on: plain numbers and tensors in one file."""

from __future__ import annotations

import json
import pickle
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch

from speechlrp.artifacts.atomic import whole
from speechlrp.errors import SpeechLRPError
from speechlrp.training.checkpoint import REMAKE, writing
from speechlrp.training.settings import Recipe

STATE = "state.pt"
KEYS = {"identity", "model", "optimizer", "epoch", "step", "best", "metrics"}


class Data(Protocol):
    """Batches of any kind."""

    def fingerprint(self) -> str:
        """Say which examples there are, and in which order they come."""


def identity(settings: Recipe, train: Data, validate: Data, meta: dict[str, Any]) -> dict[str, Any]:
    """Say what decides a training's result; a state of another identity is not used."""
    described = json.loads(json.dumps(meta))
    data = {"train": train.fingerprint(), "validate": validate.fingerprint()}
    return {**asdict(settings), **data, "meta": json.dumps(described, sort_keys=True)}


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write the state, whole or not at all.

    Raises:
        SpeechLRPError: it cannot be written; the one before is still there.
    """
    with writing(path), whole(path) as beside, beside.open("wb") as file:
        try:
            torch.save(state, file)
        except RuntimeError as error:  # torch trips over its own cleaning up after an OSError
            if isinstance(error.__context__, OSError):
                raise error.__context__ from None
            raise


def load_state(path: Path, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Read a state; nothing in it is executed.

    Args:
        path: the file.
        wanted: the identity of the training that wants to go on.

    Returns:
        The state, or None where there is none.

    Raises:
        SpeechLRPError: the file is truncated or foreign, would run code, or is of a
            training with other settings or data.
    """
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError, ValueError) as error:
        reason = "truncated, foreign, or a pickle that would run code: refused"
        raise SpeechLRPError(
            f"cannot go on from {path} ({reason}); start again with `{REMAKE}`"
        ) from error
    if not isinstance(state, dict) or state.keys() != KEYS:
        raise SpeechLRPError(f"cannot go on from {path} (foreign); start again with `{REMAKE}`")
    if state["identity"] != wanted:
        raise SpeechLRPError(
            f"cannot go on from {path}: it belongs to another training "
            f"({_changes(state['identity'], wanted)}); start again with `{REMAKE}`"
        )
    return state


def _changes(old: dict[str, Any], new: dict[str, Any]) -> str:
    names = sorted(old.keys() | new.keys())
    changed = [n for n in names if old.get(n) != new.get(n)]
    return ", ".join(f"{n} was {old.get(n)}, is {new.get(n)}" for n in changed)
