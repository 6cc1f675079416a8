"""A toy corpus of speakers in VoxCeleb's layout, and the settings that learn them fast."""

from pathlib import Path

import numpy as np
import soundfile

RATE = 16000


PITCHES = {"id10001": 100, "id10002": 140, "id10003": 190}


TOY = (
    "dataset=voxceleb", "task=speaker", "split=recordings", "split.min_recordings=5",
    "features=fbank", "features.length=4080", "features.segment_s=0.255",
    "features.min_segment_s=0.2", "features.bands=16", "features.train_from=audio",
    "model=resnet34_small", "model.bands=16", "model.channels=[4,6]", "model.blocks=[1,1]",
    "model.strides=[1,2]", "model.embedding=6", "trainer=speaker", "trainer.epochs=2",
    "trainer.batch_size=8", "device=cpu", "workers=1",
)  # fmt: skip


def write_corpus(root) -> None:
    """Three speakers of ten recordings, and one with a single one."""
    rng = np.random.default_rng(0)
    for name, pitch in {**PITCHES, "id10004": 250}.items():
        for i in range(1 if name == "id10004" else 10):
            folder = root / "wav" / name / f"video{i}"
            folder.mkdir(parents=True)
            time = np.arange(round(RATE * rng.uniform(0.6, 1.0))) / RATE
            wave = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 20))
            wave = 0.05 * wave + 0.001 * rng.normal(size=len(time))
            soundfile.write(folder / "00001.wav", wave, RATE)
    (root / "vox1_meta.csv").write_text(
        "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"
        + "".join(f"{n}\tx\tm\tx\tdev\n" for n in [*PITCHES, "id10004"])
    )


def spoil(root) -> None:
    """One recording with a silent half, one that is shorter than a window."""
    place = root / "wav/id10001/video1/00001.wav"
    wave, _ = soundfile.read(place)
    soundfile.write(place, np.r_[wave[:8160], np.zeros(8160)], RATE)
    place = root / "wav/id10002/video1/00001.wav"
    wave, _ = soundfile.read(place)
    soundfile.write(place, wave[:3000], RATE)


def spoilt_corpus(folder: Path) -> Path:
    """A folder with the corpus and the recordings that spoil it."""
    write_corpus(folder / "voxceleb")
    spoil(folder / "voxceleb")
    return folder


def refused(project, verb, *settings) -> str:
    """The one line with which a command ends that cannot be done."""
    done = project.speechlrp(verb, settings=settings)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (line,) = [text for text in done.stderr.splitlines() if text.startswith("error: ")]
    return line
