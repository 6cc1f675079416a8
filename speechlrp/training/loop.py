"""The training loop: epochs, the best model, and going on after a kill.

Shapes: B examples of a batch, 1 channel, F frequency bins, T time steps, K classes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from speechlrp.artifacts.atomic import write_csv
from speechlrp.errors import SpeechLRPError
from speechlrp.training.checkpoint import BEST, LAST, read_weights, save_weights, writing
from speechlrp.training.clock import ModelClock
from speechlrp.training.loaders import Batch, Batches
from speechlrp.training.losses import losses
from speechlrp.training.prediction import autocast, layout, predict
from speechlrp.training.schedules import build_optimizer, factor, set_lr
from speechlrp.training.seeding import NOISE, derive, seed_everything
from speechlrp.training.settings import TrainSettings
from speechlrp.training.state import STATE, identity, load_state, save_state

METRICS = "metrics.csv"
SAVE_RARELY = 50  # times what the last save took, between two saves
CHECK_EVERY = 100  # steps between looks at the loss on a GPU, where a look waits for it


def fit(
    model: nn.Module,
    train: Batches,
    validate: Batches,
    settings: TrainSettings,
    folder: Path,
    device: torch.device,
    *,
    meta: Mapping[str, Any],
    on_epoch: Callable[[dict[str, float]], None] | None = None,
    on_step: Callable[[int, int, int], None] | None = None,
    save_seconds: float | None = None,
) -> pd.DataFrame:
    """Train a model; called again after a kill, go on from the last saved epoch.

    Writes into `folder`: ``metrics.csv`` after each epoch, ``best.safetensors`` and
    ``best.json`` (highest validation accuracy, then lowest loss; the earliest),
    ``state.pt`` (to go on from), and at the end ``last.safetensors`` and
    ``last.json``; the state is then a few numbers. On a CPU, the same seed and the
    same number of threads give the same bytes, whether the run was killed in
    between or not: the order and the dropout of an epoch are seeded from the seed
    and the epoch's number.

    Args:
        model: [B, 1, F, T] -> logits [B, K]; moved to `device`. Afterwards it holds
            the last weights.
        train: shuffled batches.
        validate: batches in order.
        settings: the recipe.
        folder: where the files go; made if need be.
        device: where to compute.
        meta: what `load_model` needs: model, kwargs, classes, input_scale, features.
        on_epoch: called with each new row of the metrics, once it is on disk.
        on_step: called with the epoch (from 1), the step in it (from 1) and the
            number of steps an epoch.
        save_seconds: the least time between two saves; a kill loses at most so much
            and one epoch. 0 saves after every epoch; by default it is 50 times what
            the last save took, so that saving costs 2 % (seconds for a small model,
            two minutes for AlexNet's 700 MB).

    Returns:
        The metrics, one row an epoch: epoch, train_loss, train_accuracy (both with
        dropout, while training), validate_loss, validate_accuracy, lr (of the last
        step), seconds (wall time since the epoch before it ended, saving included),
        model_seconds (of those, the model's forward, backward and step, in training
        and validation).

    Raises:
        SpeechLRPError: a loss that is not finite; a state that is damaged or of
            another training; files that cannot be written.
        ValueError: batches whose size is not that of the settings.
    """
    run = _Run(model, train, validate, settings, folder, device, meta, save_seconds)
    run.on_step = on_step or run.on_step
    run.resume()
    while run.epoch < settings.epochs:
        row = run.next_epoch()
        if on_epoch:
            on_epoch(row)
    return pd.DataFrame(run.metrics)


class _Run:
    """A training under way; see `fit` for the arguments."""

    def __init__(
        self,
        model: nn.Module,
        train: Batches,
        validate: Batches,
        settings: TrainSettings,
        folder: Path,
        device: torch.device,
        meta: Mapping[str, Any],
        save_seconds: float | None,
    ) -> None:
        _check(train, validate, settings, meta)
        self.settings, self.folder, self.device, self.meta = settings, folder, device, meta
        self.train, self.validate = train, validate
        self.model = model.to(device=device, memory_format=layout(settings.channels_last))
        self.optimizer = build_optimizer(model, settings)
        self.clock = ModelClock(device)
        self.identity = identity(settings, train, validate, dict(meta))
        self.epoch = self.step = 0
        self.metrics: list[dict[str, float]] = []
        self.best: dict[str, float] | None = None
        self.unsaved_best: dict[str, torch.Tensor] | None = None
        self.on_step: Callable[[int, int, int], None] = lambda epoch, step, steps: None
        self.save_seconds = 0.0 if save_seconds is None else save_seconds
        self.adaptive = save_seconds is None
        self.saved = self.ended = time.perf_counter()

    def resume(self) -> None:
        """Take up the state of an earlier call, where there is one."""
        for left in self.folder.glob(".*.partial"):  # what a kill cut off
            left.unlink()
        state = load_state(self.folder / STATE, self.identity)
        if state is None:
            return
        if state["epoch"] == self.settings.epochs:
            self.model.load_state_dict(read_weights(self.folder / LAST)[1])
        else:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.step = state["epoch"], state["step"]
        self.best, self.metrics = state["best"], state["metrics"]
        self._write_metrics()

    def next_epoch(self) -> dict[str, float]:
        """Train and validate for one epoch and put it on disk."""
        with seed_everything(derive(self.settings.seed, self.epoch, NOISE)):
            trained = self._train_epoch()
            validated = self._validate_epoch()
        self.epoch += 1
        row = {"epoch": self.epoch, **trained, **validated, "lr": self._lr(self.step - 1)}
        now = time.perf_counter()
        row |= {"seconds": now - self.ended, "model_seconds": self.clock.seconds()}
        self.ended = now
        self.metrics.append(row)
        self._keep(row)
        self._write_metrics()
        return row

    def _train_epoch(self) -> dict[str, float]:
        self.model.train()
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        every = 1 if self.device.type == "cpu" else CHECK_EVERY
        for number, batch in enumerate(self.train.epoch(self.epoch, self.device), start=1):
            with self.clock:
                each, logits = self._train_step(batch)
            loss += each.sum()
            correct += (logits.argmax(dim=1) == batch.labels).sum()
            if number % every == 0:
                self._check_finite(loss.item(), "training")
            self.on_step(self.epoch + 1, number, len(self.train))
        self._check_finite(loss.item(), "training")
        n = self.train.examples
        return {"train_loss": loss.item() / n, "train_accuracy": correct.item() / n}

    def _train_step(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        set_lr(self.optimizer, self._lr(self.step))
        inputs = batch.inputs.to(memory_format=layout(self.settings.channels_last))
        with autocast(self.device, self.settings.precision):
            logits = self.model(inputs)
        each = losses(self.settings.loss, logits, batch.labels)
        self.optimizer.zero_grad(set_to_none=True)
        each.mean().backward()
        if self.settings.clip:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.optimizer.step()
        self.step += 1
        return each.detach(), logits.detach()

    def _validate_epoch(self) -> dict[str, float]:
        precision, channels_last = self.settings.precision, self.settings.channels_last
        outputs = predict(
            self.model,
            self.validate,
            self.device,
            precision=precision,
            channels_last=channels_last,
            clock=self.clock,
        )
        loss = losses(self.settings.loss, outputs.logits, outputs.labels).double().mean().item()
        self._check_finite(loss, "validation")
        right = (outputs.logits.argmax(dim=1) == outputs.labels).double().mean().item()
        return {"validate_loss": loss, "validate_accuracy": right}

    def _keep(self, row: dict[str, float]) -> None:
        """Note the best model and save, now or once enough time has passed."""
        due = time.perf_counter() - self.saved >= self.save_seconds
        due = due or self.epoch == self.settings.epochs
        if self.best is None or _rank(row) > _rank(self.best):
            self.best, weights = dict(row), self.model.state_dict()
            self.unsaved_best = weights if due else {k: v.clone() for k, v in weights.items()}
        if due:
            self._save()

    def _save(self) -> None:
        started = time.perf_counter()
        state = {"epoch": self.epoch, "step": self.step, "best": self.best}
        state |= {"metrics": self.metrics, "identity": self.identity, "model": {}, "optimizer": {}}
        if self.unsaved_best is not None:
            self._save_weights(BEST, self.unsaved_best, self.best)
            self.unsaved_best = None
        if self.epoch == self.settings.epochs:
            self._save_weights(LAST, self.model.state_dict(), self.metrics[-1])
        else:
            state["model"] = self.model.state_dict()
            state["optimizer"] = self.optimizer.state_dict()
        save_state(self.folder / STATE, state)  # last: it must not name weights that are not there
        self.saved = time.perf_counter()
        if self.adaptive:
            self.save_seconds = SAVE_RARELY * (self.saved - started)

    def _save_weights(
        self, name: str, weights: Mapping[str, torch.Tensor], row: Mapping[str, float]
    ) -> None:
        which = {key: row[key] for key in ("epoch", "validate_accuracy", "validate_loss")}
        meta = {**self.meta, **which, "loss": self.settings.loss}
        save_weights(self.folder / name, weights, meta)

    def _write_metrics(self) -> None:
        with writing(self.folder / METRICS):
            write_csv(self.folder / METRICS, pd.DataFrame(self.metrics))

    def _lr(self, step: int) -> float:
        steps = self.settings.epochs * len(self.train)
        return self.settings.lr * factor(self.settings, step, steps)

    def _check_finite(self, loss: float, what: str) -> None:
        if not math.isfinite(loss):
            raise SpeechLRPError(
                f"the {what} loss is {loss} in epoch {self.epoch + 1} (step {self.step}, learning "
                f"rate {self._lr(self.step - 1):g}); use a lower lr, such as "
                f"{self.settings.lr / 10:g}, or check the features for numbers that are not finite"
            )


def _rank(row: Mapping[str, float]) -> tuple[float, float]:
    return row["validate_accuracy"], -row["validate_loss"]


def _check(
    train: Batches, validate: Batches, settings: TrainSettings, meta: Mapping[str, Any]
) -> None:
    if train.batch_size != settings.batch_size:
        raise ValueError(f"batches of {train.batch_size}, settings say {settings.batch_size}")
    known = len(meta["classes"])
    highest = max(train.labels.max(), validate.labels.max())
    lowest = min(train.labels.min(), validate.labels.min())
    if lowest < 0 or highest >= known:
        raise SpeechLRPError(
            f"labels {lowest}..{highest} for {known} classes; "
            "make the features again with `speechlrp preprocess --force`"
        )
