"""Whose weights a stage works on, and where they and their explanations lie."""

from __future__ import annotations

from pathlib import Path

from speechlrp.config.schema import Config
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.flipping import FILLS

FOREIGN = (".pt", ".pth", ".ckpt", ".model", ".bin")
AUGMENTED = tuple(f"aug_{fill}" for fill in FILLS)


def weights_file(config: Config, kind: str = "") -> str:
    """Where the configured weights lie: below the run's folder, or a path of the user's."""
    name = kind or config.weights
    if name == "train":
        return f"train/{config.checkpoint}.safetensors"
    if name in AUGMENTED:
        return f"retrain/{name.removeprefix('aug_')}/{config.checkpoint}.safetensors"
    if name.endswith(".safetensors"):
        return str(Path(name).resolve())
    if name.endswith(FOREIGN):
        raise SpeechLRPError(
            f"weights={name} is no file of this project; take it with `speechlrp train "
            f"model=wespeaker model.weights={name}` (or model=resnet_se34, custom), and leave "
            "weights at train"
        )
    raise unknown("value of weights", name, ("train", *AUGMENTED, "PATH.safetensors"))


def weights_inputs(config: Config, kind: str = "") -> dict[str, str]:
    """The files of the configured weights, as a stage's inputs."""
    path = weights_file(config, kind)
    return {"weights": path, "meta": path.removesuffix(".safetensors") + ".json"}


def weights_name(config: Config) -> str:
    """A name for folders: train, aug_zero, aug_mean, or the file's; `-best` if not the last."""
    name = Path(config.weights).name.removesuffix(".safetensors").replace("-", "_")
    return name if config.checkpoint == "last" else f"{name}_{config.checkpoint}"


def explanation(config: Config, weights: str = "", subset: str = "") -> str:
    """The folder of an explanation."""
    name, where = config.explainer["name"], subset or config.subset
    return f"explain/{weights or weights_name(config)}-{name}-{where}"
