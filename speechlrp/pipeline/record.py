"""The record that a stage leaves: what ran, on what, and what came out."""

import hashlib
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from speechlrp.artifacts.atomic import write_json
from speechlrp.artifacts.unexpected import read_json
from speechlrp.errors import SpeechLRPError

T = TypeVar("T")
FILE = "stage.json"
PACKAGES = ("torch", "torchaudio", "hydra-core", "h5py", "numpy", "pandas", "matplotlib")


@dataclass
class Record:
    """What `stage.json` holds; its presence says that the stage is complete."""

    stage: str
    command: str
    config: dict[str, Any]
    inputs: dict[str, Any]
    outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    seconds: float = 0.0
    started: str = ""
    commit: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    status: str = "complete"

    def write(self, folder: Path) -> None:
        """Write the record into the stage's folder."""
        write_json(folder / FILE, asdict(self))


def read_record(folder: Path) -> Record | None:
    """Read a folder's record; None where there is none.

    Raises:
        SpeechLRPError: it is damaged.
    """
    advice = f"what lies beside it is kept: restore the file, or delete {folder} and make it again"
    return read_fields(folder / FILE, Record, advice)


def read_fields(path: Path, kind: type[T], advice: str) -> T | None:
    """Read a JSON file as a dataclass; None where there is none.

    Fields that a later version has added are passed over.

    The dataclass is of plain types; `advice` is what to do where the file is damaged.

    Raises:
        SpeechLRPError: it is damaged.
    """
    if not (path.exists() or path.is_symlink()):
        return None
    try:
        values = read_json(path)
        if not isinstance(values, dict):
            raise ValueError("it is no table")
        types = get_type_hints(kind)
        known = {name: values[name] for name in types if name in values}
        wrong = [name for name, value in known.items() if not _fits(value, types[name])]
        if wrong:
            raise ValueError(f"its {wrong[0]} is {known[wrong[0]]!r:.40}")
        return kind(**known)
    except (OSError, ValueError, TypeError) as error:  # of missing fields a type's error
        reason = str(error).splitlines()[0][:100]
        raise SpeechLRPError(f"{path} is damaged ({reason}); {advice}") from error


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a value of JSON is of a type such as ``dict[str, list[int]]``."""
    kind, inner = get_origin(wanted) or wanted, get_args(wanted)
    if kind is float:
        kind = (int, float)
    if kind is Any or not inner:
        return kind is Any or isinstance(value, kind)
    if not isinstance(value, kind):
        return False
    return all(_fits(v, inner[-1]) for v in (value.values() if kind is dict else value))


def fingerprint(path: Path) -> dict[str, Any]:
    """A file's size in bytes and its SHA-256."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": digest}


def outputs_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Fingerprints of all files below a folder, by their path in it; hidden ones left out.

    The time of the last change (`mtime_ns`) stands beside, so that `is_as` need not read.
    """
    files = sorted(
        p for p in folder.rglob("*") if p.is_file() and p.name != FILE and p.name[0] != "."
    )
    return {
        p.relative_to(folder).as_posix(): fingerprint(p) | {"mtime_ns": p.stat().st_mtime_ns}
        for p in files
    }


def is_as(path: Path, facts: Mapping[str, Any]) -> bool:
    """Whether a file is what a record says of it; it is read only where its time has changed."""
    if not path.is_file():
        return False
    status = path.stat()
    if status.st_size != facts.get("size"):
        return False
    unchanged = status.st_mtime_ns == facts.get("mtime_ns")
    return unchanged or fingerprint(path)["sha256"] == facts.get("sha256")


def versions() -> dict[str, str]:
    """Versions of speechlrp and of the packages that its numbers depend on."""
    from speechlrp import __version__

    numbers = {"speechlrp": __version__}
    for package in PACKAGES:
        try:
            numbers[package] = version(package)
        except PackageNotFoundError:
            continue
    return numbers


@cache  # the code that works is what was there at the first stage of the process
def commit() -> str:
    """The git commit of the source tree, with `+` where it has changes; '' outside git."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return ""
    git = ["git", "-C", str(root)]
    try:
        head = subprocess.run([*git, "rev-parse", "--short=12", "HEAD"], capture_output=True)
        dirty = subprocess.run([*git, "status", "--porcelain"], capture_output=True)
    except OSError:
        return ""
    return head.stdout.decode().strip() + ("+" if dirty.stdout.strip() else "")
