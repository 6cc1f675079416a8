"""train: a network from the training split's features, or from its recordings themselves."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from speechlrp.config.schema import Config, configure, options
from speechlrp.data.crops import crop_batches, extra_classes, from_audio
from speechlrp.data.dataset import Windows, dataset
from speechlrp.data.network import describe_model, make_model
from speechlrp.models.huggingface import HuggingFace
from speechlrp.pipeline.places import FEATURES, RECORDINGS
from speechlrp.pipeline.progress import steps
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.training import training_curves
from speechlrp.stages.train.foreign import load_foreign, model_options, published_weights
from speechlrp.training import LOGGERS
from speechlrp.training.callbacks import Callback, Calling
from speechlrp.training.loaders import Batches
from speechlrp.training.loop import fit
from speechlrp.training.losses import RegionPenalty
from speechlrp.training.recipe import Recipe, TrainSettings
from speechlrp.training.seeding import device
from speechlrp.training.window_batches import CropBatches


def loggers(context: Context, settings: Recipe, meta: Mapping[str, Any]) -> list[Callback]:
    """The configured logger, which writes to `logs` below the stage's folder; none by default.

    Raises:
        SpeechLRPError: there is no such logger, or what it needs is not installed.
    """
    name = context.config.trainer.get("logger")
    if name is None or not context.ranks.leader:
        return []
    facts = {"model": meta["model"], "task": meta["task"], **asdict(settings)}
    return [LOGGERS[name](context.folder / "logs", context.run.name, facts)]


CACHE_MB = 4096
"""Memory for training examples, in MiB, see `Batches`."""


def work(context: Context) -> None:
    """Write the last and the best weights, `metrics.csv` and `curves.png`.

    With `model.weights` or `model.train=none` nothing is trained: the network is taken as it is.
    """
    config = context.config
    examples = dataset(context)
    settings, model_settings = recipe(config), model_options(config)
    model_settings |= extra_classes(config, len(examples.classes))
    shape = examples.train_mean.shape
    model = make_model(config, model_settings, len(examples.classes), shape)
    if isinstance(model, HuggingFace):
        model.check_features(examples.settings)
        model_settings = model.kwargs  # which need no folder
    meta = describe_model(config, model_settings, examples)
    if config.model.get("weights") or config.model.get("train") == "none":
        if context.ranks.leader:
            load_foreign(context, model, meta, examples)
        return
    teach(context, model, meta, settings, examples, examples)


def recipe(config: Config) -> TrainSettings:
    """The configured recipe, with the run's seed."""
    return configure("trainer", TrainSettings, options(config.trainer, "logger"), seed=config.seed)


def teach(
    context: Context,
    model,
    meta: dict,
    settings: TrainSettings,
    examples: Windows,
    validation: Windows,
    penalty: RegionPenalty | None = None,
) -> None:
    """Fit a model to the training split of `examples`, measured on the other's validation split.

    `meta` is of the model, see `save_model`; a penalty comes beside the loss.
    """
    common = {"batch_size": settings.batch_size, "input_scale": meta["input_scale"]}
    common |= {"rank": context.ranks.rank, "ranks": context.ranks.ranks}

    def say(row: Mapping[str, float]) -> None:
        context.say(
            f"epoch {row['epoch']:.0f} of {settings.epochs}: loss {row['train_loss']:.4f}, "
            f"validation accuracy {row['validate_accuracy']:.2%}, {row['seconds']:.1f} s"
        )

    with steps() as bar:
        metrics = fit(
            model,
            _training(context, examples, settings, common),
            validation.batches("validate", cache_mb=CACHE_MB, **common),
            settings,
            context.folder,
            device(context.config.device),
            meta=meta,
            callbacks=[Calling(say, bar), *loggers(context, settings, meta)],
            ranks=context.ranks,
            penalty=penalty,
        )
    if not context.ranks.leader:
        return
    context.write(curves=training_curves(metrics, chance=1 / len(examples.classes)))
    (context.folder / "state.pt").unlink()
    accuracy = metrics.validate_accuracy
    context.note("validation_accuracy", {"last": accuracy.iloc[-1], "best": accuracy.max()})
    context.note("best_epoch", int(metrics.epoch[accuracy.idxmax()]))


def _training(
    context: Context, examples: Windows, settings: TrainSettings, common: dict
) -> Batches | CropBatches:
    """The training examples: from the file, or cut from the recordings."""
    common = {**common, "accumulate": settings.accumulate}
    if "recordings" in context.inputs:
        return crop_batches(context, examples, **common)
    order = {"shuffle": True, "seed": settings.seed}
    return examples.batches("train", cache_mb=CACHE_MB, **order, **common)


STAGE = Stage(
    name="train",
    keys=("model", "trainer", "mixing", "seed"),
    inputs=lambda config: {
        "features": FEATURES,
        **({"recordings": RECORDINGS} if from_audio(config) else {}),
    },
    work=work,
    sources=published_weights,
    shared=True,
)
