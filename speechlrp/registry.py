"""Tables of names, resolved only when a name is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from speechlrp.errors import unknown


class Registry(Mapping[str, Any]):
    """A read-only table from a name to an object, given as ``"package.module:object"``.

    Listing the names imports nothing, so the command line can offer them without
    importing torch.

    Args:
        kind: what an entry is, in one word; used in error messages.
        entries: name -> ``"package.module:object"``.
    """

    def __init__(self, kind: str, entries: Mapping[str, str]) -> None:
        self.kind = kind
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> Any:
        """Import and return the entry.

        Raises:
            SpeechLRPError: the name is not in the table; lists the names that are.
        """
        if name not in self._entries:
            raise unknown(self.kind, name, self._entries)
        module, _, attribute = self._entries[name].partition(":")
        return getattr(import_module(module), attribute)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
