"""Valid files that corpora are read from: lists, tables, and what other tools write."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import soundfile

from speechlrp.data.times import check_tier, read_times


def texts(**files: str) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        paths = []
        for name, text in files.items():
            path = folder / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            paths.append(path)
        return [path for path in paths if path.stat().st_size]

    return make


def listed(folder: Path) -> list[Path]:
    rows = [f"{i}.wav,s{i},female,{i},k{i},words {i}" for i in range(3)]
    for i in range(3):
        soundfile.write(folder / f"{i}.wav", np.full(400, i / 9), 8000)
    text = "path,speaker,gender,digit,kind,transcript\n" + "\n".join(rows) + "\n"
    (folder / "manifest.csv").write_text(text)
    return [folder / "manifest.csv"]


RECORDINGS = (
    "id,path,label,subset,seconds,level_db\nr0,a.wav,x,train,1.5,-20\nr1,b.wav,y,test,2,-3\n"
)


TIMES = "id,phoneme,start_s,end_s\nr0,a,0.0,0.1\nr0,b,0.1,0.25\nr1,NA,0.0,0.5\n"


GRID = (
    'File type = "ooTextFile"\nObject class = "TextGrid"\n\nxmin = 0\nxmax = 2.3\ntiers? <exists>\n'
    'size = 2\nitem []:\n    item [1]:\n        class = "IntervalTier"\n        name = "phones"\n'
    "        xmin = 0\n        xmax = 2.3\n        intervals: size = 2\n"
    '        intervals [1]:\n            xmin = 0\n            xmax = 1\n            text = "a"\n'
    '        intervals [2]:\n            xmin = 1\n            xmax = 2\n           text = "b""c"\n'
    '    item [2]:\n        class = "TextTier"\n        name = "points"\n        xmin = 0\n'
    "        xmax = 2.3\n        points: size = 1\n        points [1]:\n            number = 1\n"
    '            mark = "x"\n'
)


CTM = ";; a comment\nr0 1 0.00 0.10 a\nr0 1 0.10 0.25 b 0.9\nr1 1 0.0 0.5 NA\n"


TRIALS = "1 id1/v/1.wav id1/v/2.wav\n0 id1/v/1.wav id2/v/1.wav\n"


SPLIT = "1 id1/v/1.wav\n2 id1/v/2.wav\n3 id2/v/1.wav\n"


META = json.dumps({"01": {"gender": "male", "age": 30}, "02": {"gender": "female", "age": "x"}})


ROWS = [{"id": "r0", "sources": [{"type": "file", "channels": [0], "source": "0.wav"}],
         "sampling_rate": 8000, "num_samples": 8000, "duration": 1.0}]  # fmt: skip


SAID = [{"id": "s0", "recording_id": "r0", "start": 0.0, "duration": 1.0, "channel": 0,
         "text": "HELLO", "speaker": "ann", "gender": "f", "custom": {"kind": "x"}}]  # fmt: skip


def read_known_times(folder: Path) -> Any:
    path = None if (folder / "phonemes.csv").exists() else str(folder)
    times = SimpleNamespace(path=path, phonemes="phones", words="words")
    config: Any = SimpleNamespace(times=times, dataset={"root": str(folder)})
    recordings = pd.DataFrame({"id": ["r0", "r1"], "path": ["r0.wav", "r1.wav"], "speaker": "a"})
    check_tier(config, "phoneme")
    return read_times(config, "phoneme", recordings)


def lhotse_folder(folder: Path) -> list[Path]:
    soundfile.write(folder / "0.wav", np.full(800, 0.1), 8000)
    for name, rows in (("recordings", ROWS), ("supervisions", SAID)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return [folder / "recordings.jsonl", folder / "supervisions.jsonl"]


def packed(folder: Path) -> list[Path]:
    for path in lhotse_folder(folder):
        path.with_suffix(".jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    return sorted(folder.glob("*.gz"))


def kaldi_folder(folder: Path) -> list[Path]:
    soundfile.write(folder / "0.wav", np.full(800, 0.1), 8000)
    texts = {"wav.scp": "r0 0.wav\n", "utt2spk": "r0 ann\n", "spk2gender": "ann f\n"}
    texts |= {"text": "r0 hello you\n", "utt2lang": "r0 en\n"}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]
