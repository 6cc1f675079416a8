"""train with `model.weights` or `model.folder`: take a network that others trained, as it is."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlrp.config.schema import Config, options
from speechlrp.corpora.text import composed, read_text
from speechlrp.data.dataset import Windows
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.models.heads import CosineLinear
from speechlrp.models.huggingface import FILES, HuggingFace
from speechlrp.pipeline.record import fingerprint
from speechlrp.pipeline.stage import Context
from speechlrp.report.training import training_curves
from speechlrp.training.checkpoint import save_model
from speechlrp.training.metrics import tabulate
from speechlrp.training.prediction import predict
from speechlrp.training.published import LAST, load_published, pick_classes, read_published
from speechlrp.training.seeding import device

OURS = ("weights", "classifier", "speakers")
"""Settings of the section that are about the checkpoint; the others are the model's."""
CLASSIFIERS = ("auto", "checkpoint", "centroids")
BATCH = 64


def model_options(config: Config) -> dict[str, Any]:
    """What the configured model's constructor is given."""
    return options(config.model, "name", "input_scale", *OURS)


def published_weights(config: Config) -> dict[str, Any]:
    """What is known of the checkpoint and its list of speakers, where there are any."""
    settings = {name: config.model.get(name) for name in ("weights", "speakers")}
    paths = {name: _path(path) for name, path in settings.items() if path}
    if folder := config.model.get("folder"):
        paths |= {f"folder/{name}": _path(folder) / name for name in FILES}
    return {f"model.{name}": fingerprint(path) for name, path in paths.items() if path.is_file()}


def _path(path: str) -> Path:
    return Path(path).expanduser().resolve()


def load_foreign(
    context: Context, model: nn.Module, meta: dict[str, Any], examples: Windows
) -> None:
    """Write a checkpoint's weights as a training would have: last, best, metrics, curves.

    Raises:
        SpeechLRPError: the checkpoint cannot be read, or does not fit a class an output.
    """
    section, place = context.config.model, device(context.config.device)
    if isinstance(model, HuggingFace):
        model.reordered(examples.classes)
        meta |= {"loss": "cross_entropy", "published": _path(section["folder"]).name}
        write_as_is(context, model.to(place).eval(), meta, examples)
        return
    path, name = _path(section["weights"]), section["name"]
    weights = read_published(path, rename=name in LAST)
    last, classifier = LAST.get(name), {}
    if last:
        keys = [key for key in weights if key.startswith(f"{last}.")]
        classifier = {key: weights.pop(key) for key in keys}
    if _from_checkpoint(section, classifier, last) or last is None:
        if last:
            known = _speakers(section["speakers"])
            weights |= pick_classes(classifier, examples.classes, known, path)
        load_published(model, weights, path, name)
        model.to(place).eval()
    else:
        layer = getattr(model, last)
        if not isinstance(layer, CosineLinear):
            raise SpeechLRPError("centroids are compared by cosines; add model.head=cosine")
        drawn = {f"{last}.{key}": values for key, values in layer.state_dict().items()}
        load_published(model, weights | drawn, path, name)
        model.to(place).eval()
        with torch.no_grad():
            layer.weight.copy_(centroids(model, examples, meta["input_scale"], place))
        context.say("no last layer is taken: classes are the mean embeddings of the training split")
    write_as_is(context, model, {**meta, "loss": "cross_entropy", "published": path.name}, examples)


def _from_checkpoint(
    section: dict[str, Any], classifier: dict[str, Tensor], last: str | None
) -> bool:
    """Whether the last layer is the checkpoint's.

    Raises:
        SpeechLRPError: it is asked for and not there, or centroids are and cannot be.
    """
    asked = section["classifier"]
    if asked not in CLASSIFIERS:
        raise unknown("value of model.classifier", asked, CLASSIFIERS)
    if not last:
        if asked == "centroids":
            raise SpeechLRPError(
                f"model.classifier=centroids is for model={' and '.join(LAST)}; "
                f"{section['name']} has a last layer of its own"
            )
        return True
    if asked == "checkpoint" and not classifier:
        raise SpeechLRPError(
            f"{section['weights']} has no last layer ({last}); set model.classifier=centroids"
        )
    return asked == "checkpoint" or (asked == "auto" and bool(classifier))


def _speakers(file: str | None) -> list[str] | None:
    if not file:
        return None
    text = read_text(_path(file), "model.speakers", "name the checkpoint's classes, one a line")
    return [composed(line.strip()) for line in text.splitlines() if line.strip()]


def centroids(model: nn.Module, examples: Windows, scale: float, place: torch.device) -> Tensor:
    """The mean direction of each class's embeddings in the training split, ``[K, E]``.

    The model has a method ``embed``, and is in evaluation mode.

    Raises:
        SpeechLRPError: a class has no training example.
    """
    there = set(examples.labels[examples.rows("train")])
    absent = [name for k, name in enumerate(examples.classes) if k not in there]
    if absent:
        raise SpeechLRPError(
            f"no training example of {absent[0]!r} ({len(absent)} classes have none): its mean "
            "embedding is not known; take another split, such as split=recordings"
        )
    embed = cast(Callable[[Tensor], Tensor], model.embed)
    total: Tensor | None = None
    batches = examples.batches("train", batch_size=BATCH, input_scale=scale, cache_mb=0)
    with torch.inference_mode():
        for batch in batches.epoch(0):
            inputs, targets = batch[0].to(place), batch[1].to(place)
            ways = functional.normalize(embed(inputs))
            if total is None:
                total = ways.new_zeros(len(examples.classes), ways.shape[1])
            total.index_add_(0, targets, ways)
    assert total is not None  # each class has an example
    return functional.normalize(total)


def write_as_is(
    context: Context, model: nn.Module, meta: dict[str, Any], examples: Windows
) -> None:
    """Write a network as a training would have: last, best, metrics, curves."""
    row: dict[str, float] = {"epoch": 0}
    place, scale = next(model.parameters()).device, meta["input_scale"]
    for subset in ("train", "validate"):
        row |= {f"{subset}_loss": math.nan, f"{subset}_accuracy": math.nan}
        if (examples.table.subset == subset).any():
            batches = examples.batches(subset, batch_size=BATCH, input_scale=scale, cache_mb=0)
            outputs = predict(model, batches, place)
            evaluation = tabulate(outputs, classes=examples.classes, loss=meta["loss"])
            row[f"{subset}_loss"] = evaluation.loss
            row[f"{subset}_accuracy"] = evaluation.accuracy
    metrics = pd.DataFrame([row | {"lr": 0.0, "seconds": 0.0, "model_seconds": 0.0}])
    for name in ("last", "best"):
        save_model(context.folder / f"{name}.safetensors", model, {**meta, "epoch": 0})
    curves = training_curves(metrics, chance=1 / len(examples.classes))
    context.write(metrics=metrics, curves=curves)
    context.note("validation_accuracy", {"last": row["validate_accuracy"]})
    context.say(f"taken as it is: validation accuracy {row['validate_accuracy']:.2%}")
