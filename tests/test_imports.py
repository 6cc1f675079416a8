"""The import ladder: every room knows only the rooms below it.

cli -> answers -> stages -> data -> pipeline -> {training, explainers, measures, neurons,
flipping, letters, navai, timing, corpora, report, artifacts, config} -> {lrp, models, audio}
-> torch; errors and registry serve all but lrp.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "speechlrp"
ENGINES = ("lrp", "models", "audio")
MIDDLE = (
    *("training", "explainers", "measures", "neurons", "flipping", "navai", "timing", "letters"),
    *("corpora", "report", "artifacts", "config"),
)
COMMON = ("errors", "registry")
TOP = ("__init__", *COMMON)
"""Files beside the rooms; `__init__` holds the version."""

MAY = {
    **{key: {"errors"} for key in COMMON},
    "__init__": {"answers"},  # the public face, imported when it is used
    **{key: {*ENGINES, *COMMON} for key in MIDDLE},
    "lrp": set(),
    "models": set(COMMON),
    "audio": set(COMMON),
    "pipeline": {*MIDDLE, *ENGINES, *COMMON, "__init__"},
    "data": {"pipeline", *MIDDLE, *ENGINES, *COMMON},
    "setup": {*MIDDLE, *ENGINES, *COMMON},
    "stages": {"data", "pipeline", *MIDDLE, *ENGINES, *COMMON},
    "answers": {"stages", "data", "pipeline", *MIDDLE, *ENGINES, *COMMON},
    "cli": {
        "answers",
        "setup",
        "stages",
        "data",
        "pipeline",
        *MIDDLE,
        *ENGINES,
        *COMMON,
        "__init__",
    },
}
"""Room -> the rooms that it may import besides itself."""

MAY["__main__"] = {"cli"}  # python -m speechlrp
MAY["training"] |= {"artifacts"}  # checkpoints and metrics appear whole
MAY["corpora"] |= {"artifacts"}  # which says what a file is that is not a list
MAY["config"] |= {"measures", "flipping", "navai"}  # the tables of names that it validates
MAY["measures"] |= {"explainers", "flipping"}  # numbers asked of the explainer, or of its order
MAY["report"] |= {"measures"}  # verdicts, which are judged where they are drawn
MAY["neurons"] |= {"explainers"}  # batches in chunks, as explainers have them
MAY["timing"] |= {"navai", "letters"}  # times of frames, which are of letters

OUTSIDE = {
    "lrp": {"torch"},
    "models": {"torch", "transformers"},
    "corpora": None,
    "flipping": {"torch", "numpy", "pandas"},
    "explainers": {"torch", "numpy", "pandas", "captum"},
    "measures": {"torch", "numpy", "pandas"},
    "neurons": {"torch", "numpy", "pandas"},
    "letters": {"torch", "numpy", "jiwer", "flashlight"},
}
"""Room -> all libraries that it may import; None or absent: see `ONLY`."""

ONLY = {
    "hydra": {"cli", "config"},
    "omegaconf": {"cli", "config"},
    "click": {"cli"},
    "torchaudio": {"audio"},
    "torch": {
        *("lrp", "models", "audio"),
        *("training", "explainers", "measures", "neurons", "flipping", "navai", "timing"),
        *("letters", "pipeline", "data", "stages", "answers"),
    },
    "matplotlib": {"report"},
    "jinja2": {"report"},
    "jiwer": {"letters"},
    "flashlight": {"letters"},
}
"""Library -> the only rooms that may import it."""


def imports(source: str, package: str) -> Iterator[str]:
    """The modules that a file imports anywhere in it, `from a import b` as `a.b`.

    Args:
        source: the file's text.
        package: dotted name of the package that the file is in, for relative imports.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(parts if node.level else []), *filter(None, [node.module])])
            yield from (f"{base}.{name.name}" for name in node.names)


def violations(relative: str, source: str) -> list[str]:
    """What a file imports that its room may not.

    Args:
        relative: its path below the package, such as ``"lrp/engine.py"``.
        source: its text.
    """
    path = Path(relative)
    room = path.parts[0] if len(path.parts) > 1 else path.stem
    package = ".".join(("speechlrp", *path.parts[:-1]))
    if room not in MAY:
        return [f"{relative}: the room {room!r} is not on the ladder"]
    return [
        f"{relative}: {room} may not import {module}"
        for module in imports(source, package)
        if not _allowed(room, module)
    ]


