"""NAvAI: what do all frames that are predicted as one letter share?

Frames are found (`frames`), aligned at the step that matters most (`alignment`), summed
(`average`) and compared with the mean over all letters (`pattern`). `speechlrp.timing` asks on
speech with known phoneme times whether that step is the letter's.

Source: Krug and Stober, *Introspection for convolutional automatic speech recognition*,
2018, called K here.
"""

from speechlrp.registry import Interface, Registry

ALIGNMENTS = Registry(
    "alignment",
    {
        "none": "speechlrp.navai.alignment:NONE",
        "min-sens": "speechlrp.navai.alignment:MIN_SENS",
        "max-sens": "speechlrp.navai.alignment:MAX_SENS",
        "max-lrp": "speechlrp.navai.alignment:MAX_LRP",
    },
    Interface(
        "an object of the class speechlrp.navai.alignment:Alignment",
        kind="speechlrp.navai.alignment:Alignment",
    ),
)
"""K's four. `speechlrp.navai.alignment.named` makes others, such as ``max-occlusion``."""

CLASSES = Registry(
    "kind of class",
    {
        "letters": "speechlrp.navai.frame_classes:Letters",
        "phonemes": "speechlrp.navai.frame_classes:Phonemes",
        "bigrams": "speechlrp.navai.frame_classes:Bigrams",
    },
)
"""What frames are averaged by."""

CROPS = ("symmetric", "shift")
"""How a frame is cut once its key step is central, see `speechlrp.navai.alignment.place`."""

SIDES = ("left", "right")
"""Where the context of a bigram stands."""
