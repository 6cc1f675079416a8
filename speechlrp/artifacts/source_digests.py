"""Digests of a user's own code, by which results of other code are told apart."""

import ast
import hashlib
from importlib.metadata import distribution, packages_distributions
from importlib.util import find_spec
from pathlib import Path

from speechlrp.registry import working_folder

INSTALLED = {"site-packages", "dist-packages"}
"""Folders of packages that are installed and not written here."""


def code_of(reference: str) -> dict[str, str]:
    """Digests of the code behind a name: its module, and the modules of its own that it imports.

    Its own are those of the same package or folder; what is installed beside it is not read.
    Of a package that is installed, the list of its files stands for them all.

    Of ``"package.module:Name"`` gives module -> SHA-256 of its file; empty where there is no such
    module.
    """
    digests: dict[str, str] = {}
    with working_folder():
        waiting = [reference.partition(":")[0]]
        top = waiting[0].partition(".")[0]
        place = _file(top)
        if place is not None and INSTALLED & set(place.parts):
            for name in packages_distributions().get(top, []):
                files = distribution(name).read_text("RECORD") or distribution(name).version
                digests[name] = hashlib.sha256(files.encode()).hexdigest()
            if digests:
                return dict(sorted(digests.items()))
        while waiting:
            name = waiting.pop()
            file = _file(name)
            if name in digests or file is None or not _belongs(file, place):
                continue
            content = file.read_bytes()
            digests[name] = hashlib.sha256(content).hexdigest()
            waiting += _imports(content, name, file)
    return dict(sorted(digests.items()))


def _file(name: str) -> Path | None:
    """Where a module's code is, found without running it (but for the packages around it)."""
    try:
        spec = find_spec(name)
    except (Exception, SystemExit):  # a user's package may do anything
        return None
    return Path(spec.origin) if spec and spec.origin and Path(spec.origin).is_file() else None


def _belongs(file: Path, place: Path | None) -> bool:
    if place is None:
        return False
    if file == place or (place.name == "__init__.py" and place.parent in file.parents):
        return True
    return Path.cwd() in file.parents and not INSTALLED & set(file.parts)


def _imports(content: bytes, name: str, file: Path) -> list[str]:
    """The modules that a file names in its imports, wherever they stand."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # which the import itself will say
        return []
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join(filter(None, [*(above if node.level else []), node.module or ""]))
            names += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    return [n for n in names if n]
