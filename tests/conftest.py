"""Fixtures shared by all tests."""

import gc
from pathlib import Path

import hypothesis
import pytest
import torch

pytest_plugins = ["composed_once", "toy_own", "toy_project"]
"""Settings composed once; recordings of one's own; a toy corpus and runs of the command line."""

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_configure() -> None:
    """Small tensors need one thread: more of them are slower, and disturb the other core."""
    torch.set_num_threads(1)
    gc.set_threshold(20_000, 20, 20)  # torch's many objects are looked through at every turn
    hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no fault
    hypothesis.settings.load_profile("untimed")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole commands come first: of files dealt to processes, a long one at the end runs alone."""
    items.sort(key=lambda item: not {"stages", "answers"} & set(item.path.parts))


def pytest_collection_finish() -> None:
    """What collecting made stays to the end: nobody need look through it for garbage again."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def generator() -> torch.Generator:
    """A random state that is the same for every test."""
    return torch.Generator().manual_seed(3)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings beside the project; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real recordings not found: {SHARED_DATA} is absent")
    return SHARED_DATA
