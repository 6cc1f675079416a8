from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

PERCENTS = (0.0, 0.5, 1.0, 5.0, 30.0)
CURVES = {"lrp": (0.9, 0.5, 0.2, 0.1, 0.1), "lrp_rev": (0.9, 0.9, 0.9, 0.9, 0.9)}


def make_curve(**columns: str) -> pd.DataFrame:
    rows = [
        {"strategy": name, "repeat": 0, "percent": p, "bins": round(p * 10), "accuracy": a}
        for name, values in CURVES.items()
        for p, a in zip(PERCENTS, values, strict=True)
    ]
    for repeat, shift in enumerate((-0.02, 0.02)):
        rows += [
            {"strategy": "random", "repeat": repeat, "percent": p, "bins": round(p * 10),
             "accuracy": 0.8 + shift * (p > 0)}
            for p in PERCENTS
        ]  # fmt: skip
    return pd.DataFrame(rows).assign(**{"baseline": "zero", **columns})


@pytest.fixture
def curve() -> pd.DataFrame:
    return make_curve()


@pytest.fixture
def axes_hz_s() -> tuple[np.ndarray, np.ndarray]:
    return np.arange(4) * 100.0, 0.01 + np.arange(5) * 0.02


@pytest.fixture
def curve_maker():
    return make_curve
