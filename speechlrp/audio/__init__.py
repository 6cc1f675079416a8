"""From a sound file to the tensors a model reads.

Every kind of features in ``FEATURES`` is a frozen settings dataclass that knows its
own transform. Those of one length (see ``windows.WindowSettings``) are made by
``extract``, those of whole utterances by ``extract_utterances``; a further kind is one
new file and one line here.
"""

from importlib import import_module
from typing import Any

from speechlrp.errors import RecordingError
from speechlrp.registry import Interface, Registry

FEATURES = Registry(
    "features",
    {
        "spectrogram_db": "speechlrp.audio.spectrogram:SpectrogramSettings",
        "log_mel": "speechlrp.audio.log_mel:LogMelSettings",
        "fbank": "speechlrp.audio.fbank:FbankSettings",
        "waveform": "speechlrp.audio.waveform:WaveformSettings",
    },
    Interface(
        "a class derived from speechlrp.audio.windows:WindowSettings, or from "
        "speechlrp.audio.log_mel:LogMelSettings for utterances",
        bases=("speechlrp.audio.windows:WindowSettings", "speechlrp.audio.log_mel:LogMelSettings"),
    ),
)

ARTEFACTS = Registry(
    "artefact",
    {
        "hum": "speechlrp.audio.artefacts:hum",
        "click": "speechlrp.audio.artefacts:click",
        "room": "speechlrp.audio.artefacts:room",
    },
    Interface(
        "a function of samples, their rate and a random generator that gives samples", positional=3
    ),
)
"""What can go with a class in training, see ``conf/shortcut``."""

_FACES = {
    "FbankSettings": "fbank",
    "FeatureBatch": "extraction",
    "LogMelSettings": "log_mel",
    "SpectrogramSettings": "spectrogram",
    "UtteranceBatch": "whole_utterances",
    "extract": "extraction",
    "extract_utterances": "whole_utterances",
    "read": "reading",
}

__all__ = ["ARTEFACTS", "FEATURES", "RecordingError", *_FACES]


def __getattr__(name: str) -> Any:
    """Import a face of the room on first use, so that importing the room stays cheap."""
    if name not in _FACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FACES[name]}"), name)
