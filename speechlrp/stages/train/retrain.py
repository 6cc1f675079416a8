"""retrain: train on from the trained weights, on the augmented training set (T 6.2)."""

from __future__ import annotations

from dataclasses import replace

from speechlrp.config.schema import Config
from speechlrp.data.features import FEATURES, read_examples
from speechlrp.models.custom import own_code
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.pipeline.weights import weights_inputs
from speechlrp.stages.train.augment import need_stored
from speechlrp.stages.train.classes import recipe, teach
from speechlrp.training.checkpoint import load_model
from speechlrp.training.seeding import device

ABOUT = ("model", "kwargs", "classes", "input_scale", "features", "task")


def work(context: Context) -> None:
    """Write the same as train; validation is on the original validation split."""
    config = context.config
    command = context.command("augment", "--fill", config.augment.fill)
    augmented = read_examples(context.inputs["augmented"], command)
    original = read_examples(context.inputs["features"], context.command("preprocess"))
    model, meta = load_model(
        context.inputs["weights"], device(config.device), factory=own_code(config.model)
    )
    settings = replace(recipe(config), epochs=config.augment.epochs)
    about = {name: meta[name] for name in ABOUT} | {"augmented": config.augment.fill}
    teach(context, model, about, settings, augmented, original)


def _inputs(config: Config) -> dict[str, str]:
    need_stored(config, "retrain")
    augmented = f"augment/{config.augment.fill}/features.h5"
    return {"augmented": augmented, "features": FEATURES, **weights_inputs(config, "train")}


STAGE = Stage(
    name="retrain",
    folder=lambda config: f"retrain/{config.augment.fill}",
    keys=("trainer", "augment.epochs", "seed"),
    inputs=_inputs,
    work=work,
)
