"""Layer-wise relevance propagation for any torch model, at the price of a gradient.

    >>> from speechlrp.lrp import attribute, Composite, Epsilon, Zero
    >>> composite = Composite([(nn.Linear, Zero()), (nn.Conv2d, Epsilon(0.8))])
    >>> output, relevance = attribute(model, inputs, target, composite)

What has no rule raises ``NotExplainable``. Needs torch alone.
"""

from speechlrp.lrp.composite import Composite
from speechlrp.lrp.conservation import Balance, conservation, report
from speechlrp.lrp.engine import attribute
from speechlrp.lrp.inner import attribute_layers
from speechlrp.lrp.layer import Layer, Product
from speechlrp.lrp.overview import Assigned, Overview, describe
from speechlrp.lrp.presets import PRESETS
from speechlrp.lrp.refusals import LRPError, LRPWarning, NotExplainable
from speechlrp.lrp.rules import (
    RULES,
    AlphaBeta,
    Epsilon,
    Flat,
    Gamma,
    Pass,
    ProductRule,
    Rule,
    SignalTakesAll,
    SignCorrected,
    Uniform,
    WSquare,
    ZBox,
    Zero,
    ZPlus,
)
from speechlrp.lrp.selectors import All, Depth, First, Last
from speechlrp.lrp.views import LinearView, STFTView, View, attribute_view

__all__ = [
    "PRESETS", "RULES", "All", "AlphaBeta", "Assigned", "Balance", "Composite", "Depth",
    "Epsilon", "First", "Flat", "Gamma", "LRPError", "LRPWarning", "Last", "Layer", "LinearView",
    "NotExplainable", "Overview", "Pass", "Product", "ProductRule", "Rule", "STFTView",
    "SignCorrected", "SignalTakesAll", "Uniform", "View", "WSquare", "ZBox", "ZPlus", "Zero",
    "attribute", "attribute_layers", "attribute_view", "conservation", "describe", "report",
]  # fmt: skip
