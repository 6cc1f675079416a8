"""Loss, accuracy and errors per epoch, from ``train/metrics.csv``."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from speechlrp.report import style
from speechlrp.report.curve_parts import End, label_ends

LINES = {
    "train": style.Line("#5f6b76", (0, (5, 2)), "s"),
    "validate": style.Line("#0072b2", "-", "o"),
}
ERRORS = {
    "letter": style.Line("#0072b2", "-", "o"),
    "word": style.Line("#d55e00", (0, (5, 2)), "s"),
}


def training_curves(metrics: pd.DataFrame, *, chance: float) -> Figure:
    """Draw loss (left) and accuracy (right) per epoch, on training and validation data.

    Columns: ``epoch``, ``train_loss``, ``train_accuracy``, ``validate_loss``, ``validate_accuracy``
    (0 to 1; NaN where an epoch was not validated). `chance` is the accuracy of guessing.

    Raises:
        SpeechLRPError: a column is missing, or there is no epoch.
    """
    _check(metrics, *(f"{part}_{kind}" for part in LINES for kind in ("loss", "accuracy")))
    fig = style.figure(height=3.1)
    loss, accuracy = fig.subplots(1, 2)
    _draw(loss, metrics, "loss", 1.0)
    loss.set_ylabel("loss (mean over examples)")
    style.chance_line(accuracy, 100 * chance, label="chance")
    _draw(accuracy, metrics, "accuracy", 100.0)
    accuracy.set_ylabel("accuracy (%)")
    return fig


def recogniser_curves(metrics: pd.DataFrame) -> Figure:
    """Draw loss (left) and the error rates on validation data (right) per epoch.

    Columns: ``epoch``, ``train_loss``, ``validate_loss``, ``validate_letter_error_rate``,
    ``validate_word_error_rate`` (shares; NaN where an epoch was not validated).

    Raises:
        SpeechLRPError: a column is missing, or there is no epoch.
    """
    rates = [f"validate_{kind}_error_rate" for kind in ERRORS]
    _check(metrics, *(f"{part}_loss" for part in LINES), *rates)
    fig = style.figure(height=3.1)
    loss, errors = fig.subplots(1, 2)
    _draw(loss, metrics, "loss", 1.0)
    loss.set_ylabel("loss (CTC, a symbol)")
    renamed = metrics.rename(
        columns={name: f"{kind}s_error" for name, kind in zip(rates, ERRORS, strict=True)}
    )
    _draw(errors, renamed, "error", 100.0, {f"{k}s": v for k, v in ERRORS.items()})
    errors.set_ylabel("errors on validation (%)")
    return fig


def _check(metrics: pd.DataFrame, *columns: str) -> None:
    mend = "train again with `speechlrp train --force`"
    style.need(metrics, ("epoch", *columns), "the training metrics hold", mend, "epoch")


def _draw(
    axes: Axes,
    metrics: pd.DataFrame,
    kind: str,
    factor: float,
    lines: Mapping[str, style.Line] = LINES,
) -> None:
    ends = []
    for part, line in lines.items():
        rows = metrics[["epoch", f"{part}_{kind}"]].dropna()
        if rows.empty:
            continue
        epochs, values = rows.to_numpy(float).T
        values = values * factor
        marks = line.marker if len(epochs) <= 30 else None
        looks = {"color": line.colour, "linestyle": line.dash, "marker": marks, "markersize": 3.5}
        axes.plot(epochs, values, label=part, **looks)
        ends.append(End(epochs[-1], values[-1], part, line.colour, float(values.mean())))
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, steps=[1, 2, 5, 10]))
    axes.margins(y=0.08)
    axes.set_ylim((None, 102) if kind == "accuracy" else (0, None))
    style.dress(axes)
    low, high = axes.get_ylim()
    label_ends(axes, ends, gap=(high - low) * 0.075)
