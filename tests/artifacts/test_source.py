"""Which files a user's own code is made of, without running it."""

import hashlib
import sys

import pytest

from speechlrp.artifacts.source import source_of
from speechlrp.errors import SpeechLRPError

NAME = "own_source_1"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with a package; nothing in it may be run."""
    files = {
        f"{NAME}/__init__.py": "",
        f"{NAME}/nets/__init__.py": "from .. import shared\nraise AssertionError('run')\n",
        f"{NAME}/nets/wide.py": (
            "import torch, json\nfrom ..blocks import conv\nfrom . import deep as d\n"
            f"def make(classes):\n    import {NAME}.late\n"
        ),
        f"{NAME}/nets/deep.py": f"import {NAME}_beside\nfrom .wide import make\n",
        f"{NAME}/blocks/conv.py": "",
        f"{NAME}/shared.py": "import speechlrp.models.alexnet, numpy.linalg",
        f"{NAME}/late.py": "def broken(:",
        f"{NAME}/unused.py": "",
        f"{NAME}_beside.py": "",
        f"{NAME}_alone.py": "x = 1\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_of_a_module_of_its_packages_and_of_what_they_import(place):
    known = set(sys.modules)
    source = source_of(f"{NAME}.nets.wide:make")
    assert list(source) == [
        f"{NAME}/__init__.py", f"{NAME}/blocks/conv.py", f"{NAME}/late.py",
        f"{NAME}/nets/__init__.py", f"{NAME}/nets/deep.py", f"{NAME}/nets/wide.py",
        f"{NAME}/shared.py", f"{NAME}_beside.py",
    ]  # fmt: skip
    for path, digest in source.items():
        assert digest == hashlib.sha256((place / path).read_bytes()).hexdigest()
    assert not {name for name in set(sys.modules) - known if name.startswith(NAME)}
    assert str(place) not in sys.path


@pytest.mark.parametrize(
    ("edited", "changes"),
    [
        ("nets/wide.py", True),
        ("nets/deep.py", True),
        ("shared.py", True),
        ("__init__.py", True),
        ("unused.py", False),
    ],
)
def test_an_edit_shows_where_it_matters(place, edited, changes):
    before = source_of(f"{NAME}.nets.wide:make")
    path = place / NAME / edited
    path.write_text(path.read_text() + "\n# edited")
    assert (source_of(f"{NAME}.nets.wide:make") != before) == changes


def test_a_single_file(place):
    assert list(source_of(f"{NAME}_alone:Name")) == [f"{NAME}_alone.py"]
    assert source_of(f"{NAME}_alone") == source_of(f"{NAME}_alone:Name.inner")


def test_moved_with_everything_it_is_the_same(place, tmp_path_factory, monkeypatch):
    before = source_of(f"{NAME}.nets.wide:make")
    new = tmp_path_factory.mktemp("moved")
    (place / NAME).rename(new / NAME)
    (place / f"{NAME}_beside.py").rename(new / f"{NAME}_beside.py")
    monkeypatch.chdir(new)
    assert source_of(f"{NAME}.nets.wide:make") == before


def test_what_is_installed_counts_by_its_own_file_alone(tmp_path, monkeypatch):
    folder = tmp_path / "lib/site-packages"
    folder.mkdir(parents=True)
    (folder / f"{NAME}_in.py").write_text(f"import {NAME}_other")
    (folder / f"{NAME}_other.py").write_text("")
    monkeypatch.syspath_prepend(folder)
    assert list(source_of(f"{NAME}_in:make")) == [f"{NAME}_in.py"]


@pytest.mark.parametrize(
    "name", ["nowhere_at_all_1:x", f"{NAME}.nets.absent:x", f"{NAME}_alone.x:y"]
)
def test_a_module_that_is_not_there(place, name):
    with pytest.raises(SpeechLRPError, match="there is no module"):
        source_of(name)
