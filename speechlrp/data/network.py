"""A trained network, ready to be asked about the examples of a dataset.

Shapes: B examples, C parts of a bin (1, or a view's), F frequencies, T frames, K classes; V symbols
and S steps of a recogniser.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from speechlrp.artifacts.source_digests import code_of
from speechlrp.config.schema import Config, configure
from speechlrp.data.dataset import Dataset, Spoken, Windows
from speechlrp.data.seen import check_no_view, seen
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.explainers.question import logits_of
from speechlrp.flipping import BASELINES
from speechlrp.flipping.fill_ins import Surroundings
from speechlrp.lrp.views import Viewed
from speechlrp.models import MODELS
from speechlrp.models.custom import check_network, own_code
from speechlrp.models.heads import check_outputs
from speechlrp.models.wav2letter import Wav2Letter
from speechlrp.pipeline.stage import Context
from speechlrp.registry import told
from speechlrp.training.checkpoint import load_model
from speechlrp.training.losses import probabilities
from speechlrp.training.seeding import device, seed_everything


class Network:
    """A trained network and the dataset that it is asked about.

    Attributes:
        model: in evaluation mode; takes inputs that are scaled.
        meta: what it was saved with, see `describe_model`.
        scale: what features are multiplied with before the model sees them.
        device: where it is.
        dataset: the examples.

    Raises:
        SpeechLRPError: the weights are damaged, or were trained on other features or classes.
    """

    def __init__(self, context: Context, dataset: Dataset) -> None:
        path, config = context.inputs["weights"], context.config
        self.device, self.dataset = device(config.device), dataset
        command = f"{context.made_by['weights'] or context.command('train')} --force"
        factory = own_code(config.model)
        self.model, self.meta = load_model(path, self.device, command, factory)
        self.scale = float(self.meta["input_scale"])
        for fact, value in facts_of(dataset).items():
            if self.meta.get(fact) != value:
                raise SpeechLRPError(
                    f"{path} was trained on {fact} {self.meta.get(fact)}, but {dataset.path} "
                    f"holds {value}"
                )

    def scaled(self, features: np.ndarray) -> torch.Tensor:
        """Features of any shape -> what the model takes, on its device."""
        return torch.from_numpy(features).to(self.device) * self.scale

    @torch.inference_mode()
    def scores(self, inputs: torch.Tensor) -> torch.Tensor:
        """The model's output, ``[B, K]`` or ``[B, V, S]``, of inputs on any device.

        Raises:
            SpeechLRPError: it is not finite.
        """
        outputs = self.model(inputs.to(self.device))
        return check_outputs(outputs, inputs)


class Classifier(Network):
    """A network that tells classes of windows apart: features -> logits ``[B, K]``.

    Its inputs are features ``[B, 1, F, T]``; of samples, once it is `seen`, what the view makes
    of them, ``[B, C, F, T]``.
    """

    dataset: Windows

    def seen(self, section: Mapping[str, Any]) -> Classifier:
        """The same network, asked about maps of an explainer's view, see `data.seen`."""
        other = copy.copy(self)
        other.dataset = seen(self.dataset, section)
        return other

    def inputs(self, features: np.ndarray) -> torch.Tensor:
        """Features, of one example or several -> inputs."""
        plain, view = self.scaled(features), self.dataset.view
        return view.analysis(plain) if view else plain

    def behind_view(self, model: nn.Module) -> nn.Module:
        """A model of features as one of inputs."""
        view = self.dataset.view
        return Viewed(model, view, self.dataset.train_mean.shape) if view else model

    @torch.inference_mode()
    def predict(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, which decide, and class probabilities of inputs, `[B, K]` each.

        Raises:
            SpeechLRPError: a logit is not finite.
        """
        logits = check_outputs(logits_of(self.behind_view(self.model), inputs), inputs)
        return logits, probabilities(self.meta["loss"], logits)

    def baseline(self, name: str) -> torch.Tensor:
        """What a bin without information is, as an input, `[C, F, T]`.

        It is ``"zero"``, ``"silence"``, or ``"mean"`` of the training split.
        """
        mean = self.inputs(self.dataset.train_mean)
        if name == "mean":
            return mean
        values = {"zero": 0.0, "silence": self.dataset.silence * self.scale}
        if name not in values:
            raise unknown("baseline", name, BASELINES)
        return torch.full_like(mean, values[name])

    def surroundings(self, seed: int) -> Surroundings:
        """What bins may be filled in from; donors are drawn from the training split."""
        silence = float(self.dataset.silence * self.scale)

        def donors() -> tuple[list[str], torch.Tensor]:
            names, features = self.dataset.donors(seed)
            return names, self.inputs(features)

        return Surroundings(silence, self.baseline("mean"), donors, seed)

    def measured_from(self, reference: str) -> tuple[nn.Module, torch.Tensor]:
        """The model of differences from a baseline, and that baseline `[C, F, T]`."""
        values, model = self.baseline(reference), self.behind_view(self.model)
        return (model if reference == "zero" else Shifted(model, values).eval()), values


class Recogniser(Network):
    """A network that writes symbols: utterances ``[B, F, T]`` -> logits ``[B, V, S]``."""

    model: Wav2Letter  # or another with its stride, padding and receptive_field
    dataset: Spoken

    def __init__(self, context: Context, dataset: Dataset) -> None:
        check_no_view(context.config.explainer, dataset.settings["name"])
        super().__init__(context, dataset)


class Shifted(nn.Module):
    """A model of what its inputs differ from a reference by: y -> model(y + reference).

    LRP decomposes an output against the input 0. Of this model, y = x - reference, it
    gives (x - reference) c: what the output owes to not being the reference.
    """

    def __init__(self, model: nn.Module, reference: torch.Tensor) -> None:
        super().__init__()
        self.model = model
        self.reference = reference

    def forward(self, difference: torch.Tensor) -> torch.Tensor:
        """Logits `[B, K]` of differences from the reference `[B, C, F, T]`."""
        return self.model(difference + self.reference)


def network(context: Context, dataset: Dataset) -> Any:
    """The trained network of a stage: a `Classifier` of windows, or a `Recogniser`."""
    kind = Classifier if isinstance(dataset, Windows) else Recogniser
    return kind(context, dataset)


MADE_WRONG = (
    *(TypeError, ValueError, RuntimeError, IndexError, ArithmeticError, AssertionError),
    UserWarning,
)
"""How layers of torch refuse, or warn of, what settings made them of."""


def make_model(
    config: Config,
    settings: Mapping[str, Any],
    classes: int,
    shape: Sequence[int],
    sequences: bool = False,
) -> nn.Module:
    """The configured network; it is asked about empty inputs first.

    `settings` are of the section, and `shape` is that of an input, of which it gives one answer or
    `sequences` of them.

    Raises:
        SpeechLRPError: it cannot be made of them, or does not fit classes or features.
    """
    name, factory = config.model["name"], own_code(config.model)
    try:
        with seed_everything(config.seed), warnings.catch_warnings():
            warnings.filterwarnings("error", "Initializing zero-element tensors")
            model = configure(f"model {name}", MODELS[name], settings, classes=classes)
    except MADE_WRONG as error:
        settings_text = " ".join(f"model.{key}={value}" for key, value in settings.items())
        raise SpeechLRPError(
            f"model {name} cannot be made of {settings_text}: {told(error)}"
        ) from error
    if sequences and not hasattr(model, "receptive_field"):
        raise SpeechLRPError(
            f"task=letters needs a model of sequences, such as model=wav2letter; {name} is none"
        )
    if not hasattr(model, "check_features"):  # which knows its own inputs
        what = f"model.factory={factory}" if factory else f"model {name}"
        check_network(model, torch.zeros(*shape), classes, what, sequences)
    return model


def facts_of(dataset: Dataset) -> dict[str, Any]:
    """What a network's weights must agree on with the examples that it is asked about."""
    return {"task": dataset.task, "classes": dataset.classes, "features": dataset.settings}


def describe_model(config: Config, kwargs: dict[str, Any], dataset: Dataset) -> dict[str, Any]:
    """What weights are saved with."""
    section, named = config.model, own_code(config.model)
    description = {"model": section["name"], "kwargs": kwargs}
    description |= {"code": code_of(named)} if named else {}
    return description | {"input_scale": section["input_scale"]} | facts_of(dataset)
