"""Parts of a stage's result, each a file with an identity of its own.

Where one of several explainers is added, what the others gave is taken over: a part is made
again only when what it depends on itself has changed.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import h5py

from speechlrp.artifacts.atomic import whole
from speechlrp.artifacts.hdf5 import created
from speechlrp.artifacts.shards import Shards
from speechlrp.pipeline.stage import Context
from speechlrp.registry import references_in

IDENTITY = "identity"


@dataclass(frozen=True)
class Part:
    """An HDF5 file of a stage's result."""

    context: Context  # of the stage, whose `parts` name the file's folder
    file: str  # below the stage's folder, such as ``maps/lrp.h5``
    settings: Any  # all that the part depends on besides the stage's inputs; whatever JSON can say

    @cached_property
    def identity(self) -> str:
        """A digest of the settings, of the inputs, and of the user's own code behind a name."""
        code = (f"the code of {name}" for name in references_in(self.settings))
        names = {*self.context.inputs, *code} & self.context.reads.keys()
        reads = {name: self.context.reads[name] for name in names}
        text = json.dumps([self.file, self.settings, reads], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def path(self) -> Path:
        """Where it is, or will be."""
        return self.context.folder / self.file

    def there(self) -> bool:
        """Whether it is made: by an interrupted command, or for the result that this replaces."""
        before = self.context.before.get(self.file)
        if before and not self._is(self.path) and self._is(before):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with whole(self.path) as beside:
                shutil.copy2(before, beside)
        return self._is(self.path)

    def _is(self, path: Path) -> bool:
        if not path.is_file():
            return False
        try:
            with h5py.File(path) as file:
                return file.attrs.get(IDENTITY) == self.identity
        except OSError:  # no HDF5 file
            return False

    def shards(self, kind: str, count: int) -> Shards:
        """The units of work that the part is put together from."""
        return Shards(self._units / kind, count)

    @property
    def _units(self) -> Path:
        return self.context.folder / f".units-{self.identity[:12]}"

    @contextmanager
    def written(self) -> Iterator[h5py.File]:
        """The file to write to; it is whole behind the block, and its units are deleted."""
        with created(self.path) as file:
            yield file
            file.attrs[IDENTITY] = self.identity
        shutil.rmtree(self._units, ignore_errors=True)


def prune(context: Context, folders: Iterable[str], kept: Iterable[Part]) -> None:
    """Delete what lies in the folders of parts and is none of those that are kept."""
    wanted = {part.path for part in kept}
    for folder in folders:
        for path in (context.folder / folder).glob("*"):
            if path not in wanted:
                path.unlink()
    for left in context.folder.glob(".units-*"):
        shutil.rmtree(left)


def clear_but_parts(folder: Path, parts: Iterable[str]) -> None:
    """Delete all of an interrupted command's work but its parts and their units."""
    for path in folder.iterdir():
        if path.name in parts or path.name.startswith(".units-"):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            os.unlink(path)
