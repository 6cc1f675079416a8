"""Explanations of a network's decision: one face, `explain(model, inputs, target)`."""

from speechlrp.registry import Registry

EXPLAINERS = Registry(
    "explainer",
    {
        "lrp": "speechlrp.explainers.lrp:LRP",
        "sensitivity": "speechlrp.explainers.sensitivity:Sensitivity",
        "gradient_x_input": "speechlrp.explainers.gradient_x_input:GradientXInput",
        "integrated_gradients": "speechlrp.explainers.integrated_gradients:IntegratedGradients",
        "smoothgrad": "speechlrp.explainers.smoothgrad:SmoothGrad",
        "occlusion": "speechlrp.explainers.occlusion:Occlusion",
        "random": "speechlrp.explainers.random:Random",
    },
)

ORDERS = ("cascading", "independent")
"""Layers made random: all from the output down to one, or that one alone."""

METHODS = ("init", "permute")
"""How: as a training begins (batch norms' statistics too), or the numbers shuffled."""

SCORES = Registry(
    "score",
    {
        "texture": "speechlrp.explainers.texture:texture",
        "bands": "speechlrp.explainers.scores:bands",
        "cue": "speechlrp.explainers.localisation:cue",
    },
)
"""Numbers of a relevance map: `Maps` of N recordings -> column name -> `[N]`."""
