"""The record that a stage leaves: what ran, on what, and what came out."""

from __future__ import annotations

import hashlib
import json
import subprocess
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from speechlrp.artifacts.atomic import write_json

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
    """Read a folder's record; None where there is none, or none that can be read."""
    try:
        return Record(**json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def fingerprint(path: Path) -> dict[str, Any]:
    """A file's size in bytes and its SHA-256."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"size": path.stat().st_size, "sha256": digest}


def outputs_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Fingerprints of all files below a folder, by their path in it; hidden ones left out."""
    files = sorted(
        p for p in folder.rglob("*") if p.is_file() and p.name != FILE and p.name[0] != "."
    )
    return {p.relative_to(folder).as_posix(): fingerprint(p) for p in files}


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
