import numpy as np
import pandas as pd
import pytest

from speechlrp.errors import SpeechLRPError
from speechlrp.report.training import recogniser_curves, training_curves


@pytest.fixture
def metrics():
    return pd.DataFrame(
        {
            "epoch": [1, 2, 3],
            "train_loss": [0.7, 0.5, 0.3],
            "train_accuracy": [0.5, 0.8, 0.9],
            "validate_loss": [0.7, np.nan, 0.4],
            "validate_accuracy": [0.5, np.nan, 0.85],
        }
    )


def test_lines_hold_loss_and_accuracy_in_percent(metrics):
    loss, accuracy = training_curves(metrics, chance=0.125).axes
    lines = {line.get_label(): line for line in accuracy.lines}
    np.testing.assert_allclose(lines["train"].get_ydata(), [50, 80, 90])
    np.testing.assert_allclose(lines["validate"].get_xdata(), [1, 3])
    assert [axes.get_xlabel() for axes in (loss, accuracy)] == ["epoch"] * 2
    assert accuracy.get_ylabel() == "accuracy (%)"
    np.testing.assert_allclose(loss.lines[0].get_ydata(), [0.7, 0.5, 0.3])


def test_one_epoch_without_validation(metrics):
    metrics = metrics.head(1).assign(validate_loss=np.nan, validate_accuracy=np.nan)
    loss, _ = training_curves(metrics, chance=0.125).axes
    assert [line.get_label() for line in loss.lines] == ["train"]


def test_missing_column_or_epochs_are_said(metrics):
    with pytest.raises(SpeechLRPError, match="no column 'train_loss'"):
        training_curves(metrics.drop(columns="train_loss"), chance=0.5)
    with pytest.raises(SpeechLRPError, match="no epoch"):
        training_curves(metrics.head(0), chance=0.5)


def test_error_rates_of_a_recogniser_in_percent(metrics):
    rates = {"validate_letter_error_rate": [0.9, 0.5, 0.25], "validate_word_error_rate": 1.0}
    loss, errors = recogniser_curves(metrics.assign(**rates)).axes
    lines = {line.get_label(): line for line in errors.lines}
    np.testing.assert_allclose(lines["letters"].get_ydata(), [90, 50, 25])
    np.testing.assert_allclose(lines["words"].get_ydata(), [100, 100, 100])
    assert [line.get_label() for line in loss.lines] == ["train", "validate"]
    with pytest.raises(SpeechLRPError, match="no column 'validate_letter_error_rate'"):
        recogniser_curves(metrics)
