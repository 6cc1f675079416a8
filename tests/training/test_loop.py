"""Training: the numbers, the files, and going on after a kill."""

import shutil
import signal
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import forks
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional

from speechlrp.errors import SpeechLRPError
from speechlrp.training.checkpoint import load_model
from speechlrp.training.recipe import TrainSettings

TIMES = ["seconds", "model_seconds"]
COLUMNS = [
    *("epoch", "train_loss", "train_accuracy", "validate_loss", "validate_accuracy", "lr"),
    *TIMES,
]


def run(folder, features, death):
    script = forks.script(Path(__file__).with_name("toy.py"))
    return forks.run(script, folder, features, death).returncode


@pytest.fixture(scope="module")
def uninterrupted(toy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("uninterrupted")
    toy.write(folder / "features.h5")
    assert run(folder / "run", folder / "features.h5", "none") == 0
    return folder / "run"


def assert_same_run(one, other):
    for name in ("best", "last"):
        assert (one / f"{name}.safetensors").read_bytes() == (
            other / f"{name}.safetensors"
        ).read_bytes()
        assert (one / f"{name}.json").read_text() == (other / f"{name}.json").read_text()
    first, second = (pd.read_csv(folder / "metrics.csv") for folder in (one, other))
    pd.testing.assert_frame_equal(
        first.drop(columns=TIMES), second.drop(columns=TIMES), check_exact=True
    )


@pytest.mark.parametrize(("death", "whole"), [("step", 3), ("best", 3), ("state", 2)])
def test_a_killed_run_ends_as_an_uninterrupted_one(
    toy, features, tmp_path, uninterrupted, death, whole
):
    assert run(tmp_path / "killed", features, death) == -signal.SIGKILL
    state = torch.load(tmp_path / "killed" / "state.pt", weights_only=True)
    assert state["epoch"] == whole
    assert not (tmp_path / "killed" / "last.safetensors").exists()
    seen = []
    toy.train(
        tmp_path / "killed", features, on_step=lambda epoch, step, steps: seen.append((epoch, step))
    )
    assert seen[0] == (whole + 1, 1)
    assert_same_run(tmp_path / "killed", uninterrupted)
    assert not list((tmp_path / "killed").glob(".*"))


def test_a_finished_run_does_nothing_more(toy, features, tmp_path):
    model, metrics = toy.train(tmp_path / "run", features)
    seen = []
    again, same = toy.train(tmp_path / "run", features, on_step=lambda *step: seen.append(step))
    assert seen == []
    pd.testing.assert_frame_equal(metrics, same)
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


@pytest.mark.parametrize("save_seconds", [1e6, None])
def test_rarely_saved_runs_end_the_same(toy, features, tmp_path, save_seconds):
    toy.train(tmp_path / "often", features)
    toy.train(tmp_path / "rarely", features, save_seconds=save_seconds)
    assert_same_run(tmp_path / "often", tmp_path / "rarely")


def test_the_state_is_saved_as_often_as_asked(toy, features, tmp_path, monkeypatch):
    saved, save = [], toy.epochs.save_state
    monkeypatch.setattr(
        toy.epochs,
        "save_state",
        lambda path, state: (saved.append(state["epoch"]), save(path, state)),
    )
    toy.train(tmp_path / "often", features)
    toy.train(tmp_path / "rarely", features, save_seconds=1e6)
    assert saved == [1, 2, 3, 4, 5, 6, 6]


def test_a_finished_run_without_its_last_weights_says_so(toy, features, tmp_path):
    toy.train(tmp_path / "run", features)
    (tmp_path / "run" / "last.safetensors").unlink()
    with pytest.raises(SpeechLRPError, match=r"no model at .*last.safetensors"):
        toy.train(tmp_path / "run", features)


@pytest.mark.parametrize(
    ("optimizer", "epochs", "copies"), [("adam", 6, 4), ("sgd", 6, 3), ("adam", 1, 2)]
)
def test_a_training_asks_for_its_space_first(
    toy, features, tmp_path, monkeypatch, optimizer, epochs, copies
):
    size = sum(tensor.nbytes for tensor in toy.toy_model().state_dict().values())
    settings = replace(toy.SETTINGS, optimizer=optimizer, epochs=epochs)
    for free, enough in ((copies * size - 1, False), (copies * size, True)):
        usage = SimpleNamespace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda path, usage=usage: usage)
        if enough:
            toy.train(tmp_path / "run", features, settings)
        else:
            with pytest.raises(SpeechLRPError, match=r"run needs about .* MB more"):
                toy.train(tmp_path / "run", features, settings)
            assert not list((tmp_path / "run").iterdir())


def test_the_seed_decides_the_weights(toy, features, tmp_path):
    toy.train(tmp_path / "one", features)
    torch.rand(7)
    toy.train(tmp_path / "two", features)
    toy.train(tmp_path / "other", features, replace(toy.SETTINGS, seed=4))
    assert_same_run(tmp_path / "one", tmp_path / "two")
    one, other = (load_file(tmp_path / n / "last.safetensors") for n in ("one", "other"))
    assert not torch.equal(one["head.weight"], other["head.weight"])


