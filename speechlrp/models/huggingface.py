"""Audio classifiers of ``transformers``, from a folder that their ``save_pretrained`` wrote.

AST takes filterbanks, wav2vec 2.0, HuBERT, WavLM and the like take samples, and Whisper's log-mel
spectrogram is computed from samples here, so that it is explained to these. Nothing is fetched.

Shapes: ``B`` examples, ``T`` samples, ``F`` bands, ``N`` frames, ``K`` classes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.models.preparations import PREPARATIONS
from speechlrp.registry import shield

TRAIN = ("head", "all", "none")
HEADS = ("classifier", "projector", "layer_weights")
"""What stands on the encoder, as transformers calls it."""
FILES = ("config.json", "model.safetensors", "preprocessor_config.json")
INSTALL = "model=huggingface needs transformers; install it with `pip install 'speechlrp[hf]'`"


def huggingface(
    classes: int,
    folder: str | None = None,
    train: str = "head",
    architecture: Mapping[str, Any] | None = None,
    preparation: Mapping[str, Any] | None = None,
) -> HuggingFace:
    """Make a network with the weights of a folder, or the same network again without any.

    Args:
        classes: number of outputs, ``K``; a head with another number of them is drawn anew.
        folder: with `FILES`.
        train: ``"head"`` freezes the rest; ``"all"``; ``"none"``: as it is.
        architecture: in place of the folder, what its ``config.json`` says.
        preparation: likewise its feature extractor.

    Raises:
        SpeechLRPError: transformers is absent, the folder is not whole, or of another kind.
    """
    if train not in TRAIN:
        raise unknown("value of model.train", train, TRAIN)
    library = _transformers()
    if architecture is not None and preparation is not None:
        config = library.AutoConfig.for_model(**architecture)
        model = library.AutoModelForAudioClassification.from_config(config)
        return HuggingFace(model, dict(preparation), train)
    path = _folder(folder)
    model, prepared = _told(f"model.folder={path}", lambda: _read(library, path, classes))
    return HuggingFace(model, prepared, train)


class HuggingFace(nn.Module):
    """Features or samples as the feature extractor would have made them, then the network.

    Args:
        model: of ``transformers``, for audio classification.
        preparation: ``kind`` of `PREPARATIONS`, and its settings.
        train: see `huggingface`.

    Attributes:
        kwargs: of `huggingface`, which make the same network without the folder.
        labels: what the network's classes are called.
    """

    def __init__(self, model: Any, preparation: dict[str, Any], train: str) -> None:
        super().__init__()
        self.model = model
        settings = {key: value for key, value in preparation.items() if key != "kind"}
        self.prepare = PREPARATIONS[preparation["kind"]](**settings)
        self._frozen = train != "all"
        architecture = json.loads(model.config.to_json_string(use_diff=False))
        self.kwargs = {"train": train, "architecture": architecture, "preparation": preparation}
        names: dict[int, str] = model.config.id2label
        self.labels = [names[number] for number in sorted(names)]
        for name, child in model.named_children():
            child.requires_grad_(name in HEADS or not self._frozen)

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, K]`` of filterbanks ``[B, 1, F, N]`` or samples ``[B, 1, T]``."""
        return self.model(self.prepare(x)).logits

    def train(self, mode: bool = True) -> HuggingFace:
        """What is frozen stays in evaluation mode: nothing in it is dropped or masked."""
        super().train(mode)
        for name, child in self.model.named_children():
            child.train(mode and (name in HEADS or not self._frozen))
        return self

    def check_features(self, features: Mapping[str, Any]) -> None:
        """Compare settings of features with those of the network's own extractor.

        Raises:
            SpeechLRPError: some differ, and what they must be.
        """
        wanted = {
            key: value
            for key, value in self.prepare.features.items()
            if not _same(features.get(key), value)
        }
        if not wanted:
            return
        here = ", ".join(f"{key} {_word(features.get(key))}" for key in wanted)
        settings = " ".join(
            f"features={value}" if key == "name" else f"features.{key}={_word(value)}"
            for key, value in wanted.items()
        )
        raise SpeechLRPError(
            f"{type(self.model).__name__} was trained on other features than these ({here}); add "
            f"{settings}"
        )

    def reordered(self, classes: list[str]) -> None:
        """Let the outputs come in the order of some classes.

        Raises:
            SpeechLRPError: the network's own are others.
        """
        if sorted(self.labels) != sorted(classes):
            raise SpeechLRPError(
                f"the network's classes are {', '.join(self.labels)}, and the data's "
                f"{', '.join(classes)}; with model.train=head a head for these is trained"
            )
        last = [m for n, m in self.model.named_modules() if n.startswith("classifier")][-1]
        order = torch.tensor([self.labels.index(name) for name in classes])
        with torch.no_grad():
            for values in last.parameters(recurse=False):
                values.copy_(values[order.to(values.device)])
        self.labels = list(classes)
        self.kwargs["architecture"]["id2label"] = {str(k): n for k, n in enumerate(classes)}


def _transformers() -> Any:
    try:
        shield()
        import transformers
    except ImportError as error:
        raise SpeechLRPError(INSTALL) from error
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()  # a new head is no warning here
    return transformers


def _folder(folder: str | None) -> Path:
    how = "a folder that save_pretrained of the network and of its feature extractor wrote"
    if not folder:
        raise SpeechLRPError(f"model=huggingface needs {how}: model.folder=DIR")
    path = Path(folder).expanduser().resolve()
    if not path.is_dir():
        raise SpeechLRPError(f"model.folder={folder} is no folder; it must be {how}")
    missing = [name for name in FILES if not (path / name).is_file()]
    if missing == ["model.safetensors"] and (path / "model.safetensors.index.json").is_file():
        missing = []
    if missing:
        raise SpeechLRPError(
            f"there is no {missing[0]} in model.folder={folder}; it must be {how}"
            + (" (weights as safetensors)" if missing[0].endswith("safetensors") else "")
        )
    return path


def _read(library: Any, path: Path, classes: int) -> tuple[Any, dict[str, Any]]:
    place = {"local_files_only": True, "trust_remote_code": False}
    extractor = library.AutoFeatureExtractor.from_pretrained(path, **place)
    config = library.AutoConfig.from_pretrained(path, **place)
    if config.num_labels != classes:
        config.num_labels = classes
    model = library.AutoModelForAudioClassification.from_pretrained(
        path, config=config, ignore_mismatched_sizes=True, use_safetensors=True, **place
    )
    settings = extractor.to_dict()
    kind = settings["feature_extractor_type"]
    known = {preparation.extractor: name for name, preparation in PREPARATIONS.items()}
    if kind not in known:
        raise unknown("feature extractor in preprocessor_config.json", kind, known)
    name = known[kind]
    return model, {"kind": name, **PREPARATIONS[name].settings_of(settings)}


def _told(what: str, read: Callable[[], Any]) -> Any:
    """What a folder of any content makes transformers raise, in one line."""
    try:
        return read()
    except SpeechLRPError:
        raise
    except Exception as error:  # a config of any content may raise anything
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise SpeechLRPError(f"{what} cannot be read: {line}") from error


def _same(stored: Any, value: Any) -> bool:
    if isinstance(value, float) and isinstance(stored, int | float):
        return math.isclose(stored, value, rel_tol=1e-4)
    return bool(stored == value)


def _word(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
