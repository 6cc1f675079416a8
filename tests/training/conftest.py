"""The toy of this folder, importable by name."""

import importlib.util
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).with_name("toy.py")


@pytest.fixture(scope="session")
def toy():
    """The module `toy.py`."""
    spec = importlib.util.spec_from_file_location("training_toy", PATH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["training_toy"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def features(toy, tmp_path):
    """The toy's data as an HDF5 file."""
    toy.write(tmp_path / "features.h5")
    return tmp_path / "features.h5"


@pytest.fixture
def toy_registry(toy, monkeypatch):
    """Let checkpoints build the toy model by name."""
    monkeypatch.setattr("speechlrp.training.description.MODELS", {"toy": toy.Toy})