def test_the_callers_random_numbers_stay(toy, features, tmp_path):
    train, validate = toy.batches(features)
    model = toy.toy_model()
    before = torch.random.get_rng_state()
    toy.loop.fit(
        model, train, validate, toy.SETTINGS, tmp_path / "r", torch.device("cpu"), meta=toy.META
    )
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("loss", ["bce", "cross_entropy"])
def test_sgd_as_written_by_hand(toy, features, tmp_path, loss):
    """Two epochs of a model without dropout, against momentum SGD spelt out in float32."""
    settings = TrainSettings(
        epochs=2, batch_size=4, lr=0.1, weight_decay=0.01, clip=0.05, loss=loss, seed=3
    )
    train, validate = toy.batches(features, settings)
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(30, 2))
    weight, bias = (p.detach().clone().requires_grad_() for p in model.parameters())
    velocity, means = [torch.zeros_like(weight), torch.zeros_like(bias)], []
    for epoch in range(2):
        total = 0.0
        for inputs, labels, _ in train.epoch(epoch):
            logits = inputs.flatten(1) @ weight.T + bias
            if loss == "bce":
                targets = torch.eye(2)[labels]
                value = functional.binary_cross_entropy_with_logits(logits, targets)
            else:
                value = functional.cross_entropy(logits, labels)
            gradients = torch.autograd.grad(value, [weight, bias])
            norm = torch.sqrt(sum((g**2).sum() for g in gradients))
            for i, (p, g) in enumerate(zip((weight, bias), gradients, strict=True)):
                step = g * min(1.0, 0.05 / norm.item()) + 0.01 * p.detach()
                velocity[i] = 0.9 * velocity[i] + step
                p.data -= 0.1 * velocity[i]
            total += value.item() * len(labels)
        means.append(total / 22)
    metrics = toy.loop.fit(
        model, train, validate, settings, tmp_path / "r", torch.device("cpu"), meta=toy.META
    )
    torch.testing.assert_close(model[1].weight, weight, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(model[1].bias, bias, rtol=1e-4, atol=1e-6)
    assert metrics["train_loss"].tolist() == pytest.approx(means, rel=1e-4)


def test_metrics_and_best(toy, features, tmp_path, toy_registry):
    rows = []
    _, metrics = toy.train(tmp_path / "run", features, on_epoch=rows.append)
    on_disk = pd.read_csv(tmp_path / "run" / "metrics.csv")
    assert list(on_disk.columns) == COLUMNS
    assert on_disk["epoch"].tolist() == [row["epoch"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert (metrics["model_seconds"] < metrics["seconds"]).all()
    ranked = metrics.sort_values(
        ["validate_accuracy", "validate_loss"], ascending=[False, True], kind="stable"
    )
    model, meta = load_model(tmp_path / "run")
    assert meta["epoch"] == ranked.iloc[0]["epoch"]
    _, validate = toy.batches(features)
    outputs = toy.loop.predict(model, validate, torch.device("cpu"))
    right = (outputs.logits.argmax(1) == outputs.labels).double().mean().item()
    assert right == ranked.iloc[0]["validate_accuracy"]


@pytest.mark.parametrize(
    "change", [{"precision": "bf16"}, {"precision": "tf32"}, {"channels_last": True}]
)
def test_options_change_little_and_still_learn(toy, features, tmp_path, change):
    settings = replace(toy.SETTINGS, **change)
    model, metrics = toy.train(tmp_path / "run", features, settings)
    _, plain = toy.train(tmp_path / "plain", features)
    assert model.head.weight.dtype == torch.float32
    assert metrics["train_loss"][0] == pytest.approx(plain["train_loss"][0], rel=0.02)
    assert metrics["train_loss"].iloc[-1] < metrics["train_loss"].iloc[0]


def test_a_loss_that_explodes_names_epoch_and_rate(toy, features, tmp_path):
    settings = replace(toy.SETTINGS, optimizer="sgd", lr=1e30, clip=0.0, warmup=0)
    with pytest.raises(SpeechLRPError, match=r"in epoch \d .*rate .*trainer.lr="):
        toy.train(tmp_path / "run", features, settings)
    assert not (tmp_path / "run" / "best.safetensors").exists()


def test_a_state_of_other_settings_is_refused(toy, features, tmp_path):
    toy.train(tmp_path / "run", features)
    before = (tmp_path / "run" / "state.pt").read_bytes()
    with pytest.raises(SpeechLRPError, match=r"lr was 0.05, is 0.1.*speechlrp train --force"):
        toy.train(tmp_path / "run", features, replace(toy.SETTINGS, lr=0.1))
    assert (tmp_path / "run" / "state.pt").read_bytes() == before


def test_labels_beyond_the_classes_are_refused(toy, features, tmp_path):
    with pytest.raises(SpeechLRPError, match=r"labels 0..1 for 1 classes"):
        toy.train(tmp_path / "run", features, meta={**toy.META, "classes": ["a"]})


def test_a_batch_size_other_than_the_settings_is_a_bug(toy, features, tmp_path):
    train, validate = toy.batches(features, batch_size=5)
    with pytest.raises(ValueError, match="batches of 5, settings say 4"):
        toy.loop.fit(
            toy.toy_model(),
            train,
            validate,
            toy.SETTINGS,
            tmp_path / "r",
            torch.device("cpu"),
            meta=toy.META,
        )
