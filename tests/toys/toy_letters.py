"""A toy corpus in LibriSpeech's layout, small settings for task=letters, and quick recognisers."""

import shutil
from pathlib import Path

import numpy as np
import soundfile
import torch

from speechlrp.artifacts.utterances import Utterances
from speechlrp.training.checkpoint import load_model, save_model

RATE = 16000
SETTINGS = (
    "experiment=arctic_letters", "split.train=0.5", "split.validate=0.25", "split.test=0.25",
    "dataset=librispeech", "model.width=8", "model.wide=16", "model.depth=1",
    "trainer.epochs=3", "trainer.max_utterances=2", "device=cpu", "workers=1",
)  # fmt: skip
SMALL = (
    *(s for s in SETTINGS if s != "trainer.epochs=3"), "trainer.epochs=1", "model.kernels=[8,3,4]",
)  # fmt: skip
SENTENCES = ("A CAB", "BAD DAD", "A BED", "FEED A BEE", "CAFE", "FADE", "DEAF BEE", "A FACE")


def write_corpus(root: Path) -> None:
    """Two speakers say eight sentences, each letter a tone of its own."""
    generator = np.random.default_rng(0)
    for place, speaker in enumerate(("11", "12")):
        folder = root / "train-clean-100" / speaker / "1"
        folder.mkdir(parents=True)
        lines = []
        for number, text in enumerate(SENTENCES):
            name = f"{speaker}-1-{number:04d}"
            wave = np.concatenate([_tone(letter, place) for letter in text])
            wave += 0.001 * generator.normal(size=len(wave))
            soundfile.write(folder / f"{name}.flac", wave, RATE)
            lines.append(f"{name} {text}\n")
        (folder / f"{speaker}-1.trans.txt").write_text("".join(lines))
    (root / "SPEAKERS.TXT").write_text("11 | M | x | 1 | a\n12 | F | x | 1 | b\n")


def _tone(letter: str, place: int) -> np.ndarray:
    times = np.arange(RATE // 10) / RATE
    if letter == " ":
        return np.zeros(len(times))
    pitch = (400 + 300 * (ord(letter) - 65)) * (1 + 0.05 * place)
    return 0.3 * np.sin(2 * np.pi * pitch * times) * np.hanning(len(times))


def trained(made_once, project_class, place: Path, settings: tuple[str, ...]):
    """A project of one's own that has gone through preprocess and train."""

    def make(folder: Path) -> None:
        write_corpus(folder / "data/LibriSpeech")
        project_class(folder / "data", folder / "outputs", SMALL).ran("preprocess", "train")

    once = made_once("letters", make)
    shutil.copytree(once / "outputs", place / "outputs")
    return project_class(once / "data", place / "outputs", settings)


def favour(project, symbols, by: float = 100.0) -> None:
    """Raise some symbols' scores, so that a project's weights write these and nothing else."""
    path = project.run / "train/last.safetensors"
    model, meta = load_model(path)
    with torch.no_grad():
        model.layers[-1][0].bias[symbols] += by
    save_model(path, model, meta)


def predict_a_and_b(project) -> None:
    """Make weights that write a and b, each about as often, and nothing else."""
    path = project.run / "train/last.safetensors"
    model, meta = load_model(path)
    model.eval()
    with Utterances(project.features / "utterances.h5") as file, torch.no_grad():
        scores = [model(torch.from_numpy(one.T.copy())[None])[0, :2] for one in file]
        model.layers[-1][0].bias[:2] += 100.0 - torch.cat(scores, 1).mean(1)
    save_model(path, model, meta)
