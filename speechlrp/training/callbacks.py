"""What is called while a network is trained: progress, logs, one's own measurements."""

from collections.abc import Callable, Mapping


class Callback:
    """Called by the leader of a training; a subclass takes up the moments that it wants.

    What a callback raises ends the training, which goes on from its last saved epoch when it
    is called again.
    """

    def on_start(self, epoch: int, epochs: int) -> None:
        """Before the first step; `epoch` of `epochs` are behind where a killed one goes on."""

    def on_step(self, epoch: int, step: int, steps: int) -> None:
        """After each step of the optimizer; epoch and step (of `steps` an epoch) count from 1."""

    def on_epoch(self, row: Mapping[str, float]) -> None:
        """After each epoch, once its row of the metrics is on disk.

        The row has ``epoch`` (from 1), ``train_loss``, ``validate_loss``, ``lr``, ``seconds``, and
        what the kind of training measures, such as ``validate_accuracy``.
        """

    def on_end(self) -> None:
        """When no more comes, also after an error."""


class Calling(Callback):
    """Two functions as a callback."""

    def __init__(
        self,
        epoch: Callable[[Mapping[str, float]], None] | None = None,
        step: Callable[[int, int, int], None] | None = None,
    ) -> None:
        self._epoch, self._step = epoch, step

    def on_step(self, epoch: int, step: int, steps: int) -> None:
        """See `Callback`."""
        if self._step is not None:
            self._step(epoch, step, steps)

    def on_epoch(self, row: Mapping[str, float]) -> None:
        """See `Callback`."""
        if self._epoch is not None:
            self._epoch(row)
