"""Numbers about relevance maps: what they hold, how far they agree, what they cost."""

from speechlrp.registry import Interface, Registry

ORDERS = ("cascading", "independent")
"""Layers made random: all from the output down to one, or that one alone."""

METHODS = ("init", "permute")
"""How: as a training begins (batch norms' statistics too), or the numbers shuffled."""

TRUTHS = ("positive_inside", "positive_near", "pointing", "auc")
"""What may rank explainers by truth, of the score cue."""

SCORES = Registry(
    "score",
    {
        "texture": "speechlrp.measures.texture:texture",
        "bands": "speechlrp.measures.scores:bands",
        "cue": "speechlrp.measures.localisation:cue",
        "sparseness": "speechlrp.measures.texture:sparseness",
        "infidelity": "speechlrp.measures.removal:infidelity",
        "sensitivity_n": "speechlrp.measures.removal:sensitivity_n",
        "stability": "speechlrp.measures.stability:stability",
        "sufficiency": "speechlrp.measures.removal:sufficiency",
        "masking": "speechlrp.measures.removal:masking",
        "randomised_weights": "speechlrp.measures.stability:randomised_weights",
        "randomised_logit": "speechlrp.measures.stability:randomised_logit",
    },
    Interface("a function of Maps that gives columns of numbers", positional=1),
)
"""Numbers of a relevance map: `Maps` of N recordings -> column name -> `[N]`."""
