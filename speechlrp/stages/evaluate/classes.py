"""evaluate: accuracy of any weights on any split, with intervals, per class and speaker."""

from pathlib import Path
from typing import Any

import pandas as pd

from speechlrp.data.conditions import named, several
from speechlrp.data.dataset import dataset
from speechlrp.data.network import Classifier, network
from speechlrp.pipeline.places import FEATURES, network_facts, weights
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.stages.evaluate.trials import trials_drawn, trials_input, verify
from speechlrp.training.metrics import Evaluation, accuracy_by, tabulate
from speechlrp.training.prediction import Outputs, over_recordings, predict

BATCH = 64


def work(context: Context) -> None:
    """Write `evaluation.json` and tables per class, speaker and recording; of trials, scores."""
    config = context.config
    examples = dataset(context)
    classifier = network(context, examples)
    reading = {"batch_size": BATCH, "input_scale": classifier.scale, "cache_mb": 0}
    batches = examples.batches(config.subset, **reading)
    outputs = predict(classifier.model, batches, classifier.device)
    accuracy, whole = _counted(context, classifier, outputs), _pooled(context, classifier, outputs)
    context.say(accuracy.describe("segments" if whole else "recordings"))
    summary: dict[str, Any] = accuracy.summary()
    if whole:
        context.say(f"by recording, mean of its segments: {whole.describe()}")
        summary["per_recording"] = whole.summary()
    context.write(evaluation=summary, confusion=accuracy.confusion, recordings=accuracy.rows)
    context.write(per_class=accuracy.per_class, per_speaker=accuracy.per_speaker)
    context.note("summary", summary)
    _conditions(context, accuracy.rows, examples.table)
    if config.evaluate.trials is not None:
        verify(context, classifier)


def _counted(context: Context, classifier: Classifier, outputs: Outputs) -> Evaluation:
    """What came out, by class and speaker."""
    table = classifier.dataset.table
    return tabulate(
        outputs,
        classes=classifier.dataset.classes,
        speakers=table.speaker.to_numpy(),
        loss=classifier.meta["loss"],
        seed=context.config.seed,
    )


def _pooled(context: Context, classifier: Classifier, outputs: Outputs) -> Evaluation | None:
    """The same of recordings, as `per_recording.csv`; None where each has one segment."""
    table = classifier.dataset.table
    pooled = over_recordings(outputs, (table.subset + "/" + table.source).to_numpy())
    if len(pooled.rows) == len(outputs.rows):
        return None
    accuracy = _counted(context, classifier, pooled)
    names = table.iloc[accuracy.rows["row"]][["subset", "source"]].reset_index(drop=True)
    context.write(per_recording=names.join(accuracy.rows.drop(columns="row")))
    return accuracy


def _conditions(context: Context, rows: pd.DataFrame, table: pd.DataFrame) -> None:
    """Write and say the accuracy under each condition, where there are several."""
    seen = table.iloc[rows["row"]]
    if not several(seen):
        return
    by_condition = accuracy_by(rows.assign(condition=named(seen).to_numpy()), "condition")
    context.write(per_condition=by_condition)
    for row in by_condition.itertuples():
        context.say(
            f"{row.condition}: accuracy {100 * row.accuracy:.2f} % of {row.n:,} "
            f"(95 %: {100 * row.low:.2f} to {100 * row.high:.2f} %), loss {row.loss:.4g}"
        )


STAGE = Stage(
    name="evaluate",
    facts=lambda config: network_facts(config, trials=Path(config.evaluate.trials or "").stem),
    keys=("subset", "seed"),
    inputs=lambda config: {"features": FEATURES, **weights(config), **trials_input(config)},
    work=work,
    sources=trials_drawn,
)
