"""train: a network from the training split's features."""

from __future__ import annotations

from speechlrp.artifacts.atomic import write_bytes
from speechlrp.config.schema import Config, call, options
from speechlrp.models import MODELS
from speechlrp.report.style import figure_png
from speechlrp.report.training import training_curves
from speechlrp.stages.features import FEATURES, Examples, read_examples
from speechlrp.stages.progress import steps
from speechlrp.stages.stage import Context, Stage
from speechlrp.training.loaders import Batches
from speechlrp.training.loop import fit
from speechlrp.training.seeding import device, seed_everything
from speechlrp.training.settings import TrainSettings


def work(context: Context) -> None:
    """Write the last and the best weights, `metrics.csv` and `curves.png`."""
    config = context.config
    examples = read_examples(context.inputs["features"], context.command("preprocess"))
    settings, model_settings = recipe(config), options(config.model, "name", "input_scale")
    with seed_everything(config.seed):
        name = config.model["name"]
        model = call(f"model {name}", MODELS[name], model_settings, classes=len(examples.classes))
    meta = {
        "model": name,
        "kwargs": model_settings,
        "classes": examples.classes,
        "input_scale": config.model["input_scale"],
        "features": examples.settings,
        "task": examples.task,
    }
    teach(context, model, meta, settings, examples, examples)


def recipe(config: Config) -> TrainSettings:
    """The configured recipe, with the run's seed."""
    return call("trainer", TrainSettings, config.trainer, seed=config.seed)


def teach(
    context: Context,
    model,
    meta: dict,
    settings: TrainSettings,
    examples: Examples,
    validation: Examples,
) -> None:
    """Fit a model to the training split of `examples`, and keep what came of it."""
    common = {"batch_size": settings.batch_size, "input_scale": meta["input_scale"]}
    with steps() as on_step:
        metrics = fit(
            model,
            _batches(examples, "train", shuffle=True, seed=settings.seed, **common),
            _batches(validation, "validate", **common),
            settings,
            context.folder,
            device(context.config.device),
            meta=meta,
            on_epoch=lambda row: context.say(
                f"epoch {row['epoch']:.0f} of {settings.epochs}: loss {row['train_loss']:.4f}, "
                f"validation accuracy {row['validate_accuracy']:.2%}, {row['seconds']:.1f} s"
            ),
            on_step=on_step,
        )
    best = metrics.loc[metrics.validate_accuracy.idxmax()]
    write_bytes(context.folder / "curves.png", figure_png(training_curves(metrics)))
    (context.folder / "state.pt").unlink()
    last = metrics.iloc[-1]
    context.note(
        "validation_accuracy", {"last": last.validate_accuracy, "best": best.validate_accuracy}
    )
    context.note("best_epoch", int(best.epoch))


def _batches(examples: Examples, subset: str, **settings) -> Batches:
    labels = examples.table.label.to_numpy()
    return Batches(examples.path, labels, examples.rows(subset), cache_mb=4096, **settings)


STAGE = Stage(
    name="train",
    folder=lambda config: "train",
    keys=("model", "trainer", "seed"),
    inputs=lambda config: {"features": FEATURES},
    work=work,
)
