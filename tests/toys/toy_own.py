"""Small recordings of one's own, in every form that they come in."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

SPEAKERS = [f"s{n}" for n in range(8)]
MOODS = ("calm", "glad")


def write_sound(path: Path, seed: int, rate: int = 16000, seconds: float = 0.6) -> None:
    """Noise, low or high by the seed's parity."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).normal(size=round(rate * seconds))
    wave = np.cumsum(noise) / 60 if seed % 2 else np.diff(noise, prepend=0)
    soundfile.write(path, 0.05 * wave / np.abs(wave).max(), rate)


@pytest.fixture(scope="session")
def rows(tmp_path_factory) -> list[dict[str, str]]:
    """Path, speaker and mood of 32 recordings; every speaker has both moods."""
    folder, found = tmp_path_factory.mktemp("sounds"), []
    for n, speaker in enumerate(SPEAKERS):
        for i in range(4):
            mood = MOODS[i % 2]
            path = folder / mood / speaker / f"{i}.wav"
            write_sound(path, seed=2 * (4 * n + i) + i % 2)
            found.append({"path": str(path), "speaker": speaker, "mood": mood})
    return found


def write_list(path: Path, rows: list[dict[str, str]]) -> Path:
    """The rows as a CSV file."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def sources(rows, tmp_path) -> dict[str, Path]:
    """Kind -> where the same recordings are in this form."""
    places = {"manifest": write_list(tmp_path / "my.csv", rows)}
    places["folder"] = Path(rows[0]["path"]).parents[2]
    places["kaldi"] = tmp_path / "kaldi"
    places["kaldi"].mkdir()
    names = [f"{r['speaker']}-{n:02d}" for n, r in enumerate(rows)]
    for file, key in (("wav.scp", "path"), ("utt2spk", "speaker"), ("utt2mood", "mood")):
        lines = [f"{name} {row[key]}\n" for name, row in zip(names, rows, strict=True)]
        (places["kaldi"] / file).write_text("".join(lines))
    places["lhotse"] = tmp_path / "lhotse"
    places["lhotse"].mkdir()
    said, recordings = [], []
    for name, row in zip(names, rows, strict=True):
        source = {"type": "file", "channels": [0], "source": row["path"]}
        recordings.append({"id": name, "sources": [source], "duration": 0.6})
        about = {"id": name, "recording_id": name, "start": 0, "duration": 0.6}
        said.append(about | {"speaker": row["speaker"], "custom": {"mood": row["mood"]}})
    for file, lines in (("recordings", recordings), ("supervisions", said)):
        with gzip.open(places["lhotse"] / f"{file}.jsonl.gz", "wt") as stream:
            stream.writelines(json.dumps(line) + "\n" for line in lines)
    return places
