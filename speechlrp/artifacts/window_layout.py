"""What files of windows of one length hold: features of recordings, and relevance of them.

Axes: N windows, C channels, F frequencies, T frames, K outputs of a network, B = C F T bins.
"""

from speechlrp.artifacts.layout import Layout

_TABLE = {
    **{f"table/{name}": "N text" for name in ("id", "path", "speaker", "subset", "source")},
    "table/label": "N int classes",
    **{f"table/{name}": "N" for name in ("start_s", "onset_s", "duration_s")},
}
FEATURES = Layout(
    "features",
    {"features": "NC*", "train_mean": "C*", "frequency": "F ?", "time": "T", **_TABLE},
    {"classes": list, "settings": dict, "silence": float, "task": str},
)
MAPS = Layout(
    "relevance",
    {
        **{"relevance": "NCFT", "frequency": "F", "time": "T"},
        **{"output": "NK", "probability": "NK ?", "target": "N int classes"},
        **_TABLE,
    },
    {"classes": list, "explainer": dict},
)
"""What `compare` writes of each of its explainers."""
RELEVANCE = Layout(MAPS.kind, {**MAPS.datasets, "probability": "NK"}, MAPS.attributes)
