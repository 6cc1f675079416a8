"""The state from which a killed training goes on: plain numbers and tensors in one file."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import torch

from speechlrp.artifacts.atomic import whole
from speechlrp.errors import SpeechLRPError
from speechlrp.training.checkpoint import REMAKE
from speechlrp.training.recipe import Recipe
from speechlrp.training.tensor_files import Unreadable, check_finite, read_torch

STATE = "state.pt"
TYPES = {
    "identity": dict,
    "model": dict,
    "optimizer": dict,
    "epoch": int,
    "step": int,
    "best": dict,
    "metrics": list,
}


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
        OSError: it cannot be written; the one before is still there.
    """
    with whole(path) as beside, beside.open("wb") as file:
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
    if not path.exists():
        return None
    with going_on(path):
        state = read_torch(path)
        if not isinstance(state, dict) or state.keys() != TYPES.keys():
            raise Unreadable("foreign")
        for name, kind in TYPES.items():
            if not isinstance(state[name], kind):
                raise Unreadable(f"damaged: {name} is {type(state[name]).__name__}")
        if state["identity"] != wanted:
            changes = _changes(state["identity"], wanted)
            raise Unreadable(f"it belongs to another training: {changes}")
        _check_rows(state)
    return state


@contextmanager
def going_on(path: Path) -> Iterator[None]:
    """Say which state is of no use, why, and what starts without it.

    Raises:
        SpeechLRPError: the block finds it foreign or damaged, or its tensors do not fit.
    """
    try:
        yield
    # torch's, of a model or an optimizer that is given tensors of another
    except (ValueError, RuntimeError, LookupError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        if not isinstance(error, Unreadable):
            reason = f"damaged, or of another version: {reason}"
        raise SpeechLRPError(
            f"cannot go on from {path} ({reason}); start again with `{REMAKE}`"
        ) from error


def check_optimizer(state: dict[str, Any], optimizer: torch.optim.Optimizer) -> None:
    """Check that an optimizer's state is one of this optimizer: torch looks at little of it.

    Raises:
        Unreadable: it belongs to another, or is damaged.
    """
    groups, kept = state.get("param_groups"), state.get("state")
    # The learning rate is set before every step; all else follows from the recipe.
    ours = [{**group, "lr": 0} for group in optimizer.state_dict()["param_groups"]]
    if [{**group, "lr": 0} for group in groups or [] if isinstance(group, dict)] != ours or (
        not isinstance(kept, dict)
    ):
        raise Unreadable("its optimizer is another")
    parameters = [one for group in optimizer.param_groups for one in group["params"]]
    for index, values in kept.items():
        for value in values.values():
            if isinstance(value, torch.Tensor) and value.shape not in ((), parameters[index].shape):
                raise Unreadable(
                    f"its optimizer has {list(value.shape)} for a parameter of "
                    f"{list(parameters[index].shape)}"
                )
            if isinstance(value, torch.Tensor):
                check_finite({"a tensor of its optimizer": value})


def _check_rows(state: dict[str, Any]) -> None:
    """Check that the metrics are those of as many epochs as the state has behind it."""
    rows = [*state["metrics"], state["best"]]
    numbers = all(
        isinstance(row, dict) and all(isinstance(value, int | float) for value in row.values())
        for row in rows
    )
    if not numbers or len(state["metrics"]) != state["epoch"] or state["step"] < 0:
        raise Unreadable("damaged: its metrics are not those of its epochs")


def _changes(old: dict[str, Any], new: dict[str, Any]) -> str:
    names = sorted(map(str, old.keys() | new.keys()))
    changed = [name for name in names if old.get(name) != new.get(name)]
    return ", ".join(f"{name} was {old.get(name)}, is {new.get(name)}" for name in changed)
