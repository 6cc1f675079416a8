"""Explanations of a network's decision: one face, `explain(model, inputs, target)`."""

from speechlrp.registry import Registry

EXPLAINERS = Registry("explainer", {"lrp": "speechlrp.explainers.lrp:LRP"})