def _allowed(room: str, module: str) -> bool:
    library, _, rest = module.partition(".")
    if library == "speechlrp":
        target = rest.split(".")[0]
        target = "__init__" if target.startswith("__") else target
        return target == room or target in MAY[room]
    if library in sys.stdlib_module_names:
        return True
    if library in ("scripts", "tests"):
        return False
    if OUTSIDE.get(room) is not None:
        return library in OUTSIDE[room]
    return room in ONLY.get(library, {room})


def _files() -> list[str]:
    return sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("relative", _files())
def test_no_arrow_goes_up(relative):
    assert violations(relative, (PACKAGE / relative).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("relative", "source"),
    [
        ("lrp/engine.py", "import numpy"),
        ("lrp/engine.py", "from speechlrp.errors import unknown"),
        ("lrp/rules/zero.py", "from ...registry import Registry"),
        ("models/a.py", "from speechlrp.audio import read"),
        ("models/a.py", "import speechlrp.training.loop"),
        ("audio/a.py", "from speechlrp.corpora import Recording"),
        ("corpora/a.py", "import torch"),
        ("training/a.py", "from speechlrp.config.schema import Config"),
        ("training/a.py", "def f():\n    from omegaconf import OmegaConf"),
        ("flipping/a.py", "if True:\n    from speechlrp import training"),
        ("explainers/a.py", "from ..flipping import ranking"),
        ("letters/a.py", "from speechlrp.training import ctc"),
        ("training/a.py", "from speechlrp.letters import vocabulary"),
        ("stages/a.py", "import jiwer"),
        ("report/a.py", "from speechlrp.stages import CLASSES"),
        ("stages/a.py", "from speechlrp.cli.main import main"),
        ("stages/a.py", "import click"),
        ("stages/a.py", "import hydra"),
        ("config/a.py", "import torch.nn as nn"),
        ("data/a.py", "from speechlrp.answers.run import load"),
        ("cli/a.py", "from scripts import benchmark"),
        ("cli/a.py", "import torchaudio"),
        ("registry.py", "from speechlrp.lrp import attribute"),
        ("errors.py", "from speechlrp.registry import Registry"),
        ("kitchen/a.py", ""),
    ],
)
def test_the_checker_sees_arrows_that_go_up(relative, source):
    assert len(violations(relative, source)) == 1


@pytest.mark.parametrize(
    ("relative", "source"),
    [
        ("lrp/engine.py", "import math\nfrom torch import nn\nfrom speechlrp.lrp import tape"),
        ("lrp/rules/zero.py", "from ..layer import Layer\nfrom . import base"),
        ("explainers/a.py", "from speechlrp.lrp import attribute\nfrom speechlrp import errors"),
        ("training/a.py", "from speechlrp.artifacts.atomic import whole"),
        ("stages/a.py", "from speechlrp.lrp import attribute"),
        ("cli/a.py", "from speechlrp import __version__\nimport click, hydra"),
    ],
)
def test_the_checker_lets_the_others_pass(relative, source):
    assert violations(relative, source) == []


def test_there_is_something_to_check():
    rooms = {Path(name).parts[0] for name in _files()}
    assert {"cli", "stages", "lrp", "models", "audio", "errors.py"} <= rooms


def test_no_file_name_stands_in_two_rooms():
    """Within `stages/` each verb has files of the same names, for its two kinds of task."""
    places: dict[str, set[str]] = {}
    for path in map(Path, _files()):
        places.setdefault(path.name, set()).add(path.parts[0] if path.parts[1:] else "")
    shared = {name for name, rooms in places.items() if len(rooms) > 1}
    assert shared == {"__init__.py"}


@pytest.mark.parametrize("relative", _files())
def test_variables_are_nouns_of_the_field(relative):
    """Each of these once stood for something that has a name."""
    tree = ast.parse((PACKAGE / relative).read_text(encoding="utf-8"))
    nodes = list(ast.walk(tree))
    bound = [node.id for node in nodes if isinstance(node, ast.Name) and _is_store(node)]
    bound += [node.arg for node in nodes if isinstance(node, ast.arg)]
    vague = {"about", "adopt", "ahead", "behind", "found", "given", "left_out", "own", "some"}
    assert not vague & set(bound)


def _is_store(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)
