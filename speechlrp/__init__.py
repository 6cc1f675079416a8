"""Layer-wise relevance propagation for speech networks, from recordings to report.

From Python, a trained run is asked about recordings, and any torch model about tensors:

    run = speechlrp.load("outputs/demo")
    answer = run.explain("my.wav")
    output, relevance = speechlrp.explain(model, inputs, target)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from speechlrp.answers.answer import Answer
    from speechlrp.answers.model import explain
    from speechlrp.answers.run import Run, load

__version__ = "0.2.0"
__all__ = ["Answer", "Run", "__version__", "explain", "load"]

_FACE = {
    "Answer": "speechlrp.answers.answer",
    "Run": "speechlrp.answers.run",
    "explain": "speechlrp.answers.model",
    "load": "speechlrp.answers.run",
}


def __getattr__(name: str) -> Any:
    """The public face, imported when it is used: the command line answers without torch."""
    from importlib import import_module

    if name not in _FACE:
        raise AttributeError(f"module 'speechlrp' has no attribute {name!r}")
    return getattr(import_module(_FACE[name]), name)


def __dir__() -> list[str]:
    return __all__
