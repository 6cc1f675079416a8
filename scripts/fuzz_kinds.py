"""The kinds of file that speechlrp reads: a valid one of each, and what reads it."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fuzz_hdf5 as hdf5
import fuzz_mutations as mutations
import h5py
import numpy as np
import pandas as pd
import soundfile
import torch
from fuzz_mutations import BYTES, TEXT, Mutation
from safetensors.torch import load_file, save_file

from speechlrp.artifacts.shards import Saves, Shards
from speechlrp.artifacts.tables import read_csv
from speechlrp.audio.reading import read, read_piece
from speechlrp.corpora.audiomnist import audiomnist
from speechlrp.corpora.kaldi import kaldi
from speechlrp.corpora.lhotse import lhotse
from speechlrp.corpora.librispeech import librispeech
from speechlrp.corpora.manifest import manifest
from speechlrp.corpora.voxceleb import voxceleb
from speechlrp.corpora.voxceleb_lists import identification, trials
from speechlrp.data.times import check_tier, read_times
from speechlrp.models import MODELS
from speechlrp.pipeline.identity import Run, read_run
from speechlrp.pipeline.inputs import changes
from speechlrp.pipeline.record import Record, is_as, outputs_of, read_record
from speechlrp.training.checkpoint import CHECKSUM, HEADER, load_model, save_model
from speechlrp.training.published import read_published
from speechlrp.training.state import load_state, save_state
from speechlrp.training.tensor_files import checksum


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        make: writes valid files into a folder, and gives those to be damaged.
        read: takes the folder, and reads them as the project does.
        how: ways to damage them.
        named: whether an error names the file (a recording's reason stands beside its name).
        weight: how often it is tried, of those that cost more time less.
    """

    make: Callable[[Path], Sequence[Path]]
    read: Callable[[Path], Any]
    how: Sequence[Mutation] = BYTES
    named: bool = True
    weight: float = 1.0


SIZES = {
    "channels": [2, 2, 2, 2, 2],
    "groups": [1] * 5,
    "padding": [2, 2, 1, 1, 1],
    "dense": [4, 4],
}


def _model() -> tuple[torch.nn.Module, dict[str, Any]]:
    torch.manual_seed(0)
    about = {"model": "alexnet", "kwargs": SIZES, "classes": ["a", "b"], "input_scale": 1.0}
    return MODELS["alexnet"](classes=2, **SIZES), about


def _weights(folder: Path) -> list[Path]:
    model, meta = _model()
    save_model(
        folder / "last.safetensors", model, meta | {"features": hdf5.SETTINGS, "loss": "bce"}
    )
    return [folder / "last.safetensors", folder / "last.json"]


def _both(path: Path, draw: random.Random) -> None:
    """The same other description beside weights and in them."""
    beside, weights = path.with_suffix(".json"), path.with_suffix(".safetensors")
    meta = mutations.changed(json.loads(beside.read_text()), draw)
    tensors = load_file(weights)
    if draw.random() < 0.2:
        tensors.pop(draw.choice(list(tensors)))
    inside = {**meta, CHECKSUM: checksum(tensors)} if isinstance(meta, dict) else meta
    save_file(tensors, weights, metadata={HEADER: json.dumps(inside)})
    beside.write_text(json.dumps(meta))


def _published(suffix: str) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        tensors = {"conv1.weight": torch.ones(3, 2), "fc.bias": torch.zeros(4)}
        path = folder / f"model{suffix}"
        if suffix == ".safetensors":
            save_file(tensors, path)
        else:
            torch.save({"state_dict": tensors, "epoch": 3}, path)
        return [path]

    return make


def _state(folder: Path) -> list[Path]:
    row = {"epoch": 1, "loss": 0.5}
    state = {"identity": {"lr": 0.1}, "model": {"w": torch.ones(3, 4)}, "optimizer": {"state": {}}}
    state |= {"epoch": 1, "step": 3, "best": row, "metrics": [row]}
    save_state(folder / "state.pt", state)
    return [folder / "state.pt"]


def _record(folder: Path) -> list[Path]:
    (folder / "a.csv").write_text("x\n1\n")
    source = {"features": {"size": 3, "sha256": "ab"}, "recordings": {"count": 3, "sha256": "c"}}
    about = {"config": {"seed": 1, "task.name": "x"}, "inputs": source, "facts": {"subset": "test"}}
    notes = {"summary": {"accuracy": 0.5}, "guessing": ""}
    Record("train", "speechlrp", outputs=outputs_of(folder), notes=notes, **about).write(folder)
    return [folder / "stage.json"]


