"""Where artifacts lie in a run: folder names are made from facts here, and never read back.

What a folder is stands in its `stage.json`.
"""

import hashlib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from speechlrp.config.schema import Config
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.flipping import FILLS
from speechlrp.registry import is_reference

FOREIGN = (".pt", ".pth", ".ckpt", ".model", ".bin")
NAMED = "found"
"""What `augment.region` calls the first region that an explanation of validation found."""
PENALTY, PROJECTION = "penalty", "clarc"
OTHER = {PENALTY: ("--penalty", "1", "--region", NAMED), PROJECTION: ("--project", "LAYER")}
KINDS = {"_region": ("--region", NAMED), "_random": ("--random",), "": ()}
"""Repairs without a fill, and which bins are filled -> the options that ask for them."""
RETRAINED = (
    *(f"aug_{fill}{kind}" for fill in FILLS for kind in KINDS if fill != "none" or not kind),
    *OTHER,
)
"""Weights of `retrain`; a fill of one's own makes others."""
LONGEST = 40
"""Characters of one fact in a folder's name."""


@dataclass(frozen=True)
class Artifact:
    """A file that a stage of the run writes."""

    stage: str  # the verb
    file: str  # its name in the stage's folder
    facts: Mapping[str, str] = field(default_factory=dict)  # that tell the stage's results apart
    options: tuple[str, ...] = ()  # of the command line that makes it

    @property
    def path(self) -> str:
        """Below the run's folder."""
        return f"{place(self.stage, self.facts)}/{self.file}"


def place(stage: str, facts: Mapping[str, str]) -> str:
    """The folder of a stage's result below the run, such as ``explain/train-lrp-test``."""
    names = [plain(value) for value in facts.values() if value]
    return f"{stage}/{'-'.join(names)}" if names else stage


def plain(text: str, longest: int = LONGEST) -> str:
    """A text as part of a folder's name: as it is, or shortened and with a digest of it.

    What remains is safe in every shell and in Hydra's grammar, and has no dash, which
    stands between facts. Two texts never become one.
    """
    if re.fullmatch(r"[A-Za-z0-9_.+]+", text) and len(text) <= longest and text.strip("."):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:6]
    kept = re.sub(r"[^A-Za-z0-9_+]+", "_", text).strip("_")[: longest - 7]
    return f"{kept}.{digest}".lstrip(".")


FEATURES = Artifact("preprocess", "features.h5")
"""Windows of one length."""
UTTERANCES = Artifact("preprocess", "utterances.h5")
"""Features of whole utterances."""
RECORDINGS = Artifact("preprocess", "recordings.csv")
"""The recordings that gave features, and those that training cuts windows from."""

FOUND = "found.csv"
"""Of an explanation: the regions that hold more of a class's relevance than their share."""


def weights(config: Config, kind: str = "") -> dict[str, Artifact | Path]:
    """The files of the configured weights, or of those of a kind, as a stage's inputs.

    Raises:
        SpeechLRPError: weights that there are not, or in another project's format.
    """
    name, file = kind or config.weights, f"{config.checkpoint}.safetensors"
    if name.endswith(".safetensors"):
        path = Path(name).expanduser().resolve()
        return {"weights": path, "meta": path.with_suffix(".json")}
    if name == "train":
        artifact = Artifact("train", file)
    elif name in RETRAINED or (name.startswith("aug_") and is_reference(name)):
        artifact = retrained(name.removeprefix("aug_"), file)
    elif name.endswith(FOREIGN):
        raise SpeechLRPError(
            f"weights={name} is no file of this project; take it with `speechlrp train "
            f"model=wespeaker model.weights={name}` (or model=resnet_se34, custom), and leave "
            "weights at train"
        )
    else:
        raise unknown("value of weights", name, ("train", *RETRAINED, "PATH.safetensors"))
    meta = f"{config.checkpoint}.json"
    beside = Artifact(artifact.stage, meta, artifact.facts, artifact.options)
    return {"weights": artifact, "meta": beside}


def variant(config: Config) -> str:
    """What `augment` makes as it is configured: a fill, and which bins."""
    augment = config.augment
    kind = "_random" if augment.random else "_region" if augment.region else ""
    return augment.fill + ("" if augment.fill == "none" else kind)


def repair(config: Config) -> str:
    """What `retrain` does as it is configured: a penalty, a projection, or a `variant`."""
    if config.augment.penalty:
        return PENALTY
    return PROJECTION if config.augment.project else variant(config)


def region_of(config: Config) -> dict[str, Artifact | Path]:
    """The file of the configured regions, as a stage's input, where there are any."""
    region = config.augment.region
    if not region:
        return {}
    if region != NAMED:
        return {"region": Path(region).expanduser().resolve()}
    return {"region": explanation(config, FOUND, "train", "validate")}


def retrained(name: str, file: str) -> Artifact:
    """What `retrain` writes for a repair."""
    return Artifact("retrain", file, {"repair": name}, OTHER.get(name) or _filling(name))


def augmented(name: str) -> Artifact:
    """What `augment` writes for a `variant`."""
    return Artifact("augment", "features.h5", {"bins": name}, _filling(name))


def _filling(name: str) -> tuple[str, ...]:
    """The options of the command line that ask for a `variant`."""
    kind = next(kind for kind in KINDS if name.endswith(kind))
    return ("--fill", name.removesuffix(kind), *KINDS[kind])


def weights_name(config: Config) -> str:
    """A name for the weights: train, aug_zero, ..., or a file's; and its checkpoint, if best."""
    if config.weights.endswith(".safetensors"):
        path = Path(config.weights).expanduser().resolve()
        digest = hashlib.sha256(str(path).encode()).hexdigest()[:6]
        return f"{path.stem}.{digest}"
    return config.weights if config.checkpoint == "last" else f"{config.weights}_best"


def network_facts(config: Config, **more: str) -> dict[str, str]:
    """What tells results of asking a network about a split apart."""
    return {"weights": weights_name(config), "subset": config.subset, **more}


def explanation_facts(config: Config, weights: str = "", subset: str = "") -> dict[str, str]:
    """What tells explanations of a run apart."""
    view = config.explainer.get("view")
    return {
        "weights": weights or weights_name(config),
        "explainer": config.explainer["name"] + (f"_{view}" if view else ""),
        "subset": subset or config.subset,
    }


def explanation(config: Config, file: str, weights: str = "", subset: str = "") -> Artifact:
    """What `explain` writes, of the configured explainer."""
    facts = explanation_facts(config, weights, subset)
    options = ["--explainer", config.explainer["name"], "--weights", weights or config.weights]
    options += [] if weights else ["--checkpoint", config.checkpoint]
    options += ["--subset", facts["subset"]]
    if config.explainer.get("view"):
        options += [
            f"explainer.{k}={config.explainer[k]}" for k in ("view", "window_length", "hop")
        ]
    return Artifact("explain", file, facts, tuple(map(shlex.quote, options)))
