"""What a training is told."""

from __future__ import annotations

from dataclasses import dataclass

from speechlrp.errors import SpeechLRPError, unknown

CHOICES = {
    "loss": ("bce", "cross_entropy"),
    "optimizer": ("sgd", "adam", "adamw"),
    "schedule": ("constant", "cosine", "step", "onecycle"),
    "precision": ("float32", "bf16"),
}


@dataclass(frozen=True)
class TrainSettings:
    """The recipe of a training; the defaults are T's (T 6.1).

    Attributes:
        epochs: passes over the training examples.
        batch_size: examples a step.
        loss: ``"bce"`` (binary cross-entropy with logits on one-hot targets, mean
            over classes and examples; T) or ``"cross_entropy"`` (Becker et al.).
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
        seed: of the order of the examples and of dropout, 0 or more.
        channels_last: keep images channel by channel innermost; faster on some hardware.

    Raises:
        SpeechLRPError: an unknown choice or a number out of range.
    """

    epochs: int = 200
    batch_size: int = 50
    loss: str = "bce"
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
    channels_last: bool = False

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise unknown(name, getattr(self, name), known)
        lowest = {"epochs": 1, "batch_size": 1, "schedule_step": 1}
        zero = ("momentum", "weight_decay", "warmup", "clip", "seed")
        for name, least in {**lowest, **dict.fromkeys(zero, 0)}.items():
            if not getattr(self, name) >= least:
                raise SpeechLRPError(f"{name} is {getattr(self, name)}; it must be {least} or more")
        if not self.lr > 0:
            raise SpeechLRPError(f"lr is {self.lr}; it must be above 0")
