"""Operations that are explained as the torch calls that they consist of."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from speechlrp.lrp.recorder import Call, Recorder

Handler = Callable[[Recorder, Call], Any]


def written_out(function: FunctionType) -> Handler:
    """The handler of a function of torch's that is written in Python: its own body, watched.

    The body asks first whether a mode wants to see the call as a whole. Here it must not, so a
    copy runs for which the answer is no.
    """
    asking = [name for name in function.__code__.co_names if name.startswith("has_torch_function")]
    names = function.__globals__ | dict.fromkeys(asking, lambda *_: False)
    body = FunctionType(function.__code__, names, function.__name__, function.__defaults__)
    body.__kwdefaults__ = function.__kwdefaults__

    def handle(recorder: Recorder, call: Call) -> Any:
        with recorder.watching():
            return body(*call.args, **call.kwargs)

    return handle
