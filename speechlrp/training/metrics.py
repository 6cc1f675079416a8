"""How good a model is: on all, per class, per speaker.

Shapes: N examples, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import torch

from speechlrp.training.intervals import speaker_bootstrap, wilson
from speechlrp.training.losses import losses, probabilities
from speechlrp.training.prediction import Outputs


@dataclass(frozen=True)
class Evaluation:
    """What came out."""

    rows: pd.DataFrame
    """One row an example: row (of the dataset), speaker, label, prediction, probability (of the
    prediction), probability_true, loss."""
    per_class: pd.DataFrame  # class, n, correct, accuracy, low, high (Wilson, 95 %), loss
    per_speaker: pd.DataFrame  # speaker, and the same; empty where speakers are not known
    confusion: pd.DataFrame  # counts [K, K]; rows are the truth, columns the prediction
    n: int  # examples
    correct: int  # those predicted right
    loss: float  # the mean
    interval: tuple[float, float]  # 95 %, Wilson: recordings taken as independent
    speaker_interval: tuple[float, float]
    """95 %, bootstrap over speakers: speakers taken as independent; nan with fewer than two."""

    @property
    def accuracy(self) -> float:
        """The share predicted right, 0..1."""
        return self.correct / self.n

    def summary(self) -> dict[str, float | int]:
        """Give the numbers of the whole, for a table or a record."""
        low, high = self.interval
        speaker_low, speaker_high = self.speaker_interval
        return {
            "n": self.n,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "wilson_low": low,
            "wilson_high": high,
            "speakers": len(self.per_speaker),
            "speaker_low": speaker_low,
            "speaker_high": speaker_high,
            "loss": self.loss,
        }

    def describe(self, unit: str = "recordings") -> str:
        """Say the accuracy and both intervals of some examples in one line."""
        low, high = (100 * end for end in self.interval)
        text = (
            f"accuracy {100 * self.accuracy:.2f} % of {self.n:,} {unit} "
            f"(95 %: {low:.2f} to {high:.2f} % if {unit} were independent"
        )
        if len(self.per_speaker) > 1:
            low, high = (100 * end for end in self.speaker_interval)
            speakers = len(self.per_speaker)
            text += f", {low:.2f} to {high:.2f} % by bootstrap over {speakers} speakers"
        return f"{text}), loss {self.loss:.4g}"


def tabulate(
    outputs: Outputs,
    *,
    classes: Sequence[str],
    speakers: Sequence[str] | None = None,
    loss: str = "bce",
    seed: int = 0,
) -> Evaluation:
    """Count what a model has put out.

    Args:
        outputs: of `predict`.
        classes: names of the K classes.
        speakers: the speaker of every example of the dataset, for the per-speaker table and
            interval.
        loss: as in `TrainSettings`.
        seed: of the bootstrap.
    """
    rows = _rows(outputs, classes, speakers, loss)
    right = rows["label"] == rows["prediction"]
    per_speaker = _group(rows, right, "speaker", sorted(rows["speaker"].unique()))
    if speakers is None:
        per_speaker = per_speaker.iloc[:0]
    by_speaker = per_speaker["correct"].to_numpy(), per_speaker["n"].to_numpy()
    confusion = pd.crosstab(rows["label"], rows["prediction"])
    confusion = confusion.reindex(index=classes, columns=classes, fill_value=0)
    return Evaluation(
        rows=rows,
        per_class=_group(rows, right, "label", classes).rename(columns={"label": "class"}),
        per_speaker=per_speaker,
        confusion=confusion,
        n=len(rows),
        correct=int(right.sum()),
        loss=float(rows["loss"].mean()),
        interval=wilson(int(right.sum()), len(rows)),
        speaker_interval=speaker_bootstrap(*by_speaker, seed=seed),
    )


def accuracy_by(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """Count the rows of an `Evaluation` by a column, as its tables per class and speaker do."""
    return _group(rows, rows["label"] == rows["prediction"], by, sorted(rows[by].unique()))


def _rows(
    outputs: Outputs, classes: Sequence[str], speakers: Sequence[str] | None, loss: str
) -> pd.DataFrame:
    chances = probabilities(loss, outputs.logits)
    predicted = outputs.logits.argmax(dim=1)
    picked = torch.arange(len(predicted))
    rows = outputs.rows.tolist()
    return pd.DataFrame(
        {
            "row": rows,
            "speaker": [speakers[row] if speakers is not None else "" for row in rows],
            "label": [classes[label] for label in outputs.labels.tolist()],
            "prediction": [classes[label] for label in predicted.tolist()],
            "probability": chances[picked, predicted].double().numpy(),
            "probability_true": chances[picked, outputs.labels].double().numpy(),
            "loss": losses(loss, outputs.logits, outputs.labels).double().numpy(),
        }
    )


def _group(rows: pd.DataFrame, right: pd.Series, by: str, names: Sequence[str]) -> pd.DataFrame:
    table = []
    for name in names:
        picked = rows[by] == name
        n, correct = int(picked.sum()), int(right[picked].sum())
        low, high = wilson(correct, n)
        share = correct / n if n else float("nan")
        mean = float(rows.loc[picked, "loss"].mean())
        table.append((name, n, correct, share, low, high, mean))
    return pd.DataFrame(table, columns=[by, "n", "correct", "accuracy", "low", "high", "loss"])
