"""Checkpoints that others have made: their tensors by the names of our models.

Nothing in them is executed: safetensors, or torch files that hold tensors and numbers alone.

Shapes: ``K`` classes, ``E`` numbers of the embedding.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError
from speechlrp.training.checkpoint import SUFFIX
from speechlrp.training.tensor_files import (
    NeedsCode,
    Unreadable,
    check_finite,
    read_safetensors,
    read_torch,
)

NAMED = 4
"""Differences that an error names."""
SAVING = "save the weights alone: torch.save(model.state_dict(), FILE), or as FILE.safetensors"

HOLDERS = ("model_state_dict", "state_dict", "model", "net", "network")
"""Entries under which trainings keep the weights."""
LAST = {"wespeaker": "projection", "resnet_se34": "output"}
"""Model -> its last layer, which belongs to the checkpoint's classes."""
_RENAMED = (
    (r"^((module|_orig_mod)\.)+", ""),
    (r"^__S__\.(module\.)*", ""),
    (r"^__L__\.(softmax\.)?fc\.", "output."),
    (r"^__L__\.(weight|W)$", r"output.\1"),
    (r"^model\.(?=conv1\.|layer1\.)", ""),
)
_NOT_WEIGHTS = re.compile(r"^(torchfb|instancenorm)\.|^__L__\.")
"""voxceleb_trainer's feature extraction, and what its other losses keep."""


def read_published(path: Path, rename: bool = True) -> dict[str, Tensor]:
    """Read a checkpoint's tensors, by the names that they have without what wraps the model.

    Args:
        path: ``.safetensors``, or a file of ``torch.save``.
        rename: as wespeaker's and voxceleb_trainer's need it.

    Raises:
        SpeechLRPError: it is missing, truncated or foreign, needs code to be loaded, or
            holds no tensors.
    """
    if not path.exists():
        raise SpeechLRPError(f"no weights at {path}; give model.weights the path of a checkpoint")
    try:
        content = read_safetensors(path)[1] if path.suffix == SUFFIX else read_torch(path)
        tensors = _tensors(content)
        check_finite(tensors)
    except Unreadable as error:
        advice = f"; {SAVING}" if isinstance(error, NeedsCode) else ""
        raise SpeechLRPError(f"cannot read {path}: {error}{advice}") from error
    weights = _renamed(tensors) if rename else tensors
    if not weights:
        raise SpeechLRPError(f"{path} holds no weights; {SAVING}")
    return weights


def _unwrapped(weights: Mapping[str, Tensor], wanted: Iterable[str]) -> Mapping[str, Tensor]:
    """Weights without what wraps their model, where no name is one that is wanted.

    Training in parallel puts ``module.`` before each name, torch.compile ``_orig_mod.``, and
    Lightning what the model is called there.
    """
    known, inner = set(wanted), weights
    while not known & inner.keys():
        names = [name.partition(".") for name in inner]
        if len({first for first, _, _ in names}) != 1 or not all(rest for _, _, rest in names):
            return weights
        values = inner.values()
        inner = {rest: value for (_, _, rest), value in zip(names, values, strict=True)}
    return inner if 2 * len(known & inner.keys()) > len(known) else weights


def _renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    weights = {}
    for name, values in tensors.items():
        for pattern, ours in _RENAMED:
            name = re.sub(pattern, ours, name)
        if not _NOT_WEIGHTS.search(name):
            weights[name] = values
    if weights.get("output.W", torch.empty(0)).dim() == 2:  # [E, K]
        weights["output.weight"] = weights.pop("output.W").T.contiguous()
    return weights


def _tensors(content: Any) -> dict[str, Tensor]:
    """The tensors of the innermost mapping that is kept under one of `HOLDERS`."""
    for _ in range(4):
        if not isinstance(content, Mapping):
            return {}
        inner = [content[name] for name in HOLDERS if isinstance(content.get(name), Mapping)]
        if not inner:
            return {str(name): one for name, one in content.items() if isinstance(one, Tensor)}
        content = inner[0]
    return {}


