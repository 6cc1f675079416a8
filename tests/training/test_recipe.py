"""Learning rates against torch's schedulers, and optimizers."""

import pytest
import torch
from torch.optim import lr_scheduler

from speechlrp.errors import SpeechLRPError
from speechlrp.training.recipe import TrainSettings, build_optimizer, factor, set_lr

STEPS = 40


def rates(**options):
    settings = TrainSettings(lr=1.0, **options)
    return [factor(settings, step, STEPS) for step in range(STEPS)]


def torch_rates(make):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler, found = make(optimizer), []
    for _ in range(STEPS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize(
    ("options", "make"),
    [
        ({"schedule": "cosine"}, lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS)),
        (
            {"schedule": "step", "schedule_step": 7},
            lambda o: lr_scheduler.StepLR(o, 7, gamma=0.5),
        ),
        (
            {"schedule": "onecycle"},
            lambda o: lr_scheduler.OneCycleLR(o, 1.0, STEPS, cycle_momentum=False),
        ),
        (
            {"schedule": "onecycle", "warmup": 4},
            lambda o: lr_scheduler.OneCycleLR(o, 1.0, STEPS, pct_start=0.1, cycle_momentum=False),
        ),
    ],
)
def test_schedules_are_torchs(options, make):
    assert rates(**options) == pytest.approx(torch_rates(make), abs=1e-12)


def test_constant():
    assert rates() == [1.0] * STEPS


def test_warmup_rises_linearly():
    assert rates(warmup=4)[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    cosine = rates(schedule="cosine", warmup=4)
    assert cosine[:5] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert cosine[4 + 18] == pytest.approx(0.5)


def test_beckers_schedule():
    settings = TrainSettings(lr=1e-3, schedule="step", schedule_step=2500)
    found = [1e-3 * factor(settings, step, 10_000) for step in (0, 2499, 2500, 5000, 7500, 9999)]
    assert found == pytest.approx([1e-3, 1e-3, 5e-4, 2.5e-4, 1.25e-4, 1.25e-4])


@pytest.mark.parametrize(("steps", "warmup"), [(1, 0), (2, 0), (3, 10), (1, 1)])
@pytest.mark.parametrize("schedule", ["constant", "cosine", "step", "onecycle"])
def test_short_runs_have_rates_too(schedule, steps, warmup):
    settings = TrainSettings(lr=1.0, schedule=schedule, warmup=warmup)
    assert all(0 <= factor(settings, step, steps) <= 1 for step in range(steps))


@pytest.mark.parametrize(
    ("name", "kind"),
    [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)],
)
def test_optimizers(name, kind):
    model = torch.nn.Linear(2, 2)
    model.bias.requires_grad_(False)
    settings = TrainSettings(optimizer=name, lr=0.3, weight_decay=0.2, momentum=0.8)
    optimizer = build_optimizer(model, settings)
    assert type(optimizer) is kind
    (group,) = optimizer.param_groups
    assert group["params"] == [model.weight]
    assert (group["lr"], group["weight_decay"]) == (0.3, 0.2)
    assert name != "sgd" or group["momentum"] == 0.8
    set_lr(optimizer, 0.5)
    assert group["lr"] == 0.5


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"loss": "mse"}, "unknown loss 'mse'; known: aam, bce, cross_entropy"),
        ({"optimizer": "sdg"}, "Did you mean 'sgd'"),
        ({"schedule": "linear"}, "unknown schedule"),
        ({"precision": "fp16"}, "unknown precision"),
        ({"epochs": 0}, "epochs is 0; it must be 1 or more"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"lr": float("inf")}, "lr is inf; it must be above 0 and finite"),
        ({"clip": float("inf")}, "clip is inf; it must be 0 or more, and finite"),
        ({"clip": -1.0}, "clip is -1.0"),
    ],
)
def test_settings_out_of_range(change, match):
    with pytest.raises(SpeechLRPError, match=match):
        TrainSettings(**change)
