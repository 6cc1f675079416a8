"""The kinds of file that speechlrp reads: a valid one of each, and what reads it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fuzz_corpora as corpora
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
    asked = f"run={folder.name}", f"paths.outputs={folder.parent}"
    return run, with_remembered("train", asked, {}), run and run.differences({})


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
    "manifest.csv": Kind(corpora.listed, manifest, TEXT),
    "recordings.csv": Kind(
        corpora.texts(recordings_dot_csv=corpora.RECORDINGS),
        lambda f: read_csv(f / "recordings.csv", "make it", ("id", "seconds", "level_db")),
        TEXT,
    ),
    "phonemes.csv": Kind(
        corpora.texts(phonemes_dot_csv=corpora.TIMES), corpora.read_known_times, TEXT
    ),
    "corpora.CTM": Kind(corpora.texts(phones_dot_ctm=corpora.CTM), corpora.read_known_times, TEXT),
    "TextGrid": Kind(corpora.texts(r0_dot_TextGrid=corpora.GRID), corpora.read_known_times, TEXT),
    "list of trials": Kind(
        corpora.texts(a_dot_txt=corpora.TRIALS), lambda f: trials(f / "a.txt"), TEXT
    ),
    "list of a split": Kind(
        corpora.texts(a_dot_txt=corpora.SPLIT), lambda f: identification(f / "a.txt"), TEXT
    ),
    "librispeech": Kind(
        corpora.texts(
            SPEAKERS_dot_TXT="; id|sex\n19 | F | dev | 25 | Kara\n",
            **{"dev__19__198__19-198.trans_dot_txt": "19-198-0 HELLO\n"},
            **{"dev__19__198__19-198-0_dot_flac": ""},
        ),
        librispeech,
        TEXT,
    ),
    "audiomnist": Kind(
        corpora.texts(
            data__audioMNIST_meta_dot_txt=corpora.META, **{"data__01__0_01_0_dot_wav": ""}
        ),
        audiomnist,
        TEXT,
    ),
    "voxceleb": Kind(
        corpora.texts(
            vox1_meta_dot_csv="ID\tVGG\tGender\tSet\nid1\tA\tm\tdev\n", wav__id1__v__1_dot_wav=""
        ),
        voxceleb,
        TEXT,
    ),
    "kaldi": Kind(corpora.kaldi_folder, kaldi, TEXT),
    "lhotse": Kind(corpora.lhotse_folder, lhotse, JSON),
    "lhotse, packed": Kind(corpora.packed, lhotse),
    **{
        f"sound, {form} {code}": Kind(_sound(form, code), _read_sound, named=False)
        for form, code in SOUNDS
    },
    "units of work": Kind(_shards, _read_shards, (mutations.npz, *BYTES)),
    "own YAML": Kind(corpora.texts(experiment__mine_dot_yaml=YAML), _read_own, TEXT, weight=0.25),
}
