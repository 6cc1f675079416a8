"""A classifier, asked about one recording of any length; or why two voices are taken for one.

A recording is cut as in training, every segment is explained, and the pieces are put together
again. Of two voices the cosine of their embeddings is explained, in both.

Shapes: n segments, F frequencies, T frames of a segment, K classes, E numbers of an embedding.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlrp.answers.answer import COSINE, Answer
from speechlrp.audio.windows import cut, place
from speechlrp.data.explaining import Explaining, against_others, check, explainer
from speechlrp.data.network import Classifier, Shifted
from speechlrp.errors import SpeechLRPError, about, unknown
from speechlrp.measures.scores import whole_bins
from speechlrp.pipeline.stage import Context
from speechlrp.training.embeddings import embed


def answer_class(
    context: Context,
    network: Classifier,
    wave: Tensor,
    name: str,
    *,
    target: str | None,
    against: str | None,
) -> Answer:
    """Classify and explain a recording; arguments as of ``Run.explain``."""
    section = context.config.explainer
    check(section)
    network = network.seen(section)
    pieces = Pieces(network, wave, name, context.config.data_seed)
    explaining = Explaining(network, section)
    _, probabilities = network.predict(network.inputs(pieces.features))
    pooled = pool(probabilities)
    classes = network.dataset.classes
    label = int(pooled.argmax())
    asked = classes[label] if target is None else target
    count = len(pieces.features)
    if section["target"] == "runner_up" and against is None:
        rivals = np.where([one == asked for one in classes], -1, pooled)
        against = classes[int(rivals.argmax())]
    weights, words = weights_of(classes, asked, against, count)
    if section["target"] == "contrast" and against is None:
        number = torch.full((count,), classes.index(asked))
        weights, words = against_others(number, len(classes)), f"{asked} against the others"
    relevance = explain_pieces(explaining, pieces.features, weights)
    return Answer(
        name=name,
        label=classes[label],
        probability=float(pooled[label]),
        probabilities=dict(zip(classes, pooled.tolist(), strict=True)),
        target=words,
        explainer=section["name"],
        units=explaining.explainer.units,
        bands_hz=tuple(section["bands_hz"]),
        **pieces.joined(relevance),
    )


def pool(probabilities: Tensor) -> np.ndarray:
    """Class probabilities ``[K]`` of a recording: the mean of its segments' log-probabilities."""
    logs = probabilities.double().clamp(min=1e-30).log().mean(0)
    return logs.softmax(0).cpu().numpy()


def weights_of(
    classes: list[str], target: str, against: str | None, count: int
) -> tuple[Tensor, str]:
    """What of the logits is explained, ``[count, K]``, and in words.

    A contrast is the difference of two logits: what both share cancels.

    Raises:
        SpeechLRPError: a class that there is not, or one against itself.
    """
    for wanted in (target, against):
        if wanted is not None and wanted not in classes:
            raise unknown("class", wanted, classes)
    if target == against:
        raise SpeechLRPError(f"{target} against itself is no contrast; name another class")
    weights = torch.zeros(count, len(classes))
    weights[:, classes.index(target)] = 1
    if against is None:
        return weights, target
    weights[:, classes.index(against)] = -1
    return weights, f"{target} against {against}"


def explain_pieces(explaining: Explaining, features: np.ndarray, weights: Tensor) -> np.ndarray:
    """Relevance ``[n, F, T]`` of segments ``[n, 1, ...]``, batch by batch."""
    size, parts = explaining.section["batch_size"], []
    labels = weights.argmax(1).numpy()
    for first in range(0, len(features), size):
        piece = slice(first, first + size)
        _, inputs, _ = explaining.batch(features[piece], labels[piece])
        target = weights[piece].to(inputs)
        _, relevance = explaining.explain(inputs, target)
        parts.append(explaining.maps(relevance.detach().float()).cpu().numpy())
    return np.concatenate(parts)[:, 0]


