"""The record that a stage leaves: what ran, on what, and what came out."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from speechlrp.artifacts.atomic import write_json
from speechlrp.errors import SpeechLRPError

FILE = "stage.json"
PACKAGES = ("torch", "torchaudio", "hydra-core", "h5py", "numpy", "pandas", "matplotlib")


@dataclass
class Record:
    """What `stage.json` holds; its presence says that the stage is complete."""

    stage: str
    command: str
    config: dict[str, Any]
    inputs: dict[str, dict[str, Any]]
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

    Fields that a later version has added are passed over.

    Raises:
        SpeechLRPError: it is damaged.
    """
    path = folder / FILE
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        known = {f.name: values[f.name] for f in fields(Record) if f.name in values}
        record = Record(**known)
        parts = (record.config, record.inputs, record.outputs, record.facts, record.notes)
        if not all(isinstance(part, dict) for part in parts):
            raise TypeError("a part of it is no mapping")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        reason = str(error).splitlines()[0][:100]
        raise SpeechLRPError(
            f"{path} is damaged ({reason}); what lies beside it is kept: restore the file, or "
            f"delete {folder} and make it again"
        ) from error
    return record


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
    if status.st_size != facts["size"]:
        return False
    unchanged = status.st_mtime_ns == facts.get("mtime_ns")
    return unchanged or fingerprint(path)["sha256"] == facts["sha256"]


def versions() -> dict[str, str]:
    """Versions of speechlrp and of the packages that its numbers depend on."""
    from speechlrp import __version__

    found = {"speechlrp": __version__}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


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
