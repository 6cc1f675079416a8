"""What every training does: epochs, the best model, and going on after a kill."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from speechlrp.artifacts.atomic import need_space, write_csv
from speechlrp.errors import SpeechLRPError
from speechlrp.training.callbacks import Callback
from speechlrp.training.checkpoint import BEST, LAST, read_weights, save_weights
from speechlrp.training.prediction import ModelClock
from speechlrp.training.ranks import ALONE, Ranks
from speechlrp.training.recipe import Recipe, build_optimizer, factor, set_lr
from speechlrp.training.seeding import NOISE, derive, seed_everything
from speechlrp.training.state import (
    STATE,
    check_optimizer,
    going_on,
    identity,
    load_state,
    save_state,
)
from speechlrp.training.tensor_files import check_finite

METRICS = "metrics.csv"
SAVE_RARELY = 50  # times what the last save took, between two saves
CHECK_EVERY = 100  # steps between looks at the loss on a GPU, where a look waits for it


class Run(ABC):
    """A training under way.

    What it trains, and how that is measured, a subclass says: `train_epoch`,
    `validate_epoch` and `rank`.

    Args:
        model: moved to `device`.
        train: batches of every epoch.
        validate: the same.
        settings: the recipe.
        folder: where the files go; made if need be.
        device: where to compute.
        meta: what `load_model` needs, written beside the weights. With the recipe and the data
            it decides the result: a state of others is refused.
        steps: of the whole training.
        callbacks: called by the leader.
        save_seconds: the least time between two saves; a kill loses at most so much
            and one epoch. 0 saves after every epoch; None: 50 times what the last save took,
            so that saving costs 2 % (seconds for a small model, two minutes for AlexNet's
            700 MB).
        ranks: the processes that share the training, whose batches are those of this one; the
            leader alone writes.
    """

    def __init__(
        self,
        model: nn.Module,
        train: Any,
        validate: Any,
        settings: Recipe,
        folder: Path,
        device: torch.device,
        *,
        meta: Mapping[str, Any],
        steps: int,
        callbacks: Sequence[Callback] = (),
        save_seconds: float | None = None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.train, self.validate, self.ranks = train, validate, ranks
        self.settings, self.folder, self.device, self.meta = settings, folder, device, meta
        self.identity = identity(settings, train, validate, dict(meta))
        self.model, self.steps = model.to(device), steps
        self.spread: Any = ranks.spread(self.model)
        self.optimizer = build_optimizer(model, settings)
        self.clock = ModelClock(device)
        self.epoch = self.step = 0
        self.metrics: list[dict[str, float]] = []
        self.best: dict[str, float] | None = None
        self.unsaved_best: dict[str, torch.Tensor] | None = None
        self.callbacks = callbacks if ranks.leader else ()
        self.save_seconds = 0.0 if save_seconds is None else save_seconds
        self.adaptive = save_seconds is None
        self.saved = self.ended = time.perf_counter()

    @abstractmethod
    def train_epoch(self) -> dict[str, float]:
        """Train for one epoch and give columns of the metrics, ``train_loss`` among them."""

    @abstractmethod
    def validate_epoch(self) -> dict[str, float]:
        """Validate and give columns of the metrics, each ``validate_...``."""

    @abstractmethod
    def rank(self, row: Mapping[str, float]) -> tuple[float, ...]:
        """Say how good an epoch was: the highest is the best, the earliest of equal ones."""

    def complete(self) -> pd.DataFrame:
        """Go through all epochs that are left, and give the metrics of all."""
        self.resume()
        if self.ranks.leader and self.epoch < self.settings.epochs:
            self.folder.mkdir(parents=True, exist_ok=True)
            need_space(self.folder, self._bytes())
        with ExitStack() as stack:
            for callback in self.callbacks:
                callback.on_start(self.epoch, self.settings.epochs)
                stack.callback(callback.on_end)
            while self.epoch < self.settings.epochs:
                row = self.next_epoch()
                for callback in self.callbacks:
                    callback.on_epoch(row)
        return pd.DataFrame(self.metrics)

    def _bytes(self) -> int:
        """What the files to come need at the least: the best weights, the last or a state."""
        size = sum(tensor.nbytes for tensor in self.model.state_dict().values())
        moments = bool(self.settings.momentum) if self.settings.optimizer == "sgd" else 2
        state = size * (1 + moments) if self.settings.epochs - self.epoch > 1 else size
        return state if self.epoch else size + state

    def stepped(self, loss: torch.Tensor, step: int, steps: int) -> None:
        """Look at the loss after a step of the epoch, and tell the callbacks.

        Args:
            loss: the sum over the epoch's examples so far: one that is not finite stays so.
            step: in the epoch, from 1.
            steps: of the epoch.
        """
        if step % (1 if self.device.type == "cpu" else CHECK_EVERY) == 0:
            self.check_finite(loss.item(), "training")
        for callback in self.callbacks:
            callback.on_step(self.epoch + 1, step, steps)

    def resume(self) -> None:
        """Take up the state of an earlier call, where there is one."""
        state = load_state(self.folder / STATE, self.identity)
        if state is None:
            return
        if state["epoch"] == self.settings.epochs:
            self.model.load_state_dict(read_weights(self.folder / LAST)[1])
        else:
            with going_on(self.folder / STATE):
                check_finite(state["model"])
                check_optimizer(state["optimizer"], self.optimizer)
                self.model.load_state_dict(state["model"])
                self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.step = state["epoch"], state["step"]
        self.best, self.metrics = state["best"], state["metrics"]
        self._write_metrics()

    def next_epoch(self) -> dict[str, float]:
        """Train and validate for one epoch and put it on disk."""
        with seed_everything(derive(self.settings.seed, self.epoch, NOISE)):
            trained = self.train_epoch()
            validated = self.validate_epoch()
        self.epoch += 1
        row = {"epoch": self.epoch, **trained, **validated, "lr": self._lr(self.step - 1)}
        now = time.perf_counter()
        row |= {"seconds": now - self.ended, "model_seconds": self.clock.seconds()}
        self.ended = now
        self.metrics.append(row)
        self._keep(row)
        self._write_metrics()
        return row

    def descend(self, loss: torch.Tensor, last: bool = True) -> None:
        """Take a step down the gradient of a loss, with the step's learning rate.

        Args:
            loss: a scalar.
            last: False: only add to the gradient, for a later step.
        """
        loss.backward()
        if not last:
            return
        set_lr(self.optimizer, self._lr(self.step))
        if self.settings.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1

    def check_finite(self, loss: float, what: str) -> None:
        """Stop where a loss is not finite.

        Raises:
            SpeechLRPError: names epoch, step and learning rate.
        """
        if not math.isfinite(loss):
            raise SpeechLRPError(
                f"the {what} loss is {loss} in epoch {self.epoch + 1} (step {self.step}, learning "
                f"rate {self._lr(self.step - 1):g}); use trainer.clip=1, or a lower rate: "
                f"trainer.lr={self.settings.lr / 10:g}"
            )

    def _keep(self, row: dict[str, float]) -> None:
        """Note the best model and save, now or once enough time has passed."""
        due = time.perf_counter() - self.saved >= self.save_seconds
        due = self.ranks.leader and (due or self.epoch == self.settings.epochs)
        if self.best is None or self.rank(row) > self.rank(self.best):
            self.best, weights = dict(row), self.model.state_dict()
            self.unsaved_best = weights if due else {k: v.clone() for k, v in weights.items()}
        if due:
            self._save()

    def _save(self) -> None:
        started = time.perf_counter()
        state: dict[str, Any] = {"epoch": self.epoch, "step": self.step, "best": self.best}
        state |= {"metrics": self.metrics, "identity": self.identity, "model": {}, "optimizer": {}}
        if self.best is not None and self.unsaved_best is not None:
            self._save_weights(BEST, self.unsaved_best, self.best)
            self.unsaved_best = None
        if self.epoch == self.settings.epochs:
            self._save_weights(LAST, self.model.state_dict(), self.metrics[-1])
        else:
            state["model"] = self.model.state_dict()
            state["optimizer"] = self.optimizer.state_dict()
        # Last: a kill in between leaves weights that the older state knows nothing of, and they
        # are written again; the other way about, the state would name weights that are not there.
        save_state(self.folder / STATE, state)
        self.saved = time.perf_counter()
        if self.adaptive:
            self.save_seconds = SAVE_RARELY * (self.saved - started)

    def _save_weights(
        self, name: str, weights: Mapping[str, torch.Tensor], row: Mapping[str, float]
    ) -> None:
        which = {key: row[key] for key in row if key == "epoch" or key.startswith("validate_")}
        save_weights(self.folder / name, weights, {**self.meta, **which})

    def _write_metrics(self) -> None:
        if self.ranks.leader:
            write_csv(self.folder / METRICS, pd.DataFrame(self.metrics))

    def _lr(self, step: int) -> float:
        return self.settings.lr * factor(self.settings, step, self.steps)
