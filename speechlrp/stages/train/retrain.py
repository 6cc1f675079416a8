"""retrain: train on from the trained weights, on the augmented training set (T 6.2); or repair.

A repair works on the original training set: a penalty on relevance in a region while training
on, or an artefact's direction taken out of a layer, with no training at all.
"""

from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from speechlrp.config.schema import Config
from speechlrp.data.dataset import Windows, dataset
from speechlrp.data.network import network
from speechlrp.data.shortcut import COLUMN
from speechlrp.errors import SpeechLRPError
from speechlrp.measures.shares import covered
from speechlrp.pipeline.places import FEATURES, Artifact, augmented, region_of, repair, weights
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.stages.train.augment import need_stored, read_regions
from speechlrp.stages.train.classes import recipe, teach
from speechlrp.stages.train.foreign import write_as_is
from speechlrp.training.clarc import activations, direction, layer_of, project
from speechlrp.training.losses import RegionPenalty

ABOUT = ("model", "kwargs", "classes", "input_scale", "features", "task", "code")
BATCH = 64


def work(context: Context) -> None:
    """Write the same as train; validation is on the original validation split."""
    config = context.config
    original = dataset(context)
    trained = network(context, original)
    facts = {name: trained.meta[name] for name in ABOUT if name in trained.meta}
    facts |= {"repair": repair(config)}
    if config.augment.project:
        _project(context, trained.model, trained.scale, original)
        write_as_is(context, trained.model, facts | {"loss": trained.meta["loss"]}, original)
        return
    settings = replace(recipe(config), epochs=config.augment.epochs)
    examples, penalty = original, None
    if config.augment.penalty:
        reference = trained.baseline(config.explainer["reference"])
        penalty = _penalty(context, original, reference)
    else:
        examples = dataset(context, "augmented")
    teach(context, trained.model, facts, settings, examples, original, penalty)


def _penalty(context: Context, examples: Windows, reference: Tensor) -> RegionPenalty:
    has_bands = "frequency" in examples.feature_settings.axes
    regions = read_regions(context, examples) if has_bands else None
    if regions is None:
        raise SpeechLRPError(
            "augment.penalty needs a region, and features that have frequencies; samples "
            "(features=waveform) have none"
        )

    def inside(rows: Tensor) -> Tensor:
        chosen = examples.table.iloc[rows.numpy()]
        return torch.from_numpy(covered(regions, chosen, examples.frequency, examples.time))[
            :, None
        ]

    return RegionPenalty(context.config.augment.penalty, inside, reference)


def _project(context: Context, model: nn.Module, scale: float, examples: Windows) -> None:
    """Take out of a layer what recordings with the artefact have there and others not.

    Raises:
        SpeechLRPError: nobody knows which recordings have one, or no such layer.
    """
    name = str(context.config.augment.project)
    layer, rows = layer_of(model, name), examples.rows("train")
    if COLUMN not in examples.table:
        raise SpeechLRPError(
            "augment.project needs to know which recordings have the artefact: a column "
            f"{COLUMN} of 1 and 0 in the list of recordings (dataset=manifest), or shortcut=hum"
        )
    place = next(model.parameters()).device
    batches = examples.batches("train", batch_size=BATCH, input_scale=scale, cache_mb=0)
    outputs = activations(model, layer, (batch.inputs for batch in batches.epoch(0, place)))
    has = torch.from_numpy(examples.table[COLUMN].to_numpy()[rows] == 1).to(place)
    way, point = direction(outputs, has, torch.from_numpy(examples.labels[rows]).to(place))
    project(layer, way, point)
    context.say(
        f"{name}: {int(has.sum())} recordings with the artefact, {int((~has).sum())} without"
    )


def _inputs(config: Config) -> dict[str, Artifact | Path]:
    need_stored(config, "retrain")
    inputs = {"features": FEATURES, **weights(config, "train")}
    if config.augment.penalty:
        return inputs | region_of(config)
    return inputs if config.augment.project else inputs | {"augmented": augmented(repair(config))}


STAGE = Stage(
    name="retrain",
    facts=lambda config: {"repair": repair(config)},
    keys=(
        *("trainer", "augment.epochs", "augment.penalty", "augment.project", "augment.region"),
        *("explainer.reference", "seed"),
    ),
    inputs=_inputs,
    work=work,
)
