"""A training in the tools that are installed, in files below its folder."""

import sys
import tomllib
from pathlib import Path

import pytest

from speechlrp.errors import SpeechLRPError
from speechlrp.training import LOGGERS

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
