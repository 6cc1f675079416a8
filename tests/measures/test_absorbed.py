import pandas as pd
import pytest

from speechlrp.measures.absorption import absorbed


def table(bias, stabiliser):
    rows = [("linear", 0.9, 0.9), ("all", bias, stabiliser)]
    return pd.DataFrame(rows, columns=["operation", "bias_share", "stabiliser_share"])


@pytest.mark.parametrize(
    ("bias", "stabiliser", "told"),
    [(0.3, 0.1, False), (0.3, 0.3, True), (-0.9, 0.3, True), (0.0, 0.94, True), (0.5, 0.0, False)],
)
def test_more_than_half_is_told(bias, stabiliser, told):
    assert bool(absorbed(table(bias, stabiliser))) is told


def test_what_is_unknown_is_no_loss():
    assert absorbed(table(float("nan"), float("nan"))) == ""


def test_both_shares_are_said():
    assert "biases absorb 30% and stabilisers 69%" in absorbed(table(0.3, 0.69))
