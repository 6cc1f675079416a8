"""retrain: train on from the trained weights, on the augmented training set (T 6.2)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from speechlrp.config.schema import Config
from speechlrp.data.dataset import dataset
from speechlrp.models.custom import own_code
from speechlrp.pipeline.places import FEATURES, Artifact, augmented, weights
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.stages.train.augment import need_stored
from speechlrp.stages.train.classes import recipe, teach
from speechlrp.training.checkpoint import load_model
from speechlrp.training.seeding import device

ABOUT = ("model", "kwargs", "classes", "input_scale", "features", "task", "code")


def work(context: Context) -> None:
    """Write the same as train; validation is on the original validation split."""
    config = context.config
    changed = dataset(context, "augmented")
    original = dataset(context)
    model, meta = load_model(
        context.inputs["weights"], device(config.device), factory=own_code(config.model)
    )
    settings = replace(recipe(config), epochs=config.augment.epochs)
    about = {name: meta[name] for name in ABOUT if name in meta}
    about |= {"augmented": config.augment.fill}
    teach(context, model, about, settings, changed, original)


def _inputs(config: Config) -> dict[str, Artifact | Path]:
    need_stored(config, "retrain")
    changed = augmented(config.augment.fill)
    return {"augmented": changed, "features": FEATURES, **weights(config, "train")}


STAGE = Stage(
    name="retrain",
    facts=lambda config: {"fill": config.augment.fill},
    keys=("trainer", "augment.epochs", "seed"),
    inputs=_inputs,
    work=work,
)
