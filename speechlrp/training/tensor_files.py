"""Tensors in files: read without running anything that is in them, and checked.

Everything here raises `Unreadable`, whose words say what is wrong with the file; the caller
says which file, and what remakes it.
"""

import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from speechlrp.artifacts.unexpected import kind

CODE = "it needs code to be loaded, which could be anybody's: refused"
SCRIPT = (
    "it is TorchScript, which cannot be explained: save torch.jit.load(FILE).state_dict() with "
    "torch.save, and load that into a plain module (model=custom)"
)
PICKLE = "it is a pickle, which can run code when it is loaded: refused"


class Unreadable(ValueError):
    """Why a file cannot be used, in words of one line."""


class NeedsCode(Unreadable):
    """A pickle that wants more than tensors and plain values."""


def read_torch(path: Path) -> Any:
    """Read a file of ``torch.save`` that holds tensors and plain values alone.

    Raises:
        Unreadable: it is something else, or damaged; `NeedsCode`: it needs code to be loaded.
    """
    _check_regular(path)
    try:
        # A warning of torch's about a strange pickle would say the same twice.
        with warnings.catch_warnings(action="ignore"):
            _check_archive(path)
            return torch.load(path, map_location="cpu", weights_only=True)
    except Unreadable:
        raise
    # Whatever a damaged file leads the unpickler to: IndexError, struct.error, AssertionError, ...
    except Exception as error:
        words = str(error)
        if any(sign in words for sign in ("GLOBAL", "Unsupported global", "Unsupported class")):
            raise NeedsCode(CODE) from error
        instead = kind(path)
        if not instead or "pickle" in instead:
            raise Unreadable("truncated, or not a file of torch.save") from error
        raise Unreadable(f"it is {instead}") from error


def read_safetensors(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Read a safetensors file: what its header says, and its tensors.

    Raises:
        Unreadable: it is something else, or damaged.
    """
    _check_regular(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return dict(file.metadata() or {}), tensors
    # safetensors' own errors, and those of torch on a type or a size that is none
    except (SafetensorError, OSError, RuntimeError, ValueError, TypeError, LookupError) as error:
        instead = kind(path)
        if "pickle" in instead:
            raise Unreadable(PICKLE) from error
        words = str(error).splitlines() or [type(error).__name__]
        reason = f"it is {instead}" if instead else f"truncated or not safetensors: {words[0]}"
        raise Unreadable(reason) from error


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Check that all numbers are finite.

    Raises:
        Unreadable: names the first tensor of which some are not, or that is no plain one.
    """
    for name, values in tensors.items():
        if not isinstance(values, Tensor):
            raise Unreadable(f"{name} is no tensor")
        if values.layout is not torch.strided or values.is_quantized:
            raise Unreadable(f"{name} is sparse or quantised; save it as a dense tensor of floats")
        if values.is_floating_point() and values.dtype.itemsize == 1:
            values = values.float()  # torch has no test for 8 bits
        finite = values.isfinite()
        if not bool(finite.all()):
            count = int((~finite).sum())
            raise Unreadable(f"{name} is not finite in {count} of {values.numel()} places")


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """Give a number that another content, such as one of a damaged disk, would not have.

    It is CRC-32 over names and bytes: against accidents, not against people.
    """
    value = 0
    for name in sorted(tensors):
        value = zlib.crc32(name.encode(), value)
        raw = tensors[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        value = zlib.crc32(raw.numpy().data, value)
    return f"{value:08x}"


def _check_regular(path: Path) -> None:
    if not path.is_file():  # a pipe would be waited for
        raise Unreadable(f"it is {kind(path)}")


def _check_archive(path: Path) -> None:
    """Check the checksums of a file of today's torch, at which torch itself does not look."""
    if not zipfile.is_zipfile(path):
        return  # a pickle as torch wrote it before 1.6
    with zipfile.ZipFile(path) as archive:
        if any("/code/" in name or name.endswith("/constants.pkl") for name in archive.namelist()):
            raise Unreadable(SCRIPT)
        damaged = archive.testzip()
    if damaged:
        raise Unreadable(f"damaged: the checksum of {damaged} in it does not hold")
