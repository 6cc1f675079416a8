"""What a training is told: optimizers, learning rates as a function of the step, and the rest.

A schedule here has no state: the rate follows from the number of the step, so a
run that goes on after a kill needs to know that number only.
"""

import math
from dataclasses import dataclass

import torch
from torch import nn

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.training.spec_augment import SpecAugment

CHOICES = {
    "loss": ("bce", "cross_entropy", "aam"),
    "optimizer": ("sgd", "adam", "adamw"),
    "schedule": ("constant", "cosine", "step", "onecycle"),
    "precision": ("float32", "tf32", "bf16"),
}
LEAST = dict.fromkeys(("epochs", "batch_size", "accumulate", "schedule_step", "max_frames"), 1)
LEAST |= dict.fromkeys(("momentum", "weight_decay", "warmup", "clip", "seed"), 0)
LEAST |= dict.fromkeys(("max_utterances", "jitter", "margin", "margin_warmup"), 0)
MOST_EPOCHS = 1_000_000  # more were meant for something else


@dataclass(frozen=True)
class Recipe:
    """What every training is told; the defaults are T's (T 6.1).

    Raises:
        SpeechLRPError: an unknown choice or a number out of range.
    """

    epochs: int = 200  # passes over the training examples
    optimizer: str = "sgd"  # ``"sgd"``, ``"adam"`` or ``"adamw"``
    lr: float = 1e-4  # the learning rate; the highest one where a schedule changes it
    momentum: float = 0.9  # of ``"sgd"``; the others keep torch's betas
    weight_decay: float = 0.0  # L2 penalty (``"adamw"``: decoupled)
    schedule: str = "constant"
    """``"constant"``; ``"cosine"`` falls to 0; ``"step"`` halves; ``"onecycle"`` rises and falls
    (see `schedules.factor`)."""
    schedule_step: int = 2500  # steps between halvings (Becker et al.: 2,500)
    warmup: int = 0
    """Steps of linear rise; for ``"onecycle"`` the steps up to the peak, 0 meaning 30 % of all."""
    clip: float = 0.0  # highest norm of the gradient, 0 for none (Becker et al.: 5)
    precision: str = "float32"  # on a GPU faster, ``"tf32"``; on both ``"bf16"``, autocast
    seed: int = 0  # of the order of the examples and of what is drawn, 0 or more

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name, known[0]) not in known:
                raise unknown(name, getattr(self, name), known)
        for name, least in LEAST.items():
            if not least <= getattr(self, name, least) < math.inf:
                value = getattr(self, name)
                raise SpeechLRPError(f"{name} is {value}; it must be {least} or more, and finite")
        if self.epochs > MOST_EPOCHS:
            raise SpeechLRPError(f"epochs is {self.epochs}; it must be at most {MOST_EPOCHS:,}")
        if not 0 < self.lr < math.inf:
            raise SpeechLRPError(f"lr is {self.lr}; it must be above 0 and finite")


@dataclass(frozen=True)
class TrainSettings(Recipe):
    """The recipe of a classifier."""

    batch_size: int = 50  # examples a step, of each process
    loss: str = "bce"
    """``"bce"`` (binary cross-entropy with logits on one-hot targets, mean over classes and
    examples; T), ``"cross_entropy"`` (Becker et al.), or ``"aam"``, additive angular margin (see
    `losses.aam`), for models of cosines."""
    channels_last: bool = False  # keep images channel by channel innermost; faster on some hardware
    accumulate: int = 1  # batches a step, so that the step sees as many times more examples
    margin: float = 0.2  # of ``"aam"``, in radians
    margin_warmup: int = 0  # steps in which the margin rises from 0


@dataclass(frozen=True)
class LetterSettings(Recipe):
    """The recipe of a recogniser of letters."""

    max_frames: int = 100_000  # most frames of a batch, padding included
    max_utterances: int = 64  # most utterances of a batch; 0 for no limit (K: 64)
    jitter: float = 0.1  # how far lengths are stretched before they are sorted; see `Buckets`
    spec_augment: SpecAugment | None = None  # masks on the training inputs, None for none


RISE = 0.3  # share of all steps before the peak of "onecycle", as Smith and Topin (2019) in torch
FIRST, LAST = 1 / 25, 1e-4 / 25  # rates of "onecycle" at its ends, relative to the peak


def factor(settings: Recipe, step: int, steps: int) -> float:
    """Give the learning rate of a step, relative to `settings.lr`.

    With w the warm-up, n all steps and s the step:

    - ``constant``: 1
    - ``cosine``: (1 + cos(pi (s - w) / (n - w))) / 2
    - ``step``: 2^-floor(s / schedule_step) (Becker et al.)
    - ``onecycle``: half a cosine from 1/25 up to 1 at step w - 1, another down to
      1/250,000 at the last step (Smith and Topin 2019, two phases)

    The first three are multiplied by (s + 1) / w while s < w.

    Args:
        settings: the recipe.
        step: number of the step, from 0.
        steps: number of all steps.
    """
    if settings.schedule == "onecycle":
        return _onecycle(step, steps, settings.warmup or RISE * steps)
    rise = min(1.0, (step + 1) / settings.warmup) if settings.warmup else 1.0
    if settings.schedule == "cosine":
        done = (step - settings.warmup) / max(1, steps - settings.warmup)
        return rise * _cosine(1.0, 0.0, min(1.0, max(0.0, done)))
    if settings.schedule == "step":
        return rise * 0.5 ** (step // settings.schedule_step)
    return rise


def build_optimizer(model: nn.Module, settings: Recipe) -> torch.optim.Optimizer:
    """Make the optimizer of the recipe over the parameters that want a gradient.

    Raises:
        SpeechLRPError: there are none.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise SpeechLRPError(
            "no weight of the network wants a gradient, so there is nothing to train; let some "
            "have requires_grad=True, or take the network as it is with model.weights=FILE"
        )
    lr, decay = settings.lr, settings.weight_decay
    if settings.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=lr, momentum=settings.momentum, weight_decay=decay)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[settings.optimizer]
    return kind(parameters, lr=lr, weight_decay=decay)


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """Set the learning rate of all parameters."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def _onecycle(step: int, steps: int, rise: float) -> float:
    peak, end = rise - 1, steps - 1
    if step <= peak:
        return _cosine(FIRST, 1.0, step / peak if peak > 0 else 1.0)
    return _cosine(1.0, LAST, min(1.0, (step - peak) / max(end - peak, 1e-9)))


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * done)) / 2
