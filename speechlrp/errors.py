"""The one class of expected error, and that of a single recording."""

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class SpeechLRPError(Exception):
    """Something the user can mend.

    The message is one line: what is wrong, the value found, and where there is
    one, the command that mends it. The command line prints it and exits with 1;
    anything else that is raised is a bug and keeps its traceback.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(" ".join(str(message).splitlines()))  # names of files may hold line ends


def unknown(kind: str, name: str, known: Iterable[str]) -> SpeechLRPError:
    """Build the error for a name that is not in a table; the kind is such as ``"model"``."""
    names = sorted(" ".join(str(one).split()) for one in known)
    small = {one.lower(): one for one in names}
    close = difflib.get_close_matches(str(name).lower(), small, n=1)
    hint = f" Did you mean {small[close[0]]!r}?" if close else ""
    return SpeechLRPError(f"unknown {kind} {name!r}; known: {', '.join(names) or 'none'}.{hint}")


@contextmanager
def about(name: object) -> Iterator[None]:
    """Errors inside say what they are about: one of several explainers, a recording."""
    try:
        yield
    except SpeechLRPError as error:
        raise SpeechLRPError(f"{name}: {error}") from error


class RecordingError(SpeechLRPError):
    """One recording cannot be used; the message is the reason, without the file's name.

    ``extract`` catches it, lists the recording as rejected and goes on.
    """
