"""The rules, one a file. Registering a rule is one line here."""

from speechlrp.lrp.rules.base import Rule
from speechlrp.lrp.rules.epsilon import Epsilon
from speechlrp.lrp.rules.zero import Zero

RULES: dict[str, type[Rule]] = {
    "zero": Zero,
    "epsilon": Epsilon,
}

__all__ = ["RULES", "Epsilon", "Rule", "Zero"]