def _read_record(folder: Path) -> Any:
    from speechlrp.pipeline.contents import RunFiles

    record = read_record(folder)
    if record is None:
        return None
    before = {"config": record.config, "inputs": record.inputs}
    now = {"config": {"seed": 2}, "inputs": {"features": {"size": 4}}}
    outputs = [is_as(folder / name, facts) for name, facts in record.outputs.items()]
    files = RunFiles(folder.parent, folder.parent)
    named = [(files.of("train"), files.name(where)) for where in files.records]
    return list(changes(before, now)), outputs, named, record.notes.get("guessing", "")


def _run(folder: Path) -> list[Path]:
    from speechlrp.artifacts.atomic import write_json

    run = Run("x", ["experiment=demo", "seed=3"], {"dataset.name": "a"}, {"seed": 3}, "x", "", "0")
    write_json(folder / "run.json", vars(run))
    return [folder / "run.json"]


def _read_run(folder: Path) -> Any:
    from speechlrp.cli.runs import print_runs, with_remembered

    run = read_run(folder)
    print_runs(str(folder.parent))
    outputs = f"paths.outputs={folder.parent}"
    return run, with_remembered((f"run={folder.name}", outputs), {}), run and run.differences({})


def _texts(**files: str) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        paths = []
        for name, text in files.items():
            path = folder / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            paths.append(path)
        return [path for path in paths if path.stat().st_size]

    return make


def _manifest(folder: Path) -> list[Path]:
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


def _read_times(folder: Path) -> Any:
    path = None if (folder / "phonemes.csv").exists() else str(folder)
    times = SimpleNamespace(path=path, phonemes="phones", words="words")
    config: Any = SimpleNamespace(times=times, dataset={"root": str(folder)})
    recordings = pd.DataFrame({"id": ["r0", "r1"], "path": ["r0.wav", "r1.wav"], "speaker": "a"})
    check_tier(config, "phoneme")
    return read_times(config, "phoneme", recordings)


