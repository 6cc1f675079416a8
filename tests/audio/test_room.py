import subprocess
import sys

import pytest

import speechlrp.audio
from speechlrp.audio.spectrogram import SpectrogramSettings


def test_importing_the_room_imports_neither_torch_nor_torchaudio() -> None:
    code = (
        "import sys, speechlrp.audio as room; list(room.FEATURES); room.RecordingError; "
        "print(sorted({'torch', 'torchaudio', 'soundfile', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_face_is_reachable() -> None:
    for name in speechlrp.audio.__all__:
        assert getattr(speechlrp.audio, name) is not None
    assert speechlrp.audio.FEATURES["spectrogram_db"] is SpectrogramSettings


def test_an_unknown_face_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = speechlrp.audio.nothing
