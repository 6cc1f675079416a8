"""Models on disk: weights as safetensors, and beside them a JSON that says what they are.

The JSON also travels in the header of the weights, so that a pair that does not
belong together (a kill between the two writes, a file copied over) is noticed.
Nothing is ever unpickled.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from speechlrp.artifacts.atomic import whole, write_json
from speechlrp.errors import SpeechLRPError
from speechlrp.models import MODELS
from speechlrp.models.custom import own_code
from speechlrp.training.seeding import seed_everything

HEADER = "speechlrp"
SUFFIX = ".safetensors"
BEST, LAST = "best" + SUFFIX, "last" + SUFFIX
REMAKE = "speechlrp train --force"


def weights_path(path: Path) -> Path:
    """Give the file of weights: `path` itself, or the best one of a folder."""
    return path / BEST if path.is_dir() or not path.suffix else path


def save_model(path: Path, model: nn.Module, meta: Mapping[str, Any]) -> Path:
    """Write a model's weights and its JSON, each whole or not at all.

    Args:
        path: a folder (then ``best.safetensors`` in it) or a ``.safetensors`` file.
        model: the model.
        meta: ``model`` (a name in `MODELS`), ``kwargs`` (its options), ``classes``
            (list of names), ``input_scale``, ``features`` (settings), and what
            else JSON can hold.

    Returns:
        The file of weights.

    Raises:
        SpeechLRPError: the files cannot be written.
    """
    return save_weights(weights_path(path), model.state_dict(), meta)


def save_weights(path: Path, weights: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> Path:
    """Write weights and their JSON; see `save_model`."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    with writing(path):
        with whole(path) as beside:
            save_file(tensors, beside, metadata={HEADER: json.dumps(meta)})
        write_json(path.with_suffix(".json"), dict(meta))
    return path


def load_model(
    path: Path,
    device: torch.device | None = None,
    command: str = REMAKE,
    factory: str | None = None,
) -> tuple[nn.Module, dict[str, Any]]:
    """Build the model that a file of weights belongs to, in evaluation mode.

    Args:
        path: a folder (then ``best.safetensors`` in it) or a ``.safetensors`` file.
        device: where the model goes; the CPU by default.
        command: the command line that makes the file, named in errors.
        factory: the only function of a user's own that may be called to make the model.

    Returns:
        The model, and the ``meta`` that it was saved with.

    Raises:
        SpeechLRPError: the file or its JSON is missing, truncated, a pickle, or of
            another model.
    """
    path = weights_path(Path(path))
    meta, weights = read_weights(path, command)
    _check_factory(path, meta, factory)
    try:
        with seed_everything(0):  # the first weights are drawn, then replaced
            model = MODELS[meta["model"]](**{"classes": len(meta["classes"]), **meta["kwargs"]})
    except (KeyError, TypeError) as error:
        raise _bad(path, f"its JSON does not describe a model: {error}", command) from error
    if difference := _difference(model.state_dict(), weights):
        raise _bad(path, f"its weights are not those of {meta['model']!r}: {difference}", command)
    model.load_state_dict(weights)
    return model.to(device or torch.device("cpu")).eval(), meta


def _check_factory(path: Path, meta: Mapping[str, Any], factory: str | None) -> None:
    """Refuse to call code that only a file of weights asks for."""
    named = own_code({"name": meta.get("model"), **(meta.get("kwargs") or {})})
    if named not in (None, factory):
        setting = f"model.name={named}"
        if meta["model"] == "custom":
            setting = f"model=custom model.factory={named}"
        raise SpeechLRPError(
            f"{path} asks for {named} to make its model, and this run's model is made by "
            f"{factory or 'none of your own'}; if you trust it, add {setting}"
        )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what a full disk or a read-only folder raises into one line."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise SpeechLRPError(f"cannot write {path}: {reason}") from error


def read_weights(
    path: Path, command: str = REMAKE
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Read a file of weights and its JSON as they are; raises as `load_model`."""
    if not path.is_file():
        first = command.removesuffix(" --force")
        raise SpeechLRPError(f"no model at {path}; train one with `{first}`")
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {}).get(HEADER, "null"))
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise _bad(path, _foreign(path, error), command) from error
    beside = path.with_suffix(".json")
    try:
        meta = json.loads(beside.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise _bad(path, f"{beside.name} beside it is missing", command) from error
    except (OSError, ValueError) as error:
        raise _bad(beside, "it is not JSON", command) from error
    if not isinstance(meta, dict) or meta != header:
        raise _bad(path, f"{beside.name} beside it belongs to other weights", command)
    return meta, weights


def _foreign(path: Path, error: Exception) -> str:
    with path.open("rb") as file:
        start = file.read(2)
    if start == b"PK" or start[:1] == b"\x80":
        return "it is a pickle, which can run code when it is loaded: refused"
    return f"truncated or not safetensors: {str(error).splitlines()[0]}"


def _difference(wanted: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> str:
    """Say the first difference between two sets of weights, '' for none."""
    for name in sorted(wanted.keys() ^ found.keys()):
        return f"{name} is {'missing' if name in wanted else 'not wanted'}"
    for name, value in wanted.items():
        if value.shape != found[name].shape:
            return f"{name} is {list(found[name].shape)}, not {list(value.shape)}"
    return ""


def _bad(path: Path, reason: str, command: str) -> SpeechLRPError:
    return SpeechLRPError(f"cannot use {path} ({reason}); make it again with `{command}`")