class Pieces:
    """A recording's segments in windows, and the way back.

    Attributes:
        features: ``[n, 1, F, T]``, or samples ``[n, 1, L]``.

    Raises:
        SpeechLRPError: the recording is too short, or silent.
    """

    def __init__(self, network: Classifier, wave: Tensor, name: str, seed: int) -> None:
        dataset = network.dataset
        self._dataset, self._wave = dataset, wave
        settings = dataset.feature_settings
        if settings.segment_s is None and len(wave) > settings.length:
            # Trained on shorter recordings: a longer one is taken window by window.
            settings = replace(settings, segment_s=settings.length / settings.rate)
        settings = replace(settings, max_segments=None)
        with about(name):
            segments, _ = cut(wave, settings)
        windows = []
        self._rows: list[tuple[float, float, float]] = []
        for start, segment in segments:
            # By the file's stem: where ids are stems, a recording lies where it lay in training.
            stem = Path(name).stem
            window, offset = place(segment, settings.length, seed=seed, name=stem, start=start)
            windows.append(window)
            samples = (start, offset, len(segment))
            self._rows.append(tuple(value / settings.rate for value in samples))
        with torch.inference_mode():
            self.features = settings.transform(torch.stack(windows)).numpy()

    def joined(self, relevance: np.ndarray) -> dict[str, Any]:
        """Features and relevance along the whole recording, with its times.

        Of several segments, each gives the frames that lie in it; of one, all frames are kept,
        those of the padding too.
        """
        times = self._dataset.time
        parts: dict[str, list[np.ndarray]] = {"features": [], "relevance": [], "times": []}
        pictures = self._dataset.picture(self.features)
        for piece, (start, onset, seconds) in enumerate(self._rows):
            inside = (times >= onset) & (times < onset + seconds)
            kept = np.flatnonzero(inside | (len(self._rows) == 1))
            parts["features"].append(pictures[piece][:, kept])
            parts["relevance"].append(relevance[piece][:, kept])
            parts["times"].append(start + times[kept] - onset)
        return {name: np.concatenate(values, axis=-1) for name, values in parts.items()} | {
            "frequencies": self._dataset.frequency,
            "feature_units": self._dataset.units,
            "samples": self._wave.numpy(),
            "rate": self._dataset.feature_settings.rate,
            "facts": {"segments": len(self._rows)},
        }


class Similarity(nn.Module):
    """The cosine of a segment's embedding with that of another recording, ``[B, 1]``."""

    other: Tensor

    def __init__(self, model: nn.Module, other: Tensor) -> None:
        super().__init__()
        self.model: Any = model
        self.register_buffer("other", functional.normalize(other, dim=0))

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs ``[B, 1, F, T]``."""
        return functional.normalize(self.model.compare(inputs)) @ self.other[:, None]


def answer_pair(
    context: Context, network: Classifier, waves: Sequence[Tensor], names: Sequence[str]
) -> tuple[Answer, Answer]:
    """Explain the similarity of two recordings; see ``Run.explain_pair``."""
    section = context.config.explainer
    check(section)
    if not hasattr(network.model, "compare"):
        raise SpeechLRPError(
            f"model={network.meta['model']} has no embeddings (a method `compare`), so two voices "
            "cannot be compared; a speaker model such as model=resnet34 has"
        )
    network = network.seen(section)
    asked = explainer({**section, "start": "logit"}, network.meta["loss"])
    seed = context.config.data_seed
    pieces = [Pieces(network, w, n, seed) for w, n in zip(waves, names, strict=True)]
    inputs = [network.inputs(piece.features) for piece in pieces]
    plain = [network.scaled(piece.features) for piece in pieces]
    voices = [functional.normalize(embed(network.model, x)).mean(0) for x in plain]
    similarity = float(functional.cosine_similarity(voices[0], voices[1], dim=0))
    reference = network.baseline(section["reference"])
    answers = []
    for one, other in ((0, 1), (1, 0)):
        model = network.behind_view(Similarity(network.model, voices[other]).eval())
        if section["reference"] != "zero":
            model = Shifted(model, reference).eval()
        target = torch.zeros(len(inputs[one]), dtype=torch.int64, device=network.device)
        _, relevance = asked.explain(model, inputs[one] - reference, target)
        maps = whole_bins(asked, relevance.detach().float())
        answers.append(
            Answer(
                name=names[one],
                label=f"like {names[other]}",
                probability=similarity,
                probabilities={COSINE: similarity},
                target=f"its similarity to {names[other]}",
                explainer=section["name"],
                units=COSINE,
                bands_hz=tuple(section["bands_hz"]),
                **pieces[one].joined(maps[:, 0].cpu().numpy()),
            )
        )
    return answers[0], answers[1]
