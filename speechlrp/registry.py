"""Tables of names, resolved only when a name is used; and names of one's own.

Wherever a name of a table is taken, ``package.module:Name`` is taken too: an entry from a user's
own package or from a file in the working folder.
"""

import difflib
import inspect
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any, TypeGuard

from speechlrp.errors import SpeechLRPError, unknown

REFERENCE = re.compile(r"(?<![\w./])[A-Za-z_][\w.]*:[A-Za-z_][\w.]*(?![\w:/])")
"""``package.module:Name``, alone or in a list with commas."""


@dataclass(frozen=True)
class Interface:
    """What an entry of a table must be."""

    what: str  # in words, for the error, such as ``"a class derived from package.module:Base"``
    bases: tuple[str, ...] = ()
    """The entry is a class derived from one of these, ``"package.module:Base"`` each."""
    kind: str = ""  # the entry is an object of this class
    positional: int = 0  # how many arguments it must take by position
    named: tuple[str, ...] = ()  # arguments that it must take by name
    moments: str = ""  # how the methods begin of which a class takes up one at least, such as "on_"

    def fits(self, entry: Any) -> bool:
        """Whether an object can be an entry."""
        if self.kind:
            return isinstance(entry, _attribute(self.kind))
        if self.bases:
            classes = tuple(map(_attribute, self.bases))
            return isinstance(entry, type) and issubclass(entry, classes)
        return callable(entry) and self._takes(entry)

    def check_read(self, entry: Any, what: str) -> None:
        """Refuse a class that fits, some of whose parts nobody would read, as misspelt ones.

        Only names that may be left out are looked at: a base misses the others by itself.
        """
        ours = [part for part in entry.__mro__ if _is_ours(part)]
        named = {name: value for part in ours for name, value in _public(part).items()}
        optional = {n for n, v in named.items() if not getattr(v, "__isabstractmethod__", False)}
        moments = {n for n in named if self.moments and n.startswith(self.moments)}
        packages = {name for part in entry.__mro__ if not _is_ours(part) for name in _public(part)}
        for name in sorted(packages - named.keys()):
            called = bool(moments) and name.startswith(self.moments)
            if called or difflib.get_close_matches(name, optional, cutoff=0.85):
                raise unknown(f"part of {what}", name, moments or named)
        if moments and not packages & moments:
            raise SpeechLRPError(
                f"{what} has none of {', '.join(sorted(moments))}: nothing calls it"
            )

    def _takes(self, function: Any) -> bool:
        try:
            signature = inspect.signature(function)
            signature.bind_partial(*[None] * self.positional, **dict.fromkeys(self.named))
        except TypeError:
            return False
        except ValueError:  # a function of C that does not say
            return True
        return True


class Registry(Mapping[str, Any]):
    """A read-only table from a name to an object, given as ``"package.module:object"``.

    Listing the names imports nothing, so the command line can offer them without
    importing torch.

    `kind` is what an entry is, in one word, for error messages.
    """

    def __init__(
        self, kind: str, entries: Mapping[str, str], interface: Interface | None = None
    ) -> None:
        self.kind = kind
        self.interface = interface
        self._entries = dict(entries)

    def __getitem__(self, name: str) -> Any:
        """Import and return the entry, of the table or of the user's own.

        Raises:
            SpeechLRPError: the name is not in the table (lists the names that are); an entry of
                the user's own cannot be imported, is no such entry, or has a misspelt part.
        """
        if isinstance(name, str) and name in self._entries:
            return _attribute(self._entries[name])
        if not is_reference(name):
            raise unknown(self.kind, str(name), self._entries)
        entry = imported(name, f"{self.kind} {name}")
        if self.interface is not None and not self.interface.fits(entry):
            raise SpeechLRPError(
                f"{self.kind} {name} is {_described(entry)}; it must be {self.interface.what}"
            )
        if self.interface is not None and self.interface.bases:
            self.interface.check_read(entry, f"{self.kind} {name}")
        return entry

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def is_reference(name: Any) -> TypeGuard[str]:
    """Whether a name is meant as ``package.module:Name``."""
    return isinstance(name, str) and ":" in name


