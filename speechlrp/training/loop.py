"""The training of a classifier, see `run` for what every training does.

Shapes: B examples of a batch, 1 channel, F frequency bins, T time steps, K classes.
"""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import pandas as pd
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.training.epochs import Run
from speechlrp.training.loaders import Batch, Batches, PlannedBatches
from speechlrp.training.losses import RegionPenalty, aam, losses
from speechlrp.training.plan import Part
from speechlrp.training.prediction import autocast, layout, predict
from speechlrp.training.recipe import TrainSettings


def fit(
    model: nn.Module,
    train: PlannedBatches,
    validate: Batches,
    settings: TrainSettings,
    folder: Path,
    device: torch.device,
    *,
    meta: Mapping[str, Any],
    penalty: RegionPenalty | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Train a model; called again after a kill, go on from the last saved epoch.

    Writes into `folder`: ``metrics.csv`` after each epoch, ``best.safetensors`` and
    ``best.json`` (highest validation accuracy, then lowest loss; the earliest),
    ``state.pt`` (to go on from), and at the end ``last.safetensors`` and
    ``last.json``; the state is then a few numbers. On a CPU, the same seed and the
    same number of threads give the same bytes, whether the run was killed in
    between or not: the order and the dropout of an epoch are seeded from the seed
    and the epoch's number. Several processes take the steps of one whose batches are as
    many times as large, but for batch norm: each normalises its own part of a batch, and
    the leader's statistics are kept.

    Args:
        model: [B, 1, F, T] -> logits [B, K]; moved to `device`. Afterwards it holds
            the last weights.
        train: shuffled batches.
        validate: batches in order.
        settings: the recipe.
        folder: where the files go; made if need be.
        device: where to compute.
        meta: what `load_model` needs: model, kwargs, classes, input_scale, features.
        penalty: is added to the loss of every training example.
        options: of `Run`: ``callbacks``, ``save_seconds``, ``ranks``.

    Returns:
        The metrics, one row an epoch: epoch, train_loss, train_accuracy (both with
        dropout, while training), validate_loss, validate_accuracy, lr (of the last
        step), seconds (wall time since the epoch before it ended, saving included),
        model_seconds (of those, the model's forward, backward and step, in training
        and validation).

    Raises:
        SpeechLRPError: a loss that is not finite; a state that is damaged or of
            another training; the loss ``"aam"`` for a model that gives no cosines.
        ValueError: batches whose size is not that of the settings.
    """
    _check(train, validate, settings, meta)
    if settings.loss == "aam" and getattr(model, "scale", None) is None:
        raise SpeechLRPError(
            f"loss aam needs a model whose outputs are cosines; {meta['model']} gives others: "
            "use model=resnet34_aam, or trainer.loss=cross_entropy"
        )
    run = _Run(
        # torch's stubs of Module.to lack memory_format
        model.to(memory_format=layout(settings.channels_last)),  # type: ignore[call-overload]
        train,
        validate,
        settings,
        folder,
        device,
        meta={**meta, "loss": settings.loss},
        steps=settings.epochs * len(train),
        **options,
    )
    run.penalty = penalty
    return run.complete()


class _Run(Run):
    """The training of a classifier under way; see `fit` for the arguments."""

    settings: TrainSettings
    penalty: RegionPenalty | None

    def train_epoch(self) -> dict[str, float]:
        """See `Run`."""
        self.model.train()
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        correct = torch.zeros((), dtype=torch.int64, device=self.device)
        number = 0
        batches = self.train.epoch(self.epoch, self.device)
        for batch, part in zip(batches, self.train.plan.parts(), strict=True):
            with self.clock:
                each, logits = self._train_step(batch, part)
            loss += each.sum()
            correct += (logits.argmax(dim=1) == batch.labels).sum()
            if not part.last:
                continue
            number += 1
            self.stepped(loss, number, len(self.train))
        self.check_finite(loss.item(), "training")
        total, right = self.ranks.total([loss.item(), correct.item()])
        n = self.train.examples
        return {"train_loss": total / n, "train_accuracy": right / n}

    def _train_step(self, batch: Batch, part: Part) -> tuple[torch.Tensor, torch.Tensor]:
        inputs = batch.inputs.to(memory_format=layout(self.settings.channels_last))
        inputs.requires_grad_(self.penalty is not None)
        alone = self.ranks.ranks == 1 or part.last  # gradients are exchanged once a step
        with nullcontext() if alone else self.spread.no_sync():
            with autocast(self.device, self.settings.precision):
                logits = self.spread(inputs)
            each = self._losses(logits, batch.labels)
            if self.penalty:
                each = each + self.penalty(inputs, logits, batch.labels, batch.rows)
            # DistributedDataParallel averages over processes, so each weighs its mean by its
            # part of the step: the step then is the mean over all its examples.
            share = len(each) * self.ranks.ranks / part.examples
            self.descend(each.mean() if share == 1 else each.mean() * share, part.last)
        return each.detach(), logits.detach()

    def _losses(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if self.settings.loss != "aam":
            return losses(self.settings.loss, logits, labels)
        rise = (
            min(1.0, self.step / self.settings.margin_warmup) if self.settings.margin_warmup else 1
        )
        scale = cast(float, self.model.scale)
        return aam(logits, labels, scale, rise * self.settings.margin)

    def validate_epoch(self) -> dict[str, float]:
        """See `Run`."""
        self.ranks.align(self.model)
        precision, channels_last = self.settings.precision, self.settings.channels_last
        outputs = predict(
            self.model,
            self.validate,
            self.device,
            precision=precision,
            channels_last=channels_last,
            clock=self.clock,
        )
        loss = losses(self.settings.loss, outputs.logits, outputs.labels).double().sum().item()
        right = (outputs.logits.argmax(dim=1) == outputs.labels).sum().item()
        n = self.validate.examples
        loss, right = (value / n for value in self.ranks.total([loss, right]))
        self.check_finite(loss, "validation")
        return {"validate_loss": loss, "validate_accuracy": right}

    def rank(self, row: Mapping[str, float]) -> tuple[float, float]:
        """Highest accuracy, then lowest loss."""
        return row["validate_accuracy"], -row["validate_loss"]


def _check(
    train: PlannedBatches, validate: Batches, settings: TrainSettings, meta: Mapping[str, Any]
) -> None:
    if train.plan.batch_size != settings.batch_size:
        raise ValueError(f"batches of {train.plan.batch_size}, settings say {settings.batch_size}")
    known = len(meta["classes"])
    highest = max(train.labels.max(), validate.labels.max())
    lowest = min(train.labels.min(), validate.labels.min())
    if lowest < 0 or highest >= known:
        raise SpeechLRPError(
            f"labels {lowest}..{highest} for {known} classes; "
            "make the features again with `speechlrp preprocess --force`"
        )
