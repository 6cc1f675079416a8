"""The peers, where they are installed: zennit and captum."""

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

WHY = "needs {0}: pip install --no-deps {0} (make install does)"


def _stub_of_torchvision() -> dict[str, ModuleType]:
    """The two names that zennit takes from torchvision, as classes of nothing."""
    names = ("torchvision", "torchvision.models", "torchvision.models.resnet")
    stubs = {name: ModuleType(name) for name in names}
    for kind in ("BasicBlock", "Bottleneck"):
        setattr(stubs[names[-1]], kind, type(kind, (), {}))
    return stubs


@pytest.fixture(scope="session")
def zennit() -> Iterator[ModuleType]:
    """zennit; beside a torch that has no torchvision, a stub of it stands in for the import."""
    try:
        import torchvision  # noqa: F401
    except (ImportError, RuntimeError, OSError):
        with pytest.MonkeyPatch.context() as patch:
            for name, stub in _stub_of_torchvision().items():
                patch.setitem(sys.modules, name, stub)
            module = pytest.importorskip("zennit", reason=WHY.format("zennit"))
    else:
        module = pytest.importorskip("zennit", reason=WHY.format("zennit"))
    for part in ("attribution", "canonizers", "composites", "layer", "rules"):
        pytest.importorskip(f"zennit.{part}")
    return module


@pytest.fixture(scope="session")
def captum() -> ModuleType:
    """captum's module of explanations, ``captum.attr``."""
    return pytest.importorskip("captum.attr", reason=WHY.format("captum"))
