"""Explanations of a network's decision: one face, `explain(model, inputs, target)`."""

from speechlrp.registry import Interface, Registry

EXPLAINERS = Registry(
    "explainer",
    {
        "lrp": "speechlrp.explainers.lrp:LRP",
        "sensitivity": "speechlrp.explainers.sensitivity:Sensitivity",
        "gradient_x_input": "speechlrp.explainers.sensitivity:GradientXInput",
        "integrated_gradients": "speechlrp.explainers.integrated_gradients:IntegratedGradients",
        "smoothgrad": "speechlrp.explainers.sensitivity:SmoothGrad",
        "occlusion": "speechlrp.explainers.occlusion:Occlusion",
        "captum": "speechlrp.explainers.captum:Captum",
        "random": "speechlrp.explainers.random:Random",
    },
    Interface(
        "a class derived from speechlrp.explainers.base:Explainer",
        bases=("speechlrp.explainers.base:Explainer",),
    ),
)
