"""The one import of torchaudio.

The published torchaudio carries a compiled extension built for CUDA, which does not
load beside a CPU-only torch or one built for another CUDA. The parts used here
(resampling, mel filterbanks, mixing) are pure Python and need none of it, so when the
plain import fails on that extension, a stub takes its place.
"""

import functools
import importlib
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

from speechlrp.errors import SpeechLRPError

EXTENSION = "torchaudio._extension"
ALONE = threading.Lock()
"""Readers are threads: one takes the half of an import away while the others wait."""


@functools.cache
def load_torchaudio() -> ModuleType:
    """Import torchaudio, without its compiled extension where that does not load.

    Raises:
        ImportError: torchaudio is not installed.
        OSError: or RuntimeError, where the import fails for another reason.
    """
    with ALONE:
        try:
            return importlib.import_module("torchaudio")
        except (OSError, RuntimeError) as error:
            if not is_extension_failure(error):
                raise
        # A list: other threads import other modules meanwhile.
        for name in [name for name in list(sys.modules) if name.split(".")[0] == "torchaudio"]:
            del sys.modules[name]
        sys.modules[EXTENSION] = make_stub()
        try:
            return importlib.import_module("torchaudio")
        except BaseException:
            del sys.modules[EXTENSION]
            raise


def is_extension_failure(error: Exception) -> bool:
    """Tell whether an import error comes from the compiled extension.

    An ``OSError`` names the library that is missing or does not load; a
    ``RuntimeError`` says that torch and torchaudio were built for different CUDA.
    """
    text = str(error).lower()
    if isinstance(error, OSError):
        return "torchaudio" in text or "libc10" in text or "libtorch" in text
    return "cuda" in text and "torchaudio" in text


def make_stub() -> ModuleType:
    """Build a stand-in for ``torchaudio._extension`` that says nothing is compiled."""
    stub = ModuleType(EXTENSION)
    stub.__dict__["_IS_TORCHAUDIO_EXT_AVAILABLE"] = False
    stub.__dict__["fail_if_no_align"] = _needs_extension
    return stub


def _needs_extension(function: Callable[..., Any]) -> Callable[..., NoReturn]:
    @functools.wraps(function)
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise SpeechLRPError(
            f"torchaudio's {function.__name__} needs its compiled extension, which does not "
            "load beside this torch; install a torchaudio built for the same CUDA"
        )

    return refuse
