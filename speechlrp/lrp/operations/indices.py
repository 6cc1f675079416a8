"""Where a maximum stands: a result that carries no relevance and may not be used."""

from __future__ import annotations

from typing import Any, NoReturn

from speechlrp.lrp.recorder import Call, Recorder

_USES = "__getattr__ __getitem__ __setitem__ __index__ __int__ __float__ __bool__ __iter__ __len__ "
_USES += "__eq__ __ne__ __lt__ __le__ __gt__ __ge__ __add__ __radd__ __sub__ __rsub__ __mul__ "
_USES += "__rmul__ __truediv__ __rtruediv__ __floordiv__ __mod__ __neg__ __invert__ __and__ __or__"


def unusable(recorder: Recorder, call: Call) -> Any:
    """Stands for the indices that a call returns beside its numbers; any use of it raises."""

    def use(*args: Any, **kwargs: Any) -> NoReturn:
        raise recorder.refuse(call, "returns indices, which carry no relevance,")

    uses = dict.fromkeys(_USES.split(), use) | {"__torch_function__": staticmethod(use)}
    return type("Indices", (), {**uses, "__hash__": object.__hash__})()