def load_published(model: nn.Module, weights: Mapping[str, Tensor], path: Path, name: str) -> None:
    """Give a model a checkpoint's weights.

    Args:
        model: the model.
        weights: the checkpoint's tensors.
        path: the checkpoint, for the error.
        name: the model's, for the error.

    Raises:
        SpeechLRPError: names or shapes differ; says which.
    """
    wanted = model.state_dict()
    weights = _unwrapped(weights, wanted)
    counters = {key for key in wanted if key.endswith("num_batches_tracked")}
    missing = sorted(wanted.keys() - weights.keys() - counters)
    extra = sorted(weights.keys() - wanted.keys())
    shapes = [
        f"{key} is {list(weights[key].shape)}, not {list(wanted[key].shape)}"
        for key in sorted(wanted.keys() & weights.keys())
        if weights[key].shape != wanted[key].shape
    ]
    if missing or extra or shapes:
        parts = [("missing", missing), ("not known", extra), ("of another shape", shapes)]
        differences = "; ".join(f"{what}: {_first(keys)}" for what, keys in parts if keys)
        advice = _advice(weights, name)
        raise SpeechLRPError(f"{path} does not fit model {name}: {differences}{advice}")
    model.load_state_dict({**wanted, **weights})


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _advice(weights: Mapping[str, Tensor], model: str) -> str:
    """What would fit, as far as the names tell."""
    names = weights.keys()
    if any(name.startswith("pool.linear") for name in names):
        return "; its attentive pooling (ASTP) is none of ours: bring it as model=custom"
    if any(".conv3." in name for name in names):
        return "; it has bottleneck blocks, so it is deeper than ResNet34: bring it as model=custom"
    if "seg_2.weight" in names and model == "wespeaker":
        return "; it has seg_2: set model.two_layers=true"
    if any(".se.fc." in name for name in names) and model != "resnet_se34":
        return "; it looks like voxceleb_trainer's: set model=resnet_se34"
    if "sap_linear.weight" in names and model == "resnet_se34":
        return "; it has sap_linear: set model.variant=fast model.bands=40"
    if "seg_1.weight" in names and model != "wespeaker":
        return "; it looks like wespeaker's: set model=wespeaker"
    return "; set the model's options to the checkpoint's"


def pick_classes(
    weights: Mapping[str, Tensor],
    classes: Sequence[str],
    known: Sequence[str] | None,
    path: Path,
) -> dict[str, Tensor]:
    """Take the rows of a last layer that belong to the data's classes.

    Args:
        weights: of the last layer, ``[K', ...]`` each.
        classes: the data's, ``K``.
        known: the checkpoint's, ``K'``; None: those of the data, in their order.
        path: the checkpoint, for the error.

    Raises:
        SpeechLRPError: there are fewer or more in the checkpoint than in the data, or its
            names are not those of the data.
    """
    counts = {tuple(values.shape[:1]) for values in weights.values()}
    if len(counts) != 1 or counts == {()}:
        sizes = {name: list(values.shape) for name, values in weights.items()}
        raise SpeechLRPError(f"the last layer in {path} is none of a row a class: {sizes}")
    ((count,),) = counts
    instead = "model.classifier=centroids compares with each class's mean embedding instead"
    if known is None:
        if count < len(classes):
            raise SpeechLRPError(
                f"{path} tells {count} classes apart, but the data has {len(classes)}; take fewer "
                f"(dataset.speakers=[...]); {instead}"
            )
        if count > len(classes):
            raise SpeechLRPError(
                f"{path} tells {count} classes apart, and the data has {len(classes)} of them or "
                f"others; name the checkpoint's in model.speakers=FILE, one a line; {instead}"
            )
        return dict(weights)
    if len(known) != count:
        raise SpeechLRPError(
            f"model.speakers names {len(known)} classes, but {path} tells {count} apart"
        )
    absent = [name for name in classes if name not in set(known)]
    if absent:
        raise SpeechLRPError(
            f"{path} does not know {len(absent)} of the data's {len(classes)} classes: "
            f"{_first(absent)}; {instead}"
        )
    rows = torch.tensor([list(known).index(name) for name in classes])
    return {name: one[rows] for name, one in weights.items()}
