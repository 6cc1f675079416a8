"""The training of a classifier, see `run` for what every training does.

Shapes: B examples of a batch, 1 channel, F frequency bins, T time steps, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.training.loaders import Batch, Batches
from speechlrp.training.losses import losses
from speechlrp.training.prediction import autocast, layout, predict
from speechlrp.training.run import OnEpoch, OnStep, Run
from speechlrp.training.settings import TrainSettings
from speechlrp.training.state import identity


def fit(
    model: nn.Module,
    train: Batches,
    validate: Batches,
    settings: TrainSettings,
    folder: Path,
    device: torch.device,
    *,
    meta: Mapping[str, Any],
    on_epoch: OnEpoch | None = None,
    on_step: OnStep | None = None,
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
    _check(train, validate, settings, meta)
    options = {"meta": meta, "on_step": on_step, "save_seconds": save_seconds}
    return _Run(model, train, validate, settings, folder, device, **options).complete(on_epoch)


class _Run(Run):
    """The training of a classifier under way; see `fit` for the arguments."""

    settings: TrainSettings

    def __init__(
        self,
        model: nn.Module,
        train: Batches,
        validate: Batches,
        settings: TrainSettings,
        folder: Path,
        device: torch.device,
        *,
        meta: Mapping[str, Any],
        **options: Any,
    ) -> None:
        self.train, self.validate = train, validate
        model = model.to(memory_format=layout(settings.channels_last))
        about = {"meta": {**meta, "loss": settings.loss}, **options}
        about["identity"] = identity(settings, train, validate, dict(meta))
        about["steps"] = settings.epochs * len(train)
        super().__init__(model, settings, folder, device, **about)

    def train_epoch(self) -> dict[str, float]:
        """See `Run`."""
        self.model.train()
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        for number, batch in enumerate(self.train.epoch(self.epoch, self.device), start=1):
            with self.clock:
                each, logits = self._train_step(batch)
            loss += each.sum()
            correct += (logits.argmax(dim=1) == batch.labels).sum()
            if self.check_now(number):
                self.check_finite(loss.item(), "training")
            self.on_step(self.epoch + 1, number, len(self.train))
        self.check_finite(loss.item(), "training")
        n = self.train.examples
        return {"train_loss": loss.item() / n, "train_accuracy": correct.item() / n}

    def _train_step(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = batch.inputs.to(memory_format=layout(self.settings.channels_last))
        with autocast(self.device, self.settings.precision):
            logits = self.model(inputs)
        each = losses(self.settings.loss, logits, batch.labels)
        self.descend(each.mean())
        return each.detach(), logits.detach()

    def validate_epoch(self) -> dict[str, float]:
        """See `Run`."""
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
        self.check_finite(loss, "validation")
        right = (outputs.logits.argmax(dim=1) == outputs.labels).double().mean().item()
        return {"validate_loss": loss, "validate_accuracy": right}

    def rank(self, row: Mapping[str, float]) -> tuple[float, float]:
        """Highest accuracy, then lowest loss."""
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
