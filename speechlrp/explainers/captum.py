"""Any method of captum by its name, asked as every other explainer is.

Shapes: ``B`` examples, ``n`` baselines.
"""

import inspect
import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.explainers.base import (
    CHANGE,
    NOTHING,
    OUTPUT,
    Explainer,
    check_choice,
    check_least,
    check_two,
    check_whole,
)
from speechlrp.explainers.preconditions import generators
from speechlrp.explainers.question import STARTS, Question, ask, explaining, finite, logits_of
from speechlrp.lrp.start import Target
from speechlrp.registry import told

SLOPES = ("Saliency", "GuidedBackprop", "Deconvolution")
"""Their numbers are slopes, not shares."""
COMPLETE = (
    "IntegratedGradients",
    "DeepLift",
    "ShapleyValues",
    "ShapleyValueSampling",
    "KernelShap",
)
"""Their numbers add up to what the output differs by from that of the reference."""
AROUND = ("DeepLiftShap", "GradientShap")
"""They compare with several baselines, which are drawn around the reference."""
DRAWN = (*AROUND, "ShapleyValueSampling", "KernelShap", "Lime")
"""They draw numbers: an example at a time, seeded by its content."""


class Captum(Explainer):
    """A method of captum, such as DeepLiftShap or GuidedBackprop, by the name of its class.

    Of the methods that change segments of the input (those with a ``feature_mask``) a segment is
    a patch, and its number is shared out equally among its bins. DeepLiftShap adds up to the
    output less its mean over the baselines that are drawn, GradientShap does so on average; since
    there is no one baseline, neither is held to a sum. (In captum 0.9 DeepLift and DeepLiftShap
    do not add up behind a max-pool; `compare` shows by how much.)

    Args:
        method: a class of ``captum.attr`` that explains inputs.
        options: of its ``attribute``, as captum names them.
        samples: baselines that are drawn around the reference, for those that want several.
        noise: their standard deviation, as a share of the example's range of values.
        patch: bins of frequency and frames of a segment or window.
        seed: of what is drawn.
        start: ``"logit"``, or the target's probability, ``"sigmoid"`` or ``"softmax"``.

    Raises:
        SpeechLRPError: captum is not installed; a method that there is not, or of layers.

    Source: Kokhlikyan et al. 2020.
    """

    def __init__(
        self,
        method: str,
        options: Mapping[str, Any] | None = None,
        samples: int = 16,
        noise: float = 0.15,
        patch: Any = 16,
        seed: int = 1,
        start: str = "logit",
    ) -> None:
        self._class = _class_of(method)
        self.method, self.options = method, dict(options or {})
        self.samples, self.noise = check_whole("samples", samples), check_least("noise", noise, 0)
        self.patch, self.seed = check_two("patch", patch), seed
        self.baseline = self.options.get("baselines", 0.0)
        self.start = check_choice("start", start, STARTS)

    @property
    def units(self) -> str:
        """Of a share of what is explained, or of a slope."""
        return f"{self.quantity}{' per unit of the input' if self.method in SLOPES else ''}"

    @property
    def sums_to(self) -> str:
        """What the method is known to add up to."""
        return CHANGE if self.method in COMPLETE else OUTPUT if self.method == "LRP" else NOTHING

    def explain(self, model: nn.Module, inputs: Tensor, target: Target) -> tuple[Tensor, Tensor]:
        """Explain a batch; as `Explainer.explain`, or captum cannot explain this model."""
        with explaining():
            inputs, output, question, _ = ask(model, inputs, target, self.start)
            relevance = torch.empty_like(inputs)
            for rows in self._together(question.weights):
                one = question._replace(weights=question.weights[rows[:1]])
                relevance[rows] = self._attributed(_Asked(model, one), inputs[rows]).to(inputs)
            return output, finite(relevance)

    def _together(self, weights: Tensor) -> list[Tensor]:
        """The rows of examples that captum is asked about at once: with the same question."""
        if self.method in DRAWN:
            return list(torch.arange(len(weights)).split(1))
        _, groups = weights.flatten(1).unique(dim=0, return_inverse=True)
        return [torch.nonzero(groups == group)[:, 0] for group in groups.unique()]

    def _attributed(self, model: nn.Module, inputs: Tensor) -> Tensor:
        generator = generators(inputs[:1], self.seed)[0]
        arguments, sizes = self._arguments(inputs, generator)
        numpys = np.random.get_state()  # GradientShap's draws
        with warnings.catch_warnings(), torch.random.fork_rng():
            warnings.simplefilter("ignore")  # of its hooks, and of gradients that it switches on
            torch.manual_seed(generator.initial_seed())
            np.random.seed(generator.initial_seed() % 2**32)
            try:
                attribution = self._class(model).attribute(inputs, **(arguments | self.options))
            except Exception as error:  # captum and the model in its hands raise anything
                raise SpeechLRPError(f"captum's {self.method}: {told(error)}") from error
            finally:
                np.random.set_state(numpys)
        return attribution.detach() / sizes

    def _arguments(
        self, inputs: Tensor, generator: torch.Generator
    ) -> tuple[dict[str, Any], Tensor]:
        """What the method needs besides the inputs, and among how many bins a number is shared."""
        known, sizes = inspect.signature(self._class.attribute).parameters, inputs.new_ones(1)
        arguments: dict[str, Any] = {}
        if self.method in AROUND:
            shape = (self.samples, *inputs.shape[1:])
            spread = self.noise * (inputs.max() - inputs.min())
            draws = torch.randn(shape, generator=generator, device=inputs.device)
            arguments["baselines"] = (spread * draws).to(inputs)
        elif "baselines" in known:
            arguments["baselines"] = 0.0
        patch = self.patch[-(inputs.dim() - 2) :] if inputs.dim() > 2 else ()
        if "sliding_window_shapes" in known:
            sides = zip(patch, inputs.shape[2:], strict=False)
            arguments["sliding_window_shapes"] = (inputs.shape[1], *(min(s) for s in sides))
        if "feature_mask" in known:
            mask = segments(inputs.shape[2:], patch).to(inputs.device)
            arguments["feature_mask"] = mask.expand(1, *inputs.shape[1:])
            sizes = torch.bincount(mask.flatten())[mask] * inputs.shape[1]
        return arguments, sizes


