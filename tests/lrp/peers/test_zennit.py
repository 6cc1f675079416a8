"""Equal to zennit wherever its hooks see the whole model; where not, by how much."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from speechlrp.lrp import Composite, Epsilon, attribute
from tests.lrp.peers import zennit_peer as peer
from tests.lrp.peers import zoo

WITHOUT_NORMS = ("alexnet", "vgg")
SEEN = ("alexnet", "wav2letter", "vgg", "vgg with batch norm", "resnet18", "resnet34", "resnet50")
CASES = [
    (name, merge)
    for name in (*SEEN, "densenet")
    for merge in (False, True)
    if not (merge and name in WITHOUT_NORMS)
]


def both(zennit, name, merge, rule, dtype):
    """The relevance of a case: zennit's and ours."""
    case = zoo.case(name, dtype=dtype)
    model = peer.visible(zennit, case.model)
    if merge:
        peer.merged(zennit, model)
    theirs = peer.relevance(zennit, model, case, peer.THEIRS[rule](zennit, case.x))
    composite = peer.ours(rule, case.model, merge)
    return theirs, attribute(case.model, case.x, case.chosen, composite)[1]


def distance(found, expected):
    """The largest difference, relative to the largest relevance."""
    return float((found.double() - expected).abs().max() / expected.abs().max())


@pytest.mark.filterwarnings("ignore:the absolute relevance of .* out of all proportion")
@pytest.mark.parametrize("rule", peer.OURS)
@pytest.mark.parametrize(("name", "merge"), CASES)
def test_same_relevance_as_zennit(zennit, name, merge, rule):
    """In float64 equal; in float32 as near to that as zennit's own, or within 1e-4."""
    theirs, ours = both(zennit, name, merge, rule, torch.float64)
    assert distance(ours, theirs) < 1e-8
    single, own = both(zennit, name, merge, rule, torch.float32)
    assert own.dtype == torch.float32
    assert distance(own, ours) < max(1e-4, 3 * distance(single, ours))


@pytest.mark.parametrize("style", zoo.STYLES)
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_it_is_all_one_how_a_residual_is_written(zennit, name, style):
    """Ours of ``F.relu(out + x)`` and of ``out += x`` is zennit's of a module for each."""
    case = zoo.case(name)
    model = peer.merged(zennit, peer.visible(zennit, case.model))
    theirs = peer.relevance(zennit, model, case, peer.THEIRS["epsilon plus"](zennit, case.x))
    written = zoo.restyled(case.model, style)
    composite = peer.ours("epsilon plus", written, merge_batch_norm=True)
    assert distance(attribute(written, case.x, case.chosen, composite)[1], theirs) < 1e-8


def test_a_merged_batch_norm_of_zennit_still_divides_by_its_eps(zennit):
    """Ours of a model whose norms are smaller by ``sqrt(1 + eps)`` is what zennit explains."""
    case = zoo.case("vgg with batch norm")
    for module in case.model.modules():
        if isinstance(module, _BatchNorm):
            module.eps = 0.01
    left = peer.merged(zennit, peer.visible(zennit, case.model), exact=False)
    theirs = peer.relevance(zennit, left, case, peer.THEIRS["gamma"](zennit, case.x))
    composite = peer.ours("gamma", case.model, merge_batch_norm=True)
    _, ours = attribute(case.model, case.x, case.chosen, composite)
    assert distance(ours, theirs) > 1e-3
    smaller = copy.deepcopy(case.model)
    for module in smaller.modules():
        if isinstance(module, _BatchNorm):
            module.weight.data /= (1 + module.eps) ** 0.5
            module.bias.data /= (1 + module.eps) ** 0.5
    _, scaled = attribute(smaller, case.x, case.chosen, composite)
    assert distance(scaled, theirs) < 1e-5  # a stabiliser of 1e-6 sees the other scale


class Sides(nn.Module):
    """``w x + v x``, added by the module that it is given."""

    def __init__(self):
        super().__init__()
        self.w, self.v = nn.Linear(4, 3, bias=False), nn.Linear(4, 3, bias=False)
        self.join = zoo.Join()

    def forward(self, x):
        return self.join(self.w(x), self.v(x))


def test_an_addition_of_zennit_absorbs_its_stabiliser(zennit):
    model = Sides().double().eval()
    case = zoo.Case(model, torch.randn(5, 4).double(), (1,))
    entries = [(zennit.layer.Sum, zennit.rules.Norm(stabilizer=0.5))]
    entries.append((nn.Linear, zennit.rules.Epsilon(epsilon=peer.TINY)))
    composite = zennit.composites.LayerMapComposite(entries)
    theirs = peer.relevance(zennit, peer.visible(zennit, model), case, composite)
    rules = Composite([(nn.Linear, Epsilon(peer.TINY))])
    output, ours = attribute(model, case.x, case.chosen, rules)
    z = output[:, 1:2]
    torch.testing.assert_close(theirs, ours * z.abs() / (z.abs() + 0.5), rtol=1e-8, atol=1e-12)
