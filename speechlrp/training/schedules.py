"""Optimizers, and learning rates as a function of the step.

A schedule here has no state: the rate follows from the number of the step, so a
run that goes on after a kill needs to know that number only.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from speechlrp.training.recipe import Recipe

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
    """Make the optimizer of the recipe over the parameters that want a gradient."""
    parameters = [p for p in model.parameters() if p.requires_grad]
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
