"""The source of a user's own code, named as ``package.module:Name``: its files and their bytes."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path

from speechlrp.errors import SpeechLRPError
from speechlrp.registry import working_folder

INSTALLED = {"site-packages", "dist-packages"}
OURS = "speechlrp"


def source_of(reference: str) -> dict[str, str]:
    """Give the files that a name of the user's own is made of, and a digest of each.

    These are the file of its module, those of the packages around it, and those of every
    module that they import, as far as it lies below the same entry of Python's path: what is
    installed has a version instead. Nothing is imported, so that code can be compared before
    it is run; an import that is made from a text (``importlib.import_module(name)``) is not
    seen.

    Args:
        reference: ``"package.module:Name"``, or a module alone.

    Returns:
        SHA-256 by path, relative to the folder in which Python finds the package, sorted.

    Raises:
        SpeechLRPError: there is no such module, or a file cannot be read.
    """
    name = reference.partition(":")[0]
    if name.partition(".")[0] in sys.stdlib_module_names:
        return {}
    with working_folder():
        first = _file(name)
        if first is None:
            raise SpeechLRPError(
                f"there is no module {name!r}; put it into the working folder or install it"
            )
        base = _base(name, first)
        files: dict[str, Path] = {}
        waiting = [name]
        while waiting:
            module = waiting.pop()
            path = first if module == name else _file(module)
            if module in files or path is None or not (path == first or _is_own(path, base)):
                continue
            files[module] = path
            waiting += _parents(module)
            if _is_own(path, base):
                waiting += _imports(module, path)
    return {_relative(path, base): _digest(path) for path in sorted(set(files.values()))}


def _base(name: str, file: Path) -> Path:
    """The folder in which Python finds the outermost package of a module."""
    depth = name.count(".") + (file.name == "__init__.py")
    return file.parents[min(depth, len(file.parents) - 1)]


def _is_own(path: Path, base: Path) -> bool:
    inside = path.is_relative_to(base) and not INSTALLED & set(path.parts)
    return inside and path.relative_to(base).parts[0] != OURS


def _file(module: str) -> Path | None:
    """The file of a module, found without importing anything; None where there is none."""
    spec: ModuleSpec | None = None
    places: list[str] | None = None
    names = module.split(".")
    for depth, name in enumerate(names, start=1):
        spec = _found(".".join(names[:depth]), places)
        if spec is None:
            return None
        if spec.origin is None:  # a package without a file: its folders of that name
            folders = [Path(place) / name for place in (places or sys.path)]
            places = [str(folder) for folder in folders if folder.is_dir()]
        else:
            places = list(spec.submodule_search_locations or [])
    return Path(spec.origin).resolve() if spec and spec.has_location and spec.origin else None


def _found(module: str, places: list[str] | None) -> ModuleSpec | None:
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(module, places)
        except KeyError:  # a package without a file, in a package that is not imported
            return ModuleSpec(module, None)
        if spec is not None:
            return spec
    return None


def _parents(module: str) -> Iterator[str]:
    """The packages around a module, whose files are run when it is imported."""
    while "." in module:
        module = module.rpartition(".")[0]
        yield module


def _imports(module: str, path: Path) -> Iterator[str]:
    """The modules that a file imports anywhere in it; ``from a import b`` as ``a.b`` and ``a``."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):  # a compiled module, or one that won't run
        return
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            start = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            if start:
                yield start
                yield from (f"{start}.{alias.name}" for alias in node.names)


def _relative(path: Path, base: Path) -> str:
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else path.as_posix()


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SpeechLRPError(f"cannot read {path}: {error.strerror}") from error
