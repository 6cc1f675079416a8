"""Watch a forward pass and record every operation on tensors that depend on the input."""

import weakref
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import peek_interpreter_stack as transforming
from torch.overrides import TorchFunctionMode

from speechlrp.lrp.arguments import mapped, tensors_in
from speechlrp.lrp.constants import (
    ASKED_WITHOUT_NUMBERS,
    GRADIENTS,
    NUMBERS_ASKED_FOR,
    READS,
    REFUSALS,
    SUMS,
    takes_no_numbers,
    written_by,
)
from speechlrp.lrp.errors import NotExplainable
from speechlrp.lrp.operations import HANDLERS, LAYERS
from speechlrp.lrp.recorder import Call, Recorder


class Tracer(TorchFunctionMode):
    """Looks up every torch function that the model calls and has its operation recorded.

    What the model computes from constants alone is computed as it is, without a graph.

    The mode is of this thread alone; what passes it by meets ``Watched``.
    """

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder
        recorder.watching = weakref.ref(self)  # no cycle: a pass's tensors go when it ends

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func in READS:
            return func(*args, **(kwargs or {}))
        call = Call(func, args, kwargs or {})
        if func is Tensor.__setitem__:
            self.recorder.settle(*args)
        if self.recorder.written:
            self.recorder.check_unwritten(call, tensors_in((args, call.kwargs)))
        if not self._depends((args, call.kwargs)):
            return self._constant(call)
        # Autograd, which some operations ask, makes no graph otherwise.
        if not torch.is_grad_enabled() or torch.is_inference_mode_enabled():
            with torch.inference_mode(False), torch.enable_grad():
                return self._watched(call)
        return self._watched(call)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        # A script or an extension turns our error into one of its own.
        if isinstance(error, Exception) and self.recorder.failure is not None:
            raise self.recorder.failure from error
        if isinstance(error, RuntimeError) and any(
            part in str(error) for part in NUMBERS_ASKED_FOR
        ):
            raise NotExplainable(
                f"the model takes the numbers of a tensor of the input out of torch, where they "
                f"are out of sight ({str(error).splitlines()[0]})"
            ) from error

    def _depends(self, arguments: Any) -> bool:
        return any(map(self.recorder.tracks, tensors_in(arguments)))

    def _bare(self, tensor: Tensor) -> Tensor:
        return tensor.numbers if self.recorder.tracks(tensor) else tensor

    def _constant(self, call: Call) -> Any:
        if call.function is torch._C._set_grad_enabled or transforming() is not None:
            return call.function(*call.args, **call.kwargs)
        if call.function in GRADIENTS:
            raise self.recorder.refuse(call, *REFUSALS[call.function])
        target = written_by(call)
        with torch.no_grad():
            if target is not None and self.recorder.has_read(target):
                return self._without_effect(call, target)
            result = call.function(*call.args, **call.kwargs)
        self.recorder.computed(call, result)
        if call.function in LAYERS or self.recorder.signals:
            self.recorder.follow_signals(call.function in LAYERS, (call.args, call.kwargs), result)
        return result

    def _without_effect(self, call: Call, target: Tensor) -> Any:
        """Make a call that changes a constant which the sweep needs, if it leaves it as it is."""
        # On a copy, since autograd goes by the number of changes and not by the numbers.
        copy = target.detach().clone()
        args, kwargs = mapped(lambda one: copy if one is target else one, (call.args, call.kwargs))
        result = call.function(*args, **kwargs)
        if copy.shape != target.shape or not torch.equal(copy, target):
            raise self.recorder.refuse(
                call,
                "changes a constant that an operation on the input has read, in place,",
                "make a new tensor of it: y = y + 1 in place of y += 1",
            )
        return target if result is copy else result

    def _watched(self, call: Call) -> Any:
        recorder, function = self.recorder, call.function
        if function in REFUSALS:
            raise recorder.refuse(call, *REFUSALS[function])
        if call.kwargs.get("out") is not None:
            raise recorder.refuse(
                call, "writes its result with out=", "assign the result instead: y = f(x)"
            )
        if function in ASKED_WITHOUT_NUMBERS and takes_no_numbers(
            function, recorder.tracks(call.first), self._depends(call.rest)
        ):
            args, kwargs = mapped(self._bare, (call.args, call.kwargs))
            return self._constant(Call(function, args, kwargs))
        handler = HANDLERS.get(function)
        if handler is None:
            raise recorder.refuse(call, "has no rule")
        if recorder.again or function not in SUMS:
            arguments = tensors_in((call.args, call.kwargs))
            recorder.read += [one.data for one in arguments if not recorder.tracks(one)]
        if not call.kwargs.get("inplace"):
            return recorder.handle(handler, call)
        plain = Call(function, call.args, call.kwargs | {"inplace": False})
        result = recorder.handle(handler, plain)
        return result if result is call.first else recorder.overwrite(call.first, result)
