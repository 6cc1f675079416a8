"""What wheel and sdist hold, that they work without the clone, and the engine alone."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from speechlrp import __version__

ROOT = Path(__file__).resolve().parents[1]

ENGINE = """
import torch
from speechlrp.lrp import Composite, Zero, attribute, conservation
model = torch.nn.Sequential(torch.nn.Linear(6, 4, bias=False), torch.nn.ReLU(),
                            torch.nn.Linear(4, 3, bias=False)).double().eval()
inputs = torch.randn(2, 6, dtype=torch.float64)
output, relevance = attribute(model, inputs, 1, Composite([(torch.nn.Linear, Zero())]))
assert torch.allclose(relevance.sum(1), output[:, 1])
import sys
print(sorted({name for name in sys.modules if name.split(".")[0] == "speechlrp"}))
"""
"""A program that needs torch alone, and says what it imported of the package."""

ALONE = """
import re, sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

def closed(name, known):
    if name not in known:
        known.add(name)
        try:
            lines = requires(name) or []
        except PackageNotFoundError:
            return known
        for line in lines:
            if "extra ==" not in line:
                closed(re.match(r"[\\w.-]+", line)[0].lower().replace("_", "-"), known)
    return known

torch = closed("torch", set())
FREE = {*sys.stdlib_module_names, "speechlrp"}
for module, owners in packages_distributions().items():
    if {owner.lower().replace("_", "-") for owner in owners} & torch:
        FREE.add(module)

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] not in FREE:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocked())
try:
    import numpy
except ModuleNotFoundError:
    pass
else:
    raise AssertionError("nothing is blocked")
"""
"""Forbids every import but those of Python, torch and what torch itself asks for."""


def imported(output):
    (line,) = output.splitlines()
    return [name.strip(" '") for name in line.strip("[]").split(",")]


def test_the_engine_needs_torch_alone(tmp_path):
    command = [sys.executable, "-c", ALONE + ENGINE]
    here = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=here, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert all(re.match(r"speechlrp(\.lrp(\..*)?)?$", name) for name in imported(done.stdout))


def test_the_version_is_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    (heading,) = re.findall(
        rf"^## {re.escape(__version__)} \((.*)\)$",
        (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert str(citation["date-released"]) == heading


def test_the_tests_run_on_every_python_that_is_promised():
    workflow = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
    tried = yaml.safe_load(workflow)["jobs"]["tests"]["strategy"]["matrix"]["python"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [re.search(r":: (3\.\d+)$", line) for line in project["classifiers"]]
    assert tried == [match[1] for match in named if match]
    low, high = re.findall(r"3\.(\d+)", project["requires-python"])
    assert tried == [f"3.{minor}" for minor in range(int(low), int(high))]


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The folder of a wheel, made from the sdist that lies beside it, as installers do."""
    if not find_spec("hatchling"):
        pytest.skip("needs hatchling: pip install hatchling (the extra test has it)")
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run([*build, "-t", "sdist"], cwd=ROOT, check=True, capture_output=True)
    (sdist,) = folder.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "source", filter="data")
    (source,) = (folder / "source").iterdir()
    subprocess.run([*build, "-t", "wheel"], cwd=source, check=True, capture_output=True)
    return folder


def test_the_wheel_holds_all_that_the_package_reads(built):
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    tree = subprocess.run(
        ["git", "ls-files", "speechlrp"], cwd=ROOT, capture_output=True, text=True
    )
    files = tree.stdout.split() or ["speechlrp/py.typed"]
    conf = [f"speechlrp/{p.relative_to(ROOT)}" for p in (ROOT / "conf").rglob("*.yaml")]
    assert {*files, *conf} <= names
    assert all(
        name.startswith(("speechlrp/", f"speechlrp-{__version__}.dist-info/")) for name in names
    )


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_wheel_works_in_a_bare_environment(built, tmp_path):
    """First the engine with torch alone, then the demonstration, in an empty folder."""
    (wheel,) = built.glob("*.whl")
    bin_, work = tmp_path / "env" / "bin", tmp_path / "work"
    work.mkdir()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "SPEECHLRP"))}

    def run(*command, expected=0):
        done = subprocess.run(command, cwd=work, env=clean, capture_output=True, text=True)
        assert done.returncode == expected, done.stdout + done.stderr
        return done

    def install(*what):
        run(bin_ / "pip", "install", "--constraint", ROOT / "constraints.txt", *what)

    run(sys.executable, "-m", "venv", tmp_path / "env")
    install("torch")
    install("--no-deps", wheel)
    assert "speechlrp.lrp" in imported(run(bin_ / "python", "-c", ENGINE).stdout)
    command = run(bin_ / "speechlrp", "--help", expected=1)
    assert command.stderr.splitlines() == [
        "error: the command line needs more than torch: pip install speechlrp"
    ]

    install(f"{wheel}[synth]")
    small = ("trainer.epochs=1", "split.train=12", "split.validate=2", "split.test=2", "device=cpu")
    said = run(bin_ / "speechlrp", "demo", "--to", "evaluate", "--run", "small", *small)
    assert "evaluate/train-test: done" in said.stdout
    recording = next((work / "data/demo/audiomnist/data/01").glob("*.wav"))
    run(bin_ / "speechlrp", "explain", recording, "--run", "small")
    assert sorted(path.name for path in work.iterdir()) == [recording.stem, "data", "outputs"]
