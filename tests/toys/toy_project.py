"""A toy corpus, small settings, and runs of the real command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import forks
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from filelock import FileLock
from plain_figures import plain_figures
from process_state import unchanged

from speechlrp.cli.main import main

COMMAND = "from speechlrp.cli.main import main\nmain(prog_name='speechlrp')"
SPEAKERS = {f"{n:02d}": "female" if n % 2 else "male" for n in range(1, 9)}
TOY = (
    "split=seeded", "split.train=4", "split.validate=2", "split.test=2",
    "features.window=128", "features.overlap=14", "features.bins=64", "features.frames=64",
    "model=alexnet_small", "trainer=fast", "trainer.epochs=3", "trainer.batch_size=8",
    "trainer.lr=1e-3", "augment.epochs=1", "flipping.batch_size=4", "flipping.repeats=2",
    "flipping.grids.table.percent=[0,1,50]", "flipping.grids.full.percent=[0,100]",
    "flipping.grids.bins.bins=[0,10,20]", "explainer.batch_size=4", "device=cpu", "workers=1",
)  # fmt: skip


def write_corpus(root: Path, each: int = 4) -> None:
    """Eight speakers in AudioMNIST's layout: harmonic sounds, women's an octave higher."""
    generator = np.random.default_rng(0)
    for speaker, gender in SPEAKERS.items():
        (root / "data" / speaker).mkdir(parents=True)
        for i in range(each):
            n = 48 * int(generator.integers(300, 700))
            t = np.arange(n) / 48000
            f0 = (230 if gender == "female" else 115) + generator.normal(0, 5)
            wave = sum(np.sin(2 * np.pi * f0 * k * t) / k for k in range(1, 12))
            wave = 0.1 * wave + 0.002 * generator.normal(size=n)
            soundfile.write(root / "data" / speaker / f"{i}_{speaker}_0.wav", wave, 48000)
    meta = {s: {"gender": g, "age": 30, "accent": "none"} for s, g in SPEAKERS.items()}
    (root / "data" / "audioMNIST_meta.txt").write_text(json.dumps(meta))


@dataclass
class Project:
    """A place with recordings and outputs of its own.

    Attributes:
        data: what SPEECHLRP_DATA says.
        outputs: what SPEECHLRP_OUTPUTS says.
        toy: the small settings.
    """

    data: Path
    outputs: Path
    toy: tuple[str, ...] = TOY

    @property
    def run(self) -> Path:
        """The folder of the one run there is, or of its features."""
        (folder,) = [p for p in self.outputs.iterdir() if (p / "train").exists()]
        return folder

    @property
    def features(self) -> Path:
        """The folder of the features."""
        (folder,) = self.outputs.glob("*/preprocess")
        return folder

    def ran(self, *commands: str) -> Project:
        """The project, after these commands have run."""
        for command in commands:
            done = self.speechlrp(*command.split())
            assert done.returncode == 0, done.stderr
        return self

    def speechlrp(
        self, *arguments: str, settings: tuple[str, ...] = (), before: str = "", ranks: int = 1
    ) -> subprocess.CompletedProcess:
        """Run the command line with the small settings; it leaves the process as it was.

        Args:
            arguments: after `speechlrp`.
            settings: take the place of the small ones with the same key.
            before: Python to run first, such as what kills the process; then it runs
                in a process of its own.
            ranks: in as many processes, as torchrun starts them.
        """
        places = {"SPEECHLRP_DATA": str(self.data), "SPEECHLRP_OUTPUTS": str(self.outputs)}
        changed = {s.split("=")[0] for s in settings}
        toy = [s for s in self.toy if s.split("=")[0] not in changed]
        arguments = [*arguments, *toy, *settings]
        if not before and ranks == 1:
            with unchanged(), plain_figures():
                done = CliRunner(env=places).invoke(main, arguments, prog_name="speechlrp")
            if done.exception and not isinstance(done.exception, SystemExit):
                raise done.exception
            return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)
        return forks.run(f"{before}\n{COMMAND}", *arguments, places=places, ranks=ranks)


@pytest.fixture(scope="session")
def project_class() -> type[Project]:
    """For test files with a corpus of their own."""
    return Project


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], None]], Path]:
    """``name, make -> folder``: what the first of the test processes to ask for it makes."""
    place = tmp_path_factory.getbasetemp()
    place = place.parent if "PYTEST_XDIST_WORKER" in os.environ else place

    def made(name: str, make: Callable[[Path], None]) -> Path:
        folder, whole = place / f"once-{name}", place / f"once-{name}.whole"
        with FileLock(place / f"once-{name}.lock"):
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                whole.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def corpus(made_once) -> Path:
    """The toy corpus, made once; not to be changed."""
    return made_once("data", lambda data: write_corpus(data / "audiomnist"))


@pytest.fixture
def project(corpus, tmp_path) -> Project:
    """A project without any artifacts."""
    return Project(corpus, tmp_path / "outputs")


@pytest.fixture(scope="session")
def finished(corpus, made_once) -> Project:
    """A project that has gone through every stage; not to be changed."""
    folder = made_once("finished", lambda folder: Project(corpus, folder / "outputs").ran("run"))
    return Project(corpus, folder / "outputs")


@pytest.fixture
def copied(finished, tmp_path) -> Project:
    """A copy of the finished project, to be damaged."""
    shutil.copytree(finished.outputs, tmp_path / "outputs")
    return Project(finished.data, tmp_path / "outputs")


@pytest.fixture
def taken(finished, tmp_path) -> Callable[..., Project]:
    """``*folders -> Project`` where these stages alone are done, as in the finished one."""

    def project(*folders: str) -> Project:
        for folder in folders:
            (made,) = finished.outputs.glob(f"*/{folder}")
            shutil.copytree(made, tmp_path / "outputs" / made.relative_to(finished.outputs))
        return Project(finished.data, tmp_path / "outputs")

    return project


@pytest.fixture
def killing() -> Callable[[str, int], str]:
    """Python that kills the process (SIGKILL) inside the n-th call of a function."""

    def code(target: str, calls: int) -> str:
        module, _, path = target.partition(":")
        owner, _, name = path.rpartition(".")
        holder = f"module.{owner}" if owner else "module"
        return (
            "import importlib, os, signal\n"
            f"module = importlib.import_module({module!r})\n"
            f"holder, left, original = {holder}, [{calls}], {holder}.{name}\n"
            "def deadly(*a, **k):\n"
            "    left[0] -= 1\n"
            "    if left[0] == 0:\n"
            "        os.kill(os.getpid(), signal.SIGKILL)\n"
            "    return original(*a, **k)\n"
            f"holder.{name} = deadly\n"
        )

    return code