def _lhotse(folder: Path) -> list[Path]:
    soundfile.write(folder / "0.wav", np.full(800, 0.1), 8000)
    for name, rows in (("recordings", ROWS), ("supervisions", SAID)):
        (folder / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return [folder / "recordings.jsonl", folder / "supervisions.jsonl"]


def _packed(folder: Path) -> list[Path]:
    for path in _lhotse(folder):
        path.with_suffix(".jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    return sorted(folder.glob("*.gz"))


def _kaldi(folder: Path) -> list[Path]:
    soundfile.write(folder / "0.wav", np.full(800, 0.1), 8000)
    texts = {"wav.scp": "r0 0.wav\n", "utt2spk": "r0 ann\n", "spk2gender": "ann f\n"}
    texts |= {"text": "r0 hello you\n", "utt2lang": "r0 en\n"}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]


FORMATS = ("WAV", "WAVEX", "FLAC", "AIFF", "AU", "CAF", "NIST", "RF64", "W64")
SOUNDS = (*((form, "PCM_16") for form in FORMATS), ("WAV", "FLOAT"), ("WAV", "ULAW"),
          ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"))  # fmt: skip


def _sound(form: str, code: str) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        samples = np.random.default_rng(0).normal(0, 0.1, 4000).clip(-1, 1)
        soundfile.write(folder / "a.wav", samples, 16000, format=form, subtype=code)
        return [folder / "a.wav"]

    return make


def _read_sound(folder: Path) -> Any:
    piece = read_piece(folder / "a.wav", 0.05, 0.1)
    return read(folder / "a.wav", longest_s=2.0), read(folder / "a.wav"), piece


def _shards(folder: Path) -> list[Path]:
    shards = Shards(folder, 1)
    shards.put(
        0, {"features": np.zeros((2, 3), "f4")}, pd.DataFrame({"id": ["a", "b"], "n": [1, 2]})
    )
    Saves(folder / "saves").put([1, 2], {"sums": np.zeros(3)})
    return [shards.path(0), folder / "saves" / "000000.npz"]


def _read_shards(folder: Path) -> Any:
    saves, shards = Saves(folder / "saves"), Shards(folder, 1)
    with h5py.File(folder / "m.h5", "w") as file:
        merged = shards.merge(file) if not shards.missing() else None
    return merged, saves.done(), saves.mine()


YAML = """# @package _global_
defaults:
  - override /task: gender
seed: 3
split: {train: 4, validate: 2, test: 2}
trainer:
  epochs: 3
"""


def _read_own(folder: Path) -> Any:
    from speechlrp.config.composing import compose_config

    asked = ["run=x", "data_run=x", "experiment=mine"]
    return compose_config("preprocess", [f"--config-dir={folder}", *asked])


H5 = (mutations.hdf5, mutations.hdf5, mutations.hdf5, *BYTES)
JSON = (mutations.tree, mutations.tree, *TEXT)
KINDS = {
    "features.h5": Kind(hdf5.features, hdf5.read_features, H5),
    "relevance.h5": Kind(hdf5.relevance, hdf5.read_relevance, H5),
    "utterances.h5": Kind(hdf5.utterances, hdf5.read_utterances, H5),
    "averages.h5": Kind(hdf5.averages, hdf5.read_averages, H5),
    "maximized.h5": Kind(hdf5.maximized, hdf5.read_maximized, H5),
    "relevance of letters": Kind(hdf5.letters, hdf5.read_letters, H5),
    "relevance of utterances": Kind(hdf5.along, hdf5.read_along, H5),
    "weights": Kind(_weights, lambda f: load_model(f / "last.safetensors"), BYTES),
    "description of weights": Kind(
        _weights, lambda f: load_model(f / "last.safetensors"), (_both,)
    ),
    "checkpoint, torch": Kind(_published(".pt"), lambda f: read_published(f / "model.pt")),
    "checkpoint, safetensors": Kind(
        _published(".safetensors"), lambda f: read_published(f / "model.safetensors")
    ),
    "state.pt": Kind(_state, lambda f: load_state(f / "state.pt", {"lr": 0.1})),
    "stage.json": Kind(_record, _read_record, JSON),
    "run.json": Kind(_run, _read_run, JSON),
    "manifest.csv": Kind(_manifest, manifest, TEXT),
    "recordings.csv": Kind(
        _texts(recordings_dot_csv=RECORDINGS),
        lambda f: read_csv(f / "recordings.csv", "make it", ("id", "seconds", "level_db")),
        TEXT,
    ),
    "phonemes.csv": Kind(_texts(phonemes_dot_csv=TIMES), _read_times, TEXT),
    "CTM": Kind(_texts(phones_dot_ctm=CTM), _read_times, TEXT),
    "TextGrid": Kind(_texts(r0_dot_TextGrid=GRID), _read_times, TEXT),
    "list of trials": Kind(_texts(a_dot_txt=TRIALS), lambda f: trials(f / "a.txt"), TEXT),
    "list of a split": Kind(_texts(a_dot_txt=SPLIT), lambda f: identification(f / "a.txt"), TEXT),
    "librispeech": Kind(
        _texts(
            SPEAKERS_dot_TXT="; id|sex\n19 | F | dev | 25 | Kara\n",
            **{"dev__19__198__19-198.trans_dot_txt": "19-198-0 HELLO\n"},
            **{"dev__19__198__19-198-0_dot_flac": ""},
        ),
        librispeech,
        TEXT,
    ),
    "audiomnist": Kind(
        _texts(data__audioMNIST_meta_dot_txt=META, **{"data__01__0_01_0_dot_wav": ""}),
        audiomnist,
        TEXT,
    ),
    "voxceleb": Kind(
        _texts(
            vox1_meta_dot_csv="ID\tVGG\tGender\tSet\nid1\tA\tm\tdev\n", wav__id1__v__1_dot_wav=""
        ),
        voxceleb,
        TEXT,
    ),
    "kaldi": Kind(_kaldi, kaldi, TEXT),
    "lhotse": Kind(_lhotse, lhotse, JSON),
    "lhotse, packed": Kind(_packed, lhotse),
    **{
        f"sound, {form} {code}": Kind(_sound(form, code), _read_sound, named=False)
        for form, code in SOUNDS
    },
    "units of work": Kind(_shards, _read_shards, (mutations.npz, *BYTES)),
    "own YAML": Kind(_texts(experiment__mine_dot_yaml=YAML), _read_own, TEXT, weight=0.25),
}
