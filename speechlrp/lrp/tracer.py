"""Watch a forward pass and record every operation on tensors that depend on the input."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import peek_interpreter_stack as transforming
from torch.overrides import TorchFunctionMode

from speechlrp.lrp.arguments import mapped, tensors_in
from speechlrp.lrp.constants import (
    ASKED_WITHOUT_NUMBERS,
    CHANGED,
    DRAWS,
    GRADIENTS,
    LEAVING,
    NUMBERS_ASKED_FOR,
    READS,
    REFUSALS,
    REPLACES,
    SUMS,
    TRANSFORMED,
    takes_no_numbers,
    under_a_name,
    written_by,
)
from speechlrp.lrp.operations import HANDLERS, LAYERS
from speechlrp.lrp.recorder import Call, Recorder
from speechlrp.lrp.refusals import NotExplainable


class Tracer(TorchFunctionMode):
    """Looks up every torch function that the model calls and has its operation recorded.

    What the model computes from constants alone is computed as it is, without a graph.

    The mode is of this thread alone; what passes it by meets ``Watched``.
    """

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self.recorder = recorder
        self._modes = torch._C._len_torch_dispatch_stack()
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
        if transforming() is not None or torch._C._len_torch_dispatch_stack() > self._modes:
            raise self.recorder.refuse(call, *TRANSFORMED)
        if torch.is_inference_mode_enabled():
            with torch.inference_mode(False), torch.enable_grad():
                return self._watched(call)
        # For the model gradients are off; autograd, which some operations ask, needs them.
        with torch.enable_grad():
            return self._watched(call)

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
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

    def _constant(self, call: Call) -> Any:
        recorder, function = self.recorder, call.function
        if function in GRADIENTS and not (torch.is_grad_enabled() or transforming() is not None):
            raise recorder.refuse(call, *REFUSALS[function])
        if function in LEAVING:
            recorder.read.lend(call.first)
            recorder.draws.meet(call.first)
        targets = written_by(call)
        drawn = function in DRAWS and recorder.draws.unseeded(call, recorder.places.running())
        if targets and any(map(recorder.read.hold, targets)):
            result = self._without_effect(call, targets)
        else:
            result = function(*call.args, **call.kwargs)
        arguments = call.args, call.kwargs
        recorder.computed(call, result)
        if function in REPLACES:
            recorder.draws.made.pop(id(call.first), None)
        recorder.draws.made.follow(
            drawn, call.rest if function in REPLACES else arguments, (result, targets)
        )
        recorder.signals.follow(function in LAYERS, arguments, result)
        return result

    def _without_effect(self, call: Call, targets: Sequence[Tensor]) -> Any:
        """Make a call that changes constants which the sweep needs, if it leaves them as they are.

        On copies, since autograd goes by the number of changes and not by the numbers.
        """
        copies = {id(one): one.detach().clone() for one in targets}
        args, kwargs = mapped(lambda one: copies.get(id(one), one), (call.args, call.kwargs))
        result = call.function(*args, **kwargs)
        for one in targets:
            copy = copies[id(one)]
            if copy.shape != one.shape or not torch.equal(copy, one):
                raise self.recorder.refuse(call, *CHANGED)
            result = one if result is copy else result
        return result

    def _watched(self, call: Call) -> Any:
        if isinstance(call.function, torch._ops.OpOverload | torch._ops.OpOverloadPacket):
            call = Call(under_a_name(call.function), call.args, call.kwargs)
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
            args, kwargs = mapped(
                lambda one: one.numbers if recorder.tracks(one) else one, (call.args, call.kwargs)
            )
            return self._constant(Call(function, args, kwargs))
        handler = HANDLERS.get(function)
        if handler is None:
            raise recorder.refuse(call, "has no rule")
        if recorder.again or function not in SUMS:
            arguments = tensors_in((call.args, call.kwargs))
            recorder.read.add(one for one in arguments if not recorder.tracks(one))
        recorder.draws.meet((call.args, call.kwargs))
        if not call.kwargs.get("inplace"):
            return recorder.handle(handler, call)
        plain = Call(function, call.args, call.kwargs | {"inplace": False})
        result = recorder.handle(handler, plain)
        return result if result is call.first else recorder.overwrite(call.first, result)
