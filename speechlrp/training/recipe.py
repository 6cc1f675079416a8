"""What a training is told."""

from __future__ import annotations

import math
from dataclasses import dataclass

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.training.spec_augment import SpecAugment

CHOICES = {
    "loss": ("bce", "cross_entropy", "aam"),
    "optimizer": ("sgd", "adam", "adamw"),
    "schedule": ("constant", "cosine", "step", "onecycle"),
    "precision": ("float32", "bf16"),
}
LEAST = dict.fromkeys(("epochs", "batch_size", "accumulate", "schedule_step", "max_frames"), 1)
LEAST |= dict.fromkeys(("momentum", "weight_decay", "warmup", "clip", "seed"), 0)
LEAST |= dict.fromkeys(("max_utterances", "jitter", "margin", "margin_warmup"), 0)


@dataclass(frozen=True)
class Recipe:
    """What every training is told; the defaults are T's (T 6.1).

    Attributes:
        epochs: passes over the training examples.
        optimizer: ``"sgd"``, ``"adam"`` or ``"adamw"``.
        lr: the learning rate; the highest one where a schedule changes it.
        momentum: of ``"sgd"``; the others keep torch's betas.
        weight_decay: L2 penalty (``"adamw"``: decoupled).
        schedule: ``"constant"``; ``"cosine"`` falls to 0; ``"step"`` halves;
            ``"onecycle"`` rises and falls (see `schedules.factor`).
        schedule_step: steps between halvings (Becker et al.: 2,500).
        warmup: steps of linear rise; for ``"onecycle"`` the steps up to the peak,
            0 meaning 30 % of all.
        clip: highest norm of the gradient, 0 for none (Becker et al.: 5).
        precision: ``"float32"``, or ``"bf16"`` for autocast on CPU and CUDA.
        seed: of the order of the examples and of what is drawn, 0 or more.

    Raises:
        SpeechLRPError: an unknown choice or a number out of range.
    """

    epochs: int = 200
    optimizer: str = "sgd"
    lr: float = 1e-4
    momentum: float = 0.9
    weight_decay: float = 0.0
    schedule: str = "constant"
    schedule_step: int = 2500
    warmup: int = 0
    clip: float = 0.0
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name, known[0]) not in known:
                raise unknown(name, getattr(self, name), known)
        for name, least in LEAST.items():
            if not least <= getattr(self, name, least) < math.inf:
                value = getattr(self, name)
                raise SpeechLRPError(f"{name} is {value}; it must be {least} or more, and finite")
        if not 0 < self.lr < math.inf:
            raise SpeechLRPError(f"lr is {self.lr}; it must be above 0 and finite")


@dataclass(frozen=True)
class TrainSettings(Recipe):
    """The recipe of a classifier.

    Attributes:
        batch_size: examples a step, of each process.
        loss: ``"bce"`` (binary cross-entropy with logits on one-hot targets, mean
            over classes and examples; T), ``"cross_entropy"`` (Becker et al.), or
            ``"aam"``, additive angular margin (see `losses.aam`), for models of cosines.
        channels_last: keep images channel by channel innermost; faster on some hardware.
        accumulate: batches a step, so that the step sees as many times more examples.
        margin: of ``"aam"``, in radians.
        margin_warmup: steps in which the margin rises from 0.
    """

    batch_size: int = 50
    loss: str = "bce"
    channels_last: bool = False
    accumulate: int = 1
    margin: float = 0.2
    margin_warmup: int = 0


@dataclass(frozen=True)
class LetterSettings(Recipe):
    """The recipe of a recogniser of letters.

    Attributes:
        max_frames: most frames of a batch, padding included.
        max_utterances: most utterances of a batch; 0 for no limit (K: 64).
        jitter: how far lengths are stretched before they are sorted; see `Buckets`.
        spec_augment: masks on the training inputs, None for none.
    """

    max_frames: int = 100_000
    max_utterances: int = 64
    jitter: float = 0.1
    spec_augment: SpecAugment | None = None
