"""The architectures, one a file. A new one is a file and a line in ``MODELS``.

An entry is called with ``classes`` and its options, and gives a ``torch.nn.Module``.
"""

from collections.abc import Mapping
from typing import Any

from speechlrp.registry import Interface, Registry

MODELS = Registry(
    "model",
    {
        "alexnet": "speechlrp.models.alexnet:AlexNet",
        "audionet": "speechlrp.models.audionet:AudioNet",
        "wav2letter": "speechlrp.models.wav2letter:Wav2Letter",
        "resnet34": "speechlrp.models.resnet34:ResNet34",
        "wespeaker": "speechlrp.models.wespeaker:WespeakerResNet34",
        "resnet_se34": "speechlrp.models.resnet_se34:ResNetSE34",
        "huggingface": "speechlrp.models.huggingface:huggingface",
        "custom": "speechlrp.models.custom:custom",
    },
    Interface(
        "called with the number of classes, classes=5, and give a module", named=("classes",)
    ),
)


def model_title(section: Mapping[str, Any]) -> str:
    """What a network of some settings is called: a ResNet by its layers, one's own by its code."""
    if section["name"] == "resnet34" and section.get("blocks"):
        return f"resnet{2 * sum(section['blocks']) + 2}"
    return section.get("factory") or section["name"]
