"""When callbacks are called, and by whom."""

import sys
import tomllib
from pathlib import Path

import pytest

from speechlrp.errors import SpeechLRPError
from speechlrp.training import LOGGERS
from speechlrp.training.callbacks import Callback
from speechlrp.training.ranks import Ranks


class Noting(Callback):
    """Writes down every call."""

    def __init__(self, stop_at: int = 0) -> None:
        self.calls, self.stop_at = [], stop_at

    def on_start(self, epoch, epochs):
        self.calls.append(("start", epoch, epochs))

    def on_step(self, epoch, step, steps):
        self.calls.append(("step", epoch, step, steps))

    def on_epoch(self, row):
        self.calls.append(("epoch", row["epoch"], set(row)))
        if row["epoch"] == self.stop_at:
            raise KeyboardInterrupt

    def on_end(self):
        self.calls.append(("end",))


def moments(epochs, row):
    for epoch in epochs:
        yield from (("step", epoch, step, 6) for step in range(1, 7))
        yield ("epoch", epoch, row)


ROW = {
    *("epoch", "train_loss", "train_accuracy", "validate_loss", "validate_accuracy"),
    *("lr", "seconds", "model_seconds"),
}


def test_every_moment_comes_in_its_order_also_after_an_interruption(toy, features, tmp_path):
    one, other = Noting(stop_at=2), Noting(stop_at=2)
    with pytest.raises(KeyboardInterrupt):
        toy.train(tmp_path / "run", features, callbacks=[one, other])
    assert one.calls == [("start", 0, 6), *moments([1, 2], ROW), ("end",)]
    assert other.calls == [*one.calls[:-2], ("end",)]  # the first stopped it
    again = Noting()
    toy.train(tmp_path / "run", features, callbacks=[again])
    assert again.calls == [("start", 2, 6), *moments([3, 4, 5, 6], ROW), ("end",)]


def test_a_callback_that_cannot_start_stops_the_others(toy, features, tmp_path):
    class Broken(Noting):
        def on_start(self, epoch, epochs):
            raise RuntimeError("no room")

    first, broken = Noting(), Broken()
    with pytest.raises(RuntimeError, match="no room"):
        toy.train(tmp_path / "run", features, callbacks=[first, broken])
    assert first.calls == [("start", 0, 6), ("end",)]
    assert broken.calls == []


def test_only_the_leader_calls(toy, features):
    class Follower(toy.epochs.Run):
        train_epoch = validate_epoch = rank = None

    for rank, count in ((0, 1), (1, 0)):
        ranks = Ranks(rank, 2)
        ranks.__dict__["spread"] = lambda model: model  # nobody to exchange gradients with
        follower = Follower(
            toy.toy_model(), *toy.batches(features), toy.SETTINGS, None, toy.torch.device("cpu"),
            meta=toy.META, steps=1, callbacks=[Noting()], ranks=ranks,
        )  # fmt: skip
        assert len(follower.callbacks) == count


ROWS = [
    {"epoch": 1, "train_loss": 0.5, "validate_accuracy": 0.75},
    {"epoch": 2, "train_loss": 0.25, "validate_accuracy": 1.0},
]
THIRD_PARTY = pytest.mark.filterwarnings("ignore")


def follow(name, folder):
    logger = LOGGERS[name](folder, "emo", {"lr": 0.1, "model": "alexnet"})
    logger.on_start(0, 2)
    for row in ROWS:
        logger.on_epoch(row)
    logger.on_end()
    return logger


@THIRD_PARTY
def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    follow("tensorboard", tmp_path / "logs")
    events = EventAccumulator(str(tmp_path / "logs")).Reload()
    for key in ("train_loss", "validate_accuracy"):
        scalars = events.Scalars(key)
        assert [(one.step, one.value) for one in scalars] == [(r["epoch"], r[key]) for r in ROWS]
    assert "epoch" not in events.Tags()["scalars"]


@THIRD_PARTY
def test_mlflow(tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    from mlflow.tracking import MlflowClient

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    follow("mlflow", tmp_path / "logs")
    follow("mlflow", tmp_path / "logs")
    client = MlflowClient(f"sqlite:///{tmp_path}/logs/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("speechlrp").experiment_id])
    assert [run.info.run_name for run in runs] == ["emo", "emo"]
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert runs[0].data.params == {"lr": "0.1", "model": "alexnet"}
    history = client.get_metric_history(runs[0].info.run_id, "train_loss")
    assert [(one.step, one.value) for one in history] == [(1, 0.5), (2, 0.25)]
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]


@THIRD_PARTY
def test_wandb(tmp_path, monkeypatch):
    pytest.importorskip("wandb")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.chdir(tmp_path)
    logger = follow("wandb", tmp_path / "logs")
    (run,) = (tmp_path / "logs/wandb").glob("offline-run-*")
    assert logger._run.offline
    assert next(run.glob("*.wandb")).stat().st_size > 0


@pytest.mark.parametrize(
    ("name", "module"),
    [("tensorboard", "tensorboard"), ("mlflow", "mlflow.tracking"), ("wandb", "wandb")],
)
def test_what_is_not_installed_says_how_to_get_it(name, module, tmp_path, monkeypatch):
    for loaded in [one for one in sys.modules if one.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setitem(sys.modules, module.partition(".")[0], None)
    with pytest.raises(SpeechLRPError, match=rf"pip install 'speechlrp\[{name}\]'") as caught:
        LOGGERS[name](tmp_path, "emo", {})
    assert "\n" not in str(caught.value)


def test_each_is_an_extra_of_its_name():
    path = Path(__file__).resolve().parents[2] / "pyproject.toml"
    extras = tomllib.loads(path.read_text())["project"]["optional-dependencies"]
    assert set(LOGGERS) <= set(extras)
