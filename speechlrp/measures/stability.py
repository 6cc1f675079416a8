"""Does a map stay when the input hardly changes, and change when what it explains is another?

N recordings, P bins each.
"""

from collections.abc import Callable

import numpy as np
import torch

from speechlrp.explainers.preconditions import generators
from speechlrp.measures.agreement import spearman
from speechlrp.measures.effective import copied
from speechlrp.measures.randomise import layers_in_use, randomised
from speechlrp.measures.scores import Asked, Maps, asked_of

RADIUS = 0.02
"""The largest change of a bin, as a share of the recording's range."""
COPIES = 10


def stability(maps: Maps) -> dict[str, np.ndarray]:
    """Max-sensitivity: the largest relative change of the map under small noise, ``[N]``.

    ``max_e |R(x + e) - R(x)| / |R(x)|`` over draws of uniform noise, Euclidean norms; 0 of a
    map that does not move. NaN of a map that is 0 throughout. The parts of a bin share its
    largest change.

    Source: Yeh et al. 2019.
    """
    asked = asked_of(maps)
    flat = asked.inputs.flatten(1)
    reach = RADIUS / asked.inputs.shape[1] ** 0.5 * (flat.amax(1) - flat.amin(1))
    before = asked.bins(asked.relevance).double()
    draws, largest = generators(asked.inputs, asked.seed), torch.zeros_like(before[:, 0])
    for _ in range(COPIES):
        noise = torch.empty_like(flat)
        for one, generator in zip(noise, draws, strict=True):
            one.uniform_(-1, 1, generator=generator)
        moved = (flat + noise * reach[:, None]).view_as(asked.inputs)
        relevance = asked.explainer.explain(asked.model, moved, asked.target)[1]
        after = asked.bins(relevance).double()
        largest = torch.maximum(largest, (after - before).norm(dim=1))
    return {"max_sensitivity": (largest / before.norm(dim=1)).cpu().numpy()}


def randomised_weights(maps: Maps) -> dict[str, np.ndarray]:
    """The rank correlation of |R| with that of the network with all layers made random, ``[N]``.

    Near 0 where the explanation depends on what was learned; each layer's numbers are shuffled.

    Source: Adebayo et al. 2018; Hedstrom et al. 2024.
    """
    asked = asked_of(maps)
    model = copied(asked.model)
    layers = layers_in_use(model, asked.inputs[:1])
    (other,) = (
        asked.explainer.explain(one, asked.inputs, asked.target)[1]
        for one in randomised(model, [layers], "cascading", "permute", asked.seed)
    )
    return {"randomised_weights": _correlations(asked, other, torch.abs)}


def randomised_logit(maps: Maps) -> dict[str, np.ndarray]:
    """The rank correlation of a map with that of another class, ``[N]``: 1 if the class is lost.

    Source: Sixt et al. 2020.
    """
    asked = asked_of(maps)
    if asked.target.is_floating_point():  # weights of the logits, as of a contrast
        target = asked.target.roll(1, dims=1)
    else:
        target = (asked.target + 1) % asked.model(asked.inputs[:1]).shape[1]
    other = asked.explainer.explain(asked.model, asked.inputs, target)[1]
    return {"randomised_logit": _correlations(asked, other)}


def _correlations(
    asked: Asked, other: torch.Tensor, sizes: Callable[[torch.Tensor], torch.Tensor] = torch.clone
) -> np.ndarray:
    maps = [sizes(asked.bins(relevance)) for relevance in (asked.relevance, other)]
    pairs = torch.stack(maps, 1).cpu().numpy()
    return np.array([spearman(pair)[0, 1] for pair in pairs])
