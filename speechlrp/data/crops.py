"""Training on random windows of the recordings themselves, with what is mixed into them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from speechlrp.artifacts.tables import read_csv
from speechlrp.audio.augmentation import Augmentation, loader
from speechlrp.audio.mixing import KINDS, Kind, Mixer
from speechlrp.audio.noises import synthesised, synthesiser
from speechlrp.audio.random_windows import Crops, Source
from speechlrp.config.schema import Config, configure, options
from speechlrp.corpora.gathering import audio_below
from speechlrp.corpora.musan import musan
from speechlrp.data.dataset import Windows
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.stage import Context
from speechlrp.training.window_batches import CropBatches


def from_audio(config: Config) -> bool:
    """Whether training reads recordings, and not stored features."""
    return config.features.get("train_from") == "audio"


def crop_batches(context: Context, examples: Windows, **common: Any) -> CropBatches:
    """Random windows of the training recordings.

    `recordings.csv` beside the dataset is the stage's input ``recordings``; the rest goes to
    `CropBatches`.
    """
    config, settings = context.config, examples.feature_settings
    needed = ("id", "path", "label", "subset", "seconds", "level_db")
    remake = f"make it again with `{context.made_by['recordings']}`"
    table = read_csv(context.inputs["recordings"], remake, needed)
    table = table[table.subset == "train"]
    columns = (table.id, table.path.map(Path), table.seconds, table.level_db)
    sources = [Source(*row) for row in zip(*columns, strict=True)]
    number = {name: label for label, name in enumerate(examples.classes)}
    labels = [number[name] for name in table.label]
    return CropBatches(
        sources,
        labels,
        Crops(settings, seed=config.seed, augmentation=configured(config, settings.rate)),
        seed=config.seed,
        threads=context.workers,
        speed_classes=len(examples.classes) if config.mixing.get("speed_classes") else 0,
        **common,
    )


def extra_classes(config: Config, classes: int) -> dict[str, int]:
    """The model's classes that there are in training alone: speakers at other speeds."""
    if not config.mixing.get("speed_classes"):
        return {}
    speeds = len(config.mixing["speeds"])
    if not speeds:
        raise SpeechLRPError(
            "mixing.speed_classes is true, but there are no mixing.speeds; use "
            "mixing.speeds=[0.9,1.1]"
        )
    return {"extra_classes": classes * speeds}


def configured(config: Config, rate: int) -> Augmentation | None:
    """What is done to training windows at a rate; None where nothing is configured."""
    mixing = config.mixing
    if not mixing.get("name"):
        return None
    root = mixing["root"]
    files = synthesised() if root is None else musan(Path(root))
    load = synthesiser(rate) if root is None else loader(rate)
    settings = options(mixing, "name", "root", "speed_classes")
    source = {"files": files, "load": load, "rate": rate, "seed": config.seed}
    return configure(f"mixing {mixing['name']}", augmentation, settings, **source)


def augmentation(
    *,
    files: Mapping[str, Sequence[Path]],
    load: Any,
    rate: int,
    seed: int,
    probability: float,
    noise_db: Sequence[float],
    music_db: Sequence[float],
    babble_db: Sequence[float],
    rirs: str | None,
    reverberation: float,
    speeds: Sequence[float],
) -> Augmentation:
    """Set up an augmentation from the section ``mixing``; see ``conf/mixing/musan.yaml``.

    Raises:
        SpeechLRPError: a range is none, or there is nothing to draw from.
    """
    ranges = {"noise": noise_db, "music": music_db, "babble": babble_db}
    kinds = {name: kind_at("mixing", name, parameters) for name, parameters in ranges.items()}
    responses: list[Path] = []
    if rirs is not None:
        there = audio_below(Path(rirs)) if Path(rirs).is_dir() else ()
        responses = sorted(Path(rirs) / name for name in there)
        if not responses:
            raise SpeechLRPError(
                f"no impulse responses in {rirs}; give another folder, or mixing.rirs=null"
            )
    return Augmentation(
        seed=seed,
        mixer=Mixer(files, load, seed=seed, probability=probability, kinds=kinds),
        responses=responses,
        load=loader(rate),
        reverberation=reverberation,
        speeds=tuple(speeds),
    )


def kind_at(section: str, name: str, snr_db: Sequence[float]) -> Kind:
    """One of ``KINDS`` at other ratios, in dB, of a section of the configuration.

    Raises:
        SpeechLRPError: the range is none.
    """
    if len(snr_db) != 2 or not snr_db[0] <= snr_db[1]:
        raise SpeechLRPError(f"{section}.{name}_db is {list(snr_db)}; it must be [least, greatest]")
    return replace(KINDS[name], snr_db=(float(snr_db[0]), float(snr_db[1])))
