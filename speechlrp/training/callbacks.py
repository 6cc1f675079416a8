"""What is called while a network is trained: progress, one's own measurements, others' tools.

Tools are each an extra of their name, and keep their files in the run. Nothing is sent anywhere
unless the tool's own environment variables say so.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from speechlrp.errors import SpeechLRPError


class Callback:
    """Called by the leader of a training; a subclass takes up the moments that it wants.

    What a callback raises ends the training, which goes on from its last saved epoch when it
    is called again.
    """

    def on_start(self, epoch: int, epochs: int) -> None:
        """Before the first step.

        Args:
            epoch: epochs that are behind: not 0 where a training goes on after a kill.
            epochs: of the whole training.
        """

    def on_step(self, epoch: int, step: int, steps: int) -> None:
        """After each step of the optimizer.

        Args:
            epoch: from 1.
            step: in it, from 1.
            steps: of an epoch.
        """

    def on_epoch(self, row: Mapping[str, float]) -> None:
        """After each epoch, once its row of the metrics is on disk.

        Args:
            row: ``epoch`` (from 1), ``train_loss``, ``validate_loss``, ``lr``, ``seconds``, and
                what the kind of training measures, such as ``validate_accuracy``.
        """

    def on_end(self) -> None:
        """When no more comes, also after an error."""


class Calling(Callback):
    """Two functions as a callback.

    Args:
        epoch: in place of `on_epoch`.
        step: in place of `on_step`.
    """

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


PROJECT = "speechlrp"


class TensorBoard(Callback):
    """Event files, for ``tensorboard --logdir outputs``.

    Args:
        folder: where they go.
        name: of the run; TensorBoard shows the folder's.
        settings: of the training.

    Raises:
        SpeechLRPError: tensorboard is not installed.
    """

    def __init__(self, folder: Path, name: str, settings: Mapping[str, Any]) -> None:
        with _installed("tensorboard"):
            from torch.utils.tensorboard import SummaryWriter
        self._folder, self._writer_class = folder, SummaryWriter
        self._text = "\n".join(f"    {key}: {value}" for key, value in settings.items())

    def on_start(self, epoch: int, epochs: int) -> None:
        """See `Callback`."""
        self._writer = self._writer_class(str(self._folder), purge_step=epoch + 1)
        if epoch == 0:
            self._writer.add_text("settings", self._text)

    def on_epoch(self, row: Mapping[str, float]) -> None:
        """See `Callback`."""
        for key, value in _measured(row):
            self._writer.add_scalar(key, value, int(row["epoch"]))

    def on_end(self) -> None:
        """See `Callback`."""
        self._writer.close()


class MLflow(Callback):
    """A run of MLflow, in ``mlflow.db`` in the folder or at ``MLFLOW_TRACKING_URI``.

    Arguments as of `TensorBoard`; a training that goes on after a kill is another run.

    Raises:
        SpeechLRPError: mlflow is not installed.
    """

    def __init__(self, folder: Path, name: str, settings: Mapping[str, Any]) -> None:
        with _installed("mlflow"):
            from mlflow.tracking import MlflowClient
        self._client_class, self._folder = MlflowClient, folder.resolve()
        self._name, self._settings = name, settings

    def on_start(self, epoch: int, epochs: int) -> None:
        """See `Callback`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        local = f"sqlite:///{self._folder / 'mlflow.db'}"
        self._client = self._client_class(os.environ.get("MLFLOW_TRACKING_URI") or local)
        experiment = self._client.get_experiment_by_name(PROJECT)
        number = experiment.experiment_id if experiment else self._client.create_experiment(PROJECT)
        self._run = self._client.create_run(number, run_name=self._name).info.run_id
        for key, value in self._settings.items():
            self._client.log_param(self._run, key, value)

    def on_epoch(self, row: Mapping[str, float]) -> None:
        """See `Callback`."""
        for key, value in _measured(row):
            self._client.log_metric(self._run, key, value, step=int(row["epoch"]))

    def on_end(self) -> None:
        """See `Callback`."""
        self._client.set_terminated(self._run)


class WandB(Callback):
    """A run of Weights & Biases, offline in the folder unless ``WANDB_MODE`` says otherwise.

    ``wandb sync FOLDER/wandb/offline-run-...`` sends it. Arguments as of `TensorBoard`.

    Raises:
        SpeechLRPError: wandb is not installed.
    """

    def __init__(self, folder: Path, name: str, settings: Mapping[str, Any]) -> None:
        with _installed("wandb"):
            import wandb
        self._wandb, self._folder, self._name, self._settings = wandb, folder, name, settings

    def on_start(self, epoch: int, epochs: int) -> None:
        """See `Callback`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._run = self._wandb.init(
            project=PROJECT,
            name=self._name,
            dir=self._folder,
            config=dict(self._settings),
            mode=os.environ.get("WANDB_MODE", "offline"),
        )

    def on_epoch(self, row: Mapping[str, float]) -> None:
        """See `Callback`."""
        self._run.log(dict(_measured(row)), step=int(row["epoch"]))

    def on_end(self) -> None:
        """See `Callback`."""
        self._run.finish()


def _measured(row: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    return ((key, float(value)) for key, value in row.items() if key != "epoch")


@contextmanager
def _installed(package: str) -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise SpeechLRPError(
            f"trainer.logger={package} needs {package}, which cannot be imported ({error}); "
            f"install it with `pip install 'speechlrp[{package}]'`"
        ) from error
