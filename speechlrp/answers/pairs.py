"""Why two voices are taken for one: the cosine of their embeddings, explained in both.

Shapes: B segments, E numbers of an embedding, F frequencies, T frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from speechlrp.answers.answer import Answer
from speechlrp.answers.classifier import Pieces
from speechlrp.data.explaining import check, explainer
from speechlrp.data.network import Classifier, Shifted
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.stage import Context
from speechlrp.training.embeddings import embed


class Similarity(nn.Module):
    """The cosine of a segment's embedding with that of another recording, ``[B, 1]``."""

    other: Tensor

    def __init__(self, model: nn.Module, other: Tensor) -> None:
        super().__init__()
        self.model: Any = model
        self.register_buffer("other", functional.normalize(other, dim=0))

    def forward(self, inputs: Tensor) -> Tensor:
        """Inputs ``[B, 1, F, T]``."""
        return functional.normalize(self.model.embed(inputs)) @ self.other[:, None]


def answer_pair(
    context: Context, network: Classifier, waves: Sequence[Tensor], names: Sequence[str]
) -> tuple[Answer, Answer]:
    """Explain the similarity of two recordings; see ``Run.explain_pair``."""
    section = context.config.explainer
    check(section)
    if not hasattr(network.model, "embed"):
        raise SpeechLRPError(
            f"model={network.meta['model']} has no embeddings (a method `embed`), so two voices "
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
        answers.append(
            Answer(
                name=names[one],
                label=f"like {names[other]}",
                probability=similarity,
                probabilities={"cosine": similarity},
                target=f"its similarity to {names[other]}",
                explainer=section["name"],
                units="cosine",
                bands_hz=tuple(section["bands_hz"]),
                **pieces[one].joined(relevance.detach().float().sum(1).cpu().numpy()),
            )
        )
    return answers[0], answers[1]
