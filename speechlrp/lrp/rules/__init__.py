"""The rules, one a file, or a rule and its special case. Registering one is one line here."""

from speechlrp.lrp.rules.alpha_beta import AlphaBeta, ZPlus
from speechlrp.lrp.rules.epsilon import Epsilon, Zero
from speechlrp.lrp.rules.gamma import Gamma
from speechlrp.lrp.rules.passing import Pass
from speechlrp.lrp.rules.products import ProductRule, SignalTakesAll, Uniform
from speechlrp.lrp.rules.rule import Rule
from speechlrp.lrp.rules.sign_corrected import SignCorrected
from speechlrp.lrp.rules.square import Flat, WSquare
from speechlrp.lrp.rules.z_box import ZBox

RULES: dict[str, type[Rule]] = {
    "zero": Zero,
    "epsilon": Epsilon,
    "gamma": Gamma,
    "alpha_beta": AlphaBeta,
    "z_plus": ZPlus,
    "w_square": WSquare,
    "flat": Flat,
    "z_box": ZBox,
    "pass": Pass,
    "sign_corrected": SignCorrected,
    "signal_takes_all": SignalTakesAll,
    "uniform": Uniform,
}

__all__ = ["RULES", "ProductRule", "Rule", *sorted(rule.__name__ for rule in RULES.values())]
