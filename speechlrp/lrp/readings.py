"""Constants that operations on the input have read, and those that are drawn at random.

The sweep reads a constant again, so that it must be what it was. Torch counts the changes of a
tensor, wherever they come from: a script, another thread, an optimiser, an extension. Who writes
past torch, as NumPy does, is found by a copy; so much is kept of what is known to be shared alone.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from speechlrp.lrp.arguments import Call, tensors_in
from speechlrp.lrp.watched import Watched


class Made(dict[int, Tensor]):
    """Constants of a kind, and what was made of them; by ``id``, and so alive."""

    def follow(self, made_here: bool, arguments: object, result: object) -> None:
        """Remember a call's result that is of the kind, or made of what is."""
        if made_here or self.any_in(arguments):
            self.update((id(one), one) for one in tensors_in(result))

    def any_in(self, arguments: object) -> bool:
        """Whether one of the tensors is among them."""
        return bool(self) and any(id(one) in self for one in tensors_in(arguments))


class Readings:
    """What operations on the input have read in one pass.

    Args:
        model: whose parameters and buffers are taken to be nobody else's.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._read: list[tuple[Tensor, int]] = []  # with the number of its changes by then
        self._known = 0  # how many of these ``_stored`` knows
        self._stored: dict[int, Tensor] = {}
        self._lent: dict[int, Tensor] = {}
        self._copies: list[tuple[Tensor, Tensor]] = []

    def add(self, constants: Iterable[Tensor]) -> None:
        """Note what is read now."""
        for one in constants:
            self._read.append((one, -1 if one.is_inference() else one._version))
            if self._shared(one):
                self._copy(one)

    def lend(self, constant: Tensor) -> None:
        """Note that somebody is told where a constant's numbers lie."""
        if storage_of(constant) not in self._lent:
            self._lent[storage_of(constant)] = constant
            if self.hold(constant):
                self._copy(constant)

    def hold(self, constant: Tensor) -> bool:
        """Whether an operation on the input has read a constant, or a view of it."""
        self._stored |= {storage_of(one): one for one, _ in self._read[self._known :]}
        self._known = len(self._read)
        return bool(storage_of(constant)) and storage_of(constant) in self._stored

    def let_go(self, constant: Tensor) -> None:
        """Hold no more of a constant, whose views would hold it, than where its numbers lie."""
        place = storage_of(constant)
        self._read = [
            (one.data, -1) if storage_of(one) == place else (one, version)
            for one, version in self._read
        ]
        self._stored = {key: one for key, one in self._stored.items() if key != place}
        self._known = 0

    def changed(self) -> Tensor | None:
        """A constant that is not what it was when it was read, if there is one."""
        for one, version in self._read:
            # The input's influence may have been written into a copy under its name since.
            if version >= 0 and not isinstance(one, Watched) and one._version != version:
                return one
        for one, copy in self._copies:
            if not bool(((one == copy) | (one != one)).all()):
                return one
        return None

    def _copy(self, constant: Tensor) -> None:
        self._copies.append((constant.data, constant.detach().clone()))

    def _shared(self, constant: Tensor) -> bool:
        """Whether others than torch may write where a constant's numbers lie."""
        storage = storage_of(constant)
        if not storage or constant.untyped_storage().resizable():  # as all that torch has made
            return storage in self._lent
        held = (*self._model.parameters(), *self._model.buffers())
        return storage not in map(storage_of, held)


def storage_of(tensor: Tensor) -> int:
    """What tells one piece of memory from another; 0 for what has none of its own, as if sparse."""
    return tensor.untyped_storage()._cdata if torch._C._has_storage(tensor) else 0


class Draws:
    """Random numbers in evaluation mode: an explanation with them is one of many."""

    def __init__(self) -> None:
        self.made = Made()
        self.met: str | None = None  # what drew the first one that the output may depend on
        self._what = ""
        self._seeded: dict[torch.Generator, bool] = {}

    def unseeded(self, call: Call, place: object) -> bool:
        """Whether a call that draws, about to be made, draws what nobody has seeded."""
        if call.named("input", "p", "training").get("training") is False:
            return False
        generator = call.kwargs.get("generator")
        generator = torch.default_generator if generator is None else generator
        if generator not in self._seeded:  # as it is behind its seed, nothing drawn since
            fresh = torch.Generator(generator.device).manual_seed(generator.initial_seed())
            self._seeded[generator] = torch.equal(fresh.get_state(), generator.get_state())
        if self._seeded[generator]:
            return False
        self._what = self._what or f"{call.full_name} in {place}"
        return True

    def meet(self, arguments: object) -> None:
        """Note that something on the way to the output reads the arguments."""
        if self.met is None and self.made.any_in(arguments):
            self.met = self._what