def imported(reference: str, what: str) -> Any:
    """What ``package.module:Name`` stands for.

    The module is looked for as Python does, and in the working folder.

    It may have dots behind the colon for what lies inside a class; `what` is being looked up.

    Raises:
        SpeechLRPError: it is no such text; there is no such module or name in it; importing it
            raises an error or ends the program.
    """
    module, _, name = reference.partition(":")
    if not all(part.isidentifier() for part in (*module.split("."), *name.split("."))):
        raise SpeechLRPError(f"{what}: {reference!r} is no package.module:Name")
    shield()
    with working_folder():
        try:
            import_module(module)
        except (Exception, SystemExit) as error:  # a user's module may do anything
            gone = str(error.name) if isinstance(error, ModuleNotFoundError) else ""
            if gone and f"{module}.".startswith(f"{gone}."):
                raise SpeechLRPError(
                    f"{what}: there is no module {gone!r}; put it into the working folder or "
                    "install it"
                ) from error
            raise SpeechLRPError(f"{what}: importing {module} raises {told(error)}") from error
        try:
            return _attribute(reference)
        except AttributeError:
            parts = vars(sys.modules[module]).items()
            known = [n for n, part in parts if getattr(part, "__module__", "") == module]
            raise unknown(f"{what}: name in {module}", name, known) from None


@contextmanager
def guarded(what: str, entry: Any) -> Iterator[None]:
    """Call an entry, `what` for errors: whatever one of a user's own raises becomes one line."""
    if _is_ours(entry):
        yield
        return
    with working_folder():
        try:
            yield
        except SpeechLRPError:
            raise
        except (Exception, SystemExit) as error:  # a user's code may do anything
            raise SpeechLRPError(f"{what} raises {told(error)}") from error


def blamed(error: BaseException, references: Sequence[str]) -> str | None:
    """Say that an error comes from one of these pieces of a user's code; None: it does not."""
    packages = {reference.partition(":")[0].partition(".")[0] for reference in references}
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    names = [str(frame.f_globals.get("__name__")) for frame in frames]
    theirs = [place for place, name in enumerate(names) if name.partition(".")[0] in packages]
    if theirs:
        return f"{names[theirs[-1]]} raises {told(error, theirs[-1])}"
    # A call that a function does not take is raised where it is called, in no frame of its own
    called = re.match(r"(\w+)[.\w]*\(\) (takes|missing|got)", str(error))
    if isinstance(error, TypeError) and called:
        named = (one for one in references if one.partition(":")[2] == called[1])
        return next((f"{one} does not take what it is called with: {error}" for one in named), None)
    return None


def shield() -> None:
    """Import torchaudio without its compiled part, before transformers and others import it."""
    with suppress(ImportError, OSError, RuntimeError):  # whoever wants it will be told
        _attribute("speechlrp.audio.backend:load_torchaudio")()


def references_in(value: Any) -> list[str]:
    """Every ``package.module:Name`` in a setting, its lists and mappings, but this package's."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return sorted({name for part in value for name in references_in(part)})
    names = REFERENCE.findall(value) if isinstance(value, str) else []
    return [name for name in names if name.partition(".")[0] != __package__]


@contextmanager
def working_folder() -> Iterator[None]:
    """The working folder among the places that modules come from, after the others."""
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        yield
    finally:
        sys.path.remove(here)


def told(error: BaseException, place: int = -1) -> str:
    """An error of a user's code in one line: its kind, its words, and in which frame it was."""
    frame = traceback.extract_tb(error.__traceback__)[place]
    words = f"{type(error).__name__}: {' '.join(str(error).split())}"
    if isinstance(error, SyntaxError):  # its words say where
        return words
    return f"{words} ({Path(frame.filename).name}, line {frame.lineno})"


def _is_ours(entry: Any) -> bool:
    return str(getattr(entry, "__module__", "")).partition(".")[0] == __package__


def _public(part: type) -> dict[str, Any]:
    return {name: value for name, value in vars(part).items() if not name.startswith("_")}


def _attribute(reference: str) -> Any:
    module, _, name = reference.partition(":")
    return reduce(getattr, name.split("."), import_module(module))


def _described(entry: Any) -> str:
    if isinstance(entry, type):
        return f"the class {entry.__name__}"
    if callable(entry):
        try:
            return f"the function {getattr(entry, '__name__', '?')}{inspect.signature(entry)}"
        except (TypeError, ValueError):
            return "a function"
    return f"of type {type(entry).__name__}"