class _Asked(nn.Module):
    """The one number that is explained of each example, ``[B]``."""

    def __init__(self, model: nn.Module, question: Question) -> None:
        super().__init__()
        self.model, self.question = model, question

    def forward(self, inputs: Tensor) -> Tensor:
        # captum makes a leaf of the input, which a model that begins in place may not change.
        inputs = inputs.clone()
        logits = logits_of(self.model, inputs) if self.question.ends else self.model(inputs)
        weights = self.question.weights.expand(len(inputs), *self.question.weights.shape[1:])
        return self.question._replace(weights=weights).answer(logits)[0]


def segments(shape: torch.Size, patch: tuple[int, ...]) -> Tensor:
    """The number of the patch that each bin lies in, int64 in a shape; the last are smaller."""
    number = torch.zeros(shape, dtype=torch.int64)
    for axis, (length, side) in enumerate(zip(shape, patch, strict=False)):
        places = torch.arange(length) // side
        view = [1] * len(shape)
        view[axis] = length
        number = number * (int(places[-1]) + 1) + places.view(view)
    return number


def _class_of(method: str) -> Any:
    try:
        attr = import_module("captum.attr")
    except ImportError as error:
        raise SpeechLRPError(
            "explainer=captum needs the package captum: pip install 'speechlrp[captum]'"
        ) from error
    known = {name: getattr(attr, name) for name in attr.__all__ if _of_inputs(getattr(attr, name))}
    if method not in known:
        if method in attr.__all__:
            raise SpeechLRPError(
                f"explainer.method={method} of captum explains no inputs of a model alone (but "
                f"layers, neurons, or what another gives); those that do: {', '.join(known)}"
            )
        raise unknown("value of explainer.method", str(method), known)
    return known[method]


def _of_inputs(entry: Any) -> bool:
    """Whether a class of captum explains a model's inputs, and needs no more than the model."""
    if not inspect.isclass(entry) or not hasattr(entry, "attribute"):
        return False
    first, *others = list(inspect.signature(entry.__init__).parameters.values())[1:]
    needed = [p.name for p in others if p.default is p.empty and p.kind is not p.VAR_KEYWORD]
    return first.name in ("forward_func", "model") and not needed
