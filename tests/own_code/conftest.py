"""Modules of a user's own in the working folder, and what is said of them."""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from speechlrp.errors import SpeechLRPError


@pytest.fixture
def written(tmp_path, monkeypatch) -> Iterator[Callable[[str, str], None]]:
    """``name, code``: writes a module into the working folder; it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    names = []

    def write(name: str, code: str) -> None:
        names.append(name)
        (tmp_path / f"{name}.py").write_text(code)

    yield write
    for name in names:
        sys.modules.pop(name, None)


@pytest.fixture
def refused() -> Callable[[Callable[[], Any], str], None]:
    """``ask, right``: what is asked is an error of one line, which says what is right."""

    def check(ask: Callable[[], Any], right: str) -> None:
        with pytest.raises(SpeechLRPError, match=right) as caught:
            ask()
        assert "\n" not in str(caught.value)

    return check
