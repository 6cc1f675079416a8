"""What an artefact in training recordings needs."""

import pytest

from speechlrp.config.schema import typed
from speechlrp.errors import SpeechLRPError


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("shortcut.share=1.5", "shortcut.share is 1.5"),
        ("shortcut.name=buzz", "shortcut.name 'buzz'"),
    ],
)
def test_what_cannot_be_is_refused(composed, setting, said):
    with pytest.raises(SpeechLRPError, match=said):
        typed(composed("preprocess", "shortcut=hum", setting))
