"""train, task=letters: a recogniser, by CTC."""

from collections.abc import Mapping
from typing import Any

import torch

from speechlrp.config.schema import Config, configure, options
from speechlrp.data.dataset import Spoken, dataset
from speechlrp.data.network import describe_model, make_model
from speechlrp.errors import SpeechLRPError
from speechlrp.letters.decoding import greedy
from speechlrp.letters.error_rates import ErrorCounts, count_errors
from speechlrp.letters.vocabulary import BLANK_INDEX
from speechlrp.pipeline.places import UTTERANCES
from speechlrp.pipeline.progress import steps
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.training import recogniser_curves
from speechlrp.stages.train.classes import loggers
from speechlrp.training.callbacks import Calling
from speechlrp.training.letter_training import fit_letters
from speechlrp.training.recipe import LetterSettings
from speechlrp.training.seeding import device
from speechlrp.training.spec_augment import SpecAugment


def work(context: Context) -> None:
    """Write the last and the best weights, and `metrics.csv`."""
    config = context.config
    spoken = dataset(context)
    settings, model_settings = recipe(config), options(config.model, "name", "input_scale")
    shape = len(spoken.frequency), int(spoken.table.frames.max())
    check_bands(model_settings, shape[0])
    model = make_model(config, model_settings, len(spoken.classes), shape, sequences=True)
    _teach(context, model, describe_model(config, model_settings, spoken), settings, spoken)


def recipe(config: Config) -> LetterSettings:
    """The configured recipe, with the run's seed."""
    masks = config.trainer.get("spec_augment")
    if masks is not None:
        masks = configure("trainer.spec_augment", SpecAugment, masks, seed=config.seed)
    rest = options(config.trainer, "spec_augment", "logger")
    fixed = {"seed": config.seed, "spec_augment": masks}
    return configure(f"trainer for task={config.task.name}", LetterSettings, rest, **fixed)


def check_bands(settings: Mapping[str, Any], bands: int) -> None:
    """Check that the settings of a model are for so many bands.

    Raises:
        SpeechLRPError: they are for another number.
    """
    if settings.get("bands", bands) != bands:
        raise SpeechLRPError(
            f"model.bands is {settings['bands']}, but the features have {bands} bands; "
            f"use model.bands={bands} or features.bands={settings['bands']}"
        )


def _teach(
    context: Context, model: torch.nn.Module, meta: dict, settings: LetterSettings, spoken: Spoken
) -> None:
    """Fit a model to the training split, and keep what came of it."""
    common = {
        "input_scale": meta["input_scale"],
        "max_frames": settings.max_frames,
        "max_utterances": settings.max_utterances,
        "rank": context.ranks.rank,
        "ranks": context.ranks.ranks,
    }

    def judge(scores: torch.Tensor, counts: torch.Tensor, rows: torch.Tensor) -> ErrorCounts:
        recognised = [text.text for text in greedy(scores, counts)]
        return count_errors(spoken.texts(rows.numpy()), recognised)

    def say(row: Mapping[str, float]) -> None:
        context.say(
            f"epoch {row['epoch']:.0f} of {settings.epochs}: loss {row['train_loss']:.4f}, "
            f"validation loss {row['validate_loss']:.4f}, "
            f"letter errors {row['validate_letter_error_rate']:.2%}, "
            f"word errors {row['validate_word_error_rate']:.2%}, {row['seconds']:.1f} s"
        )

    order = {"jitter": settings.jitter, "seed": settings.seed}
    with steps() as bar:
        metrics = fit_letters(
            model,
            spoken.batches("train", **order, **common),
            spoken.batches("validate", shuffle=False, every=True, **common),
            settings,
            context.folder,
            device(context.config.device),
            meta=meta,
            blank=BLANK_INDEX,
            judge=judge,
            nothing=ErrorCounts(),
            ranks=context.ranks,
            callbacks=[Calling(say, bar), *loggers(context, settings, meta)],
        )
    if context.ranks.leader:
        context.write(curves=recogniser_curves(metrics))
        (context.folder / "state.pt").unlink()
    rates = metrics.validate_letter_error_rate
    context.note("validation_letter_error_rate", {"last": rates.iloc[-1], "best": rates.min()})
    context.note("best_epoch", int(metrics.epoch[rates.idxmin()]))
    context.note("too_short", int(metrics.too_short.iloc[-1]))


STAGE = Stage(
    name="train",
    keys=("model", "trainer", "seed"),
    inputs=lambda config: {"features": UTTERANCES},
    work=work,
    shared=True,
)
