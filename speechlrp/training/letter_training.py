"""The training of a recogniser of letters by CTC; see `run` for what every training does.

Shapes: B utterances of a batch, F bands, T frames, V symbols, S steps of the output.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, Self

import pandas as pd
import torch
from torch import nn

from speechlrp.errors import SpeechLRPError
from speechlrp.models.wav2letter import Wav2Letter
from speechlrp.training.ctc import CTC, ctc, output_steps
from speechlrp.training.epochs import Run
from speechlrp.training.prediction import autocast
from speechlrp.training.recipe import LetterSettings
from speechlrp.training.utterance_batches import LetterBatch, LetterBatches


class Errors(Protocol):
    """Counted errors that can be added; see `letters.error_rates.ErrorCounts`."""

    @property
    def letter_error_rate(self) -> float:
        """Of all letters said, how many are wrong, missing or too many."""

    @property
    def word_error_rate(self) -> float:
        """The same of words."""

    def __add__(self, other: Self) -> Self: ...

    def numbers(self) -> list[int]:
        """Give all counts."""

    @classmethod
    def of(cls, numbers: Sequence[float]) -> Self:
        """Make them from sums of `numbers`."""


Judge = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], Errors]
"""From scores `[B, V, S]`, the steps that count `[B]` and rows `[B]` to the errors."""


def fit_letters(
    model: nn.Module,
    train: LetterBatches,
    validate: LetterBatches,
    settings: LetterSettings,
    folder: Path,
    device: torch.device,
    *,
    meta: Mapping[str, Any],
    blank: int,
    judge: Judge,
    nothing: Errors,
    **options: Any,
) -> pd.DataFrame:
    """Train a recogniser; called again after a kill, go on from the last saved epoch.

    The loss of a batch is the mean over its utterances of nats per symbol. Files and
    repeatability are those of `loop.fit`; the best epoch is that of the lowest letter
    error rate on validation, then of the lowest loss. An utterance's scores at its end
    depend a little on how much longer the others of its batch are, since zeros follow
    its input and not its hidden layers. Several processes take the steps of one whose
    batches are as many times as large, but for batch norm: each normalises its own part
    of a batch, and the leader's statistics are kept.

    Args:
        model: `[B, F, T]` -> logits `[B, V, S]`, with `stride`, `padding` and
            `receptive_field` as `Wav2Letter` has them; moved to `device`.
        train: shuffled batches.
        validate: batches in order, of every utterance.
        settings: the recipe.
        folder: where the files go; made if need be.
        device: where to compute.
        meta: as in `loop.fit`.
        blank: CTC's symbol for nothing.
        judge: counts what is recognised wrongly.
        nothing: such a count of no utterances.
        options: of `Run`: ``callbacks``, ``save_seconds``, ``ranks``.

    Returns:
        The metrics, one row an epoch: epoch, train_loss, validate_loss (nats per symbol),
        validate_letter_error_rate, validate_word_error_rate, too_short (utterances that
        have not enough steps for their transcript and were left out), lr, seconds,
        model_seconds.

    Raises:
        SpeechLRPError: a loss that is not finite, no utterance that is long enough for
            its transcript, or a state that is damaged or of another training.
    """
    return _Run(
        model,
        train,
        validate,
        settings,
        folder,
        device,
        meta=meta,
        steps=sum(train.steps(epoch) for epoch in range(settings.epochs)),
        blank=blank,
        judge=judge,
        nothing=nothing,
        **options,
    ).complete()


class _Run(Run):
    """The training of a recogniser under way; see `fit_letters` for the arguments."""

    model: Wav2Letter  # or another with its stride, padding and receptive_field
    settings: LetterSettings

    def __init__(
        self, *args: Any, blank: int, judge: Judge, nothing: Errors, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.blank, self.judge, self.nothing = blank, judge, nothing

    def train_epoch(self) -> dict[str, float]:
        """See `Run`."""
        self.model.train()
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        used, seen, steps = 0, 0, self.train.steps(self.epoch)
        for number, batch in enumerate(self.train.epoch(self.epoch, self.device), start=1):
            with self.clock:
                each, usable = self._train_step(batch)
            loss += each.sum()
            used, seen = used + usable, seen + len(each)
            self.stepped(loss, number, steps)
        self.check_finite(loss.item(), "training")
        total, all_used, all_seen = self.ranks.total([loss.item(), used, seen])
        _check_used(all_used, all_seen, "training")
        return {"train_loss": total / all_used, "too_short": int(all_seen - all_used)}

    def _train_step(self, batch: LetterBatch) -> tuple[torch.Tensor, int]:
        inputs = batch.inputs
        if self.settings.spec_augment:
            masks = self.settings.spec_augment
            inputs = masks(inputs, batch.frames, batch.rows, epoch=self.epoch)
        _, loss = self._forward(self.spread, batch, inputs)
        each, usable = _per_symbol(loss, batch), int(loss.usable.sum())
        # Of all processes: each may have another number of utterances that are long enough, and
        # the mean over processes of their own means would weigh them differently.
        (all_usable,) = self.ranks.total([usable])
        self.descend(each.sum() * self.ranks.ranks / max(1, all_usable))
        return each.detach(), usable

    @torch.inference_mode()
    def validate_epoch(self) -> dict[str, float]:
        """See `Run`."""
        self.ranks.align(self.model)
        self.model.eval()
        total, used, errors = 0.0, 0.0, self.nothing
        for batch in self.validate.epoch(0, self.device):
            with self.clock:
                scores, loss = self._forward(self.model, batch, batch.inputs)
            total += _per_symbol(loss, batch).double().sum().item()
            used += int(loss.usable.sum())
            errors += self.judge(scores, self._steps(batch), batch.rows)
        total, used, *counts = self.ranks.total([total, used, *errors.numbers()])
        errors = type(errors).of(counts)
        _check_used(used, self.validate.examples, "validation")
        self.check_finite(total, "validation")
        return {
            "validate_loss": total / used,
            "validate_letter_error_rate": errors.letter_error_rate,
            "validate_word_error_rate": errors.word_error_rate,
        }

    def _forward(
        self, model: nn.Module, batch: LetterBatch, inputs: torch.Tensor
    ) -> tuple[torch.Tensor, CTC]:
        with autocast(self.device, self.settings.precision):
            scores = model(inputs)
        steps = self._steps(batch)
        return scores, ctc(scores, steps, batch.targets, batch.lengths, blank=self.blank)

    def _steps(self, batch: LetterBatch) -> torch.Tensor:
        model = self.model
        return output_steps(
            batch.frames,
            stride=model.stride,
            padding=model.padding,
            receptive_field=model.receptive_field,
        )

    def rank(self, row: Mapping[str, float]) -> tuple[float, float]:
        """Lowest letter error rate, then lowest loss."""
        return -row["validate_letter_error_rate"], -row["validate_loss"]


def _per_symbol(loss: CTC, batch: LetterBatch) -> torch.Tensor:
    """The losses in nats per symbol, `[B]`."""
    return loss.losses / batch.lengths.clamp(min=1).to(loss.losses.device)


def _check_used(used: float, seen: float, what: str) -> None:
    if not used:
        raise SpeechLRPError(
            f"all {seen:.0f} {what} utterances are shorter than their transcripts; are the "
            "transcripts those of these recordings?"
        )
