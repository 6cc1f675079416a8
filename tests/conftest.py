"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings beside the project; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real recordings not found: {SHARED_DATA} is absent")
    return SHARED_DATA
