"""Models on disk: weights as safetensors, and beside them a JSON that says what they are.

The JSON also travels in the header of the weights, so that a pair that does not
belong together (a kill between the two writes, a file copied over) is noticed; and
with it a checksum of the weights, since safetensors has none. Nothing is ever unpickled.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from speechlrp.artifacts.atomic import whole, write_json
from speechlrp.artifacts.source_digests import code_of
from speechlrp.artifacts.unexpected import parse_json, read_json
from speechlrp.errors import SpeechLRPError
from speechlrp.models.custom import own_code
from speechlrp.training.description import build, check_description
from speechlrp.training.tensor_files import (
    Unreadable,
    check_finite,
    checksum,
    read_safetensors,
)

HEADER, CHECKSUM = "speechlrp", "checksum"
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
        OSError: the files cannot be written.
    """
    return save_weights(weights_path(path), model.state_dict(), meta)


def save_weights(path: Path, weights: Mapping[str, torch.Tensor], meta: Mapping[str, Any]) -> Path:
    """Write weights and their JSON; see `save_model`."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
    # In one entry: safetensors writes several in another order each time.
    header = json.dumps({**meta, CHECKSUM: checksum(tensors)})
    with whole(path) as beside:
        beside.write_bytes(save(tensors, {HEADER: header}))  # `save_file` hides it from others
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
        SpeechLRPError: the file or its JSON is missing, damaged, a pickle, of another
            model, or holds numbers that are not finite.
    """
    path = weights_path(Path(path))
    meta, weights = read_weights(path, command)
    _check_code(path, meta, factory, command)
    with _reading(path, command):
        model = build(meta, weights)
    return model.to(device or torch.device("cpu")).eval(), meta


def _check_code(path: Path, meta: Mapping[str, Any], factory: str | None, command: str) -> None:
    """Refuse to call code that only a file of weights asks for, or that it was not trained with."""
    named = own_code({**meta["kwargs"], "name": meta["model"]})
    if named not in (None, factory):
        setting = f"model.name={named}"
        if meta["model"] == "custom":
            setting = f"model=custom model.factory={named}"
        raise SpeechLRPError(
            f"{path} asks for {named} to make its model, and this run's model is made by "
            f"{factory or 'none of your own'}; if you trust it, add {setting}"
        )
    before, now = meta.get("code"), code_of(named) if named else {}
    if before and before != now:
        changed = sorted(n for n in {*before, *now} if before.get(n) != now.get(n))
        raise SpeechLRPError(
            f"{path} was trained with another {named}: {', '.join(changed)} changed since; train "
            f"again with `{command}`, or put the code back"
        )


@contextmanager
def _reading(path: Path, command: str) -> Iterator[None]:
    """Say which file is wrong, and what makes it again."""
    try:
        yield
    except (ValueError, OSError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise SpeechLRPError(
            f"cannot use {path} ({reason}); make it again with `{command}`"
        ) from error


def read_weights(
    path: Path, command: str = REMAKE
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Read a file of weights and its JSON as they are; raises as `load_model`."""
    if not path.exists():
        first = command.removesuffix(" --force")
        raise SpeechLRPError(f"no model at {path}; train one with `{first}`")
    beside = path.with_suffix(".json")
    with _reading(path, command):
        header, weights = read_safetensors(path)
        described = parse_json(header.get(HEADER, "null"))
        stored = described.pop(CHECKSUM, None) if isinstance(described, dict) else None
        if not beside.exists():
            raise Unreadable(f"{beside.name} beside it is missing")
    with _reading(beside, command):
        meta = read_json(beside)
    with _reading(path, command):
        if meta != described:
            raise Unreadable(f"{beside.name} beside it belongs to other weights")
        check_description(meta)
        if stored not in (None, checksum(weights)):
            raise Unreadable("damaged: its checksum does not hold")
        check_finite(weights)
    return meta, weights
