"""evaluate: accuracy of any weights on any split, with intervals, per class and speaker."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from speechlrp.artifacts.atomic import write_csv, write_json
from speechlrp.config.schema import Config
from speechlrp.errors import SpeechLRPError
from speechlrp.stages.conditions import named, several
from speechlrp.stages.features import FEATURES, Network, read_examples
from speechlrp.stages.stage import Context, Stage
from speechlrp.stages.trials import verify
from speechlrp.stages.weights import weights_inputs, weights_name
from speechlrp.training.loaders import Batches
from speechlrp.training.metrics import accuracy_by, evaluate

BATCH = 64


def work(context: Context) -> None:
    """Write `evaluation.json` and tables per class, speaker and recording; of trials, scores."""
    config = context.config
    examples = read_examples(context.inputs["features"], context.command("preprocess"))
    network = Network(context, examples)
    labels, rows = examples.table.label.to_numpy(), examples.rows(config.subset)
    found = evaluate(
        network.model,
        Batches(
            examples.path, labels, rows, batch_size=BATCH, input_scale=network.scale, cache_mb=0
        ),
        network.device,
        classes=examples.classes,
        speakers=examples.table.speaker.to_numpy(),
        loss=network.meta["loss"],
        seed=config.seed,
    )
    write_json(context.folder / "evaluation.json", found.summary())
    write_csv(context.folder / "per_class.csv", found.per_class)
    write_csv(context.folder / "per_speaker.csv", found.per_speaker)
    write_csv(context.folder / "confusion.csv", found.confusion)
    write_csv(context.folder / "recordings.csv", found.rows)
    context.say(found.describe())
    context.note("summary", found.summary())
    _conditions(context, found.rows, examples.table)
    if "trials" in context.inputs:
        verify(context, network, context.inputs["trials"])


def _conditions(context: Context, rows: pd.DataFrame, table: pd.DataFrame) -> None:
    """Write and say the accuracy under each condition, where there are several."""
    seen = table.iloc[rows["row"]]
    if not several(seen):
        return
    found = accuracy_by(rows.assign(condition=named(seen).to_numpy()), "condition")
    write_csv(context.folder / "per_condition.csv", found)
    for row in found.itertuples():
        context.say(
            f"{row.condition}: accuracy {100 * row.accuracy:.2f} % of {row.n:,} "
            f"(95 %: {100 * row.low:.2f} to {100 * row.high:.2f} %), loss {row.loss:.4g}"
        )


def _folder(config: Config) -> str:
    trials = config.evaluate.trials
    more = "" if trials is None else "-" + Path(trials).stem.replace("-", "_")
    return f"evaluate/{weights_name(config)}-{config.subset}{more}"


def _inputs(config: Config) -> dict[str, str]:
    found = {"features": FEATURES, **weights_inputs(config)}
    if config.evaluate.trials is None:
        return found
    if config.task.name != "speaker":
        raise SpeechLRPError(
            f"evaluate.trials compares speakers; task={config.task.name} learns something else: "
            "use task=speaker"
        )
    return found | {"trials": str(Path(config.evaluate.trials).resolve())}


STAGE = Stage(
    name="evaluate",
    folder=_folder,
    keys=("subset", "seed"),
    inputs=_inputs,
    work=work,
)
