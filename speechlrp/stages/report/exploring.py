"""The explorer of a run: recordings that were explained, by every explainer that did."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import open_artifact, read_table
from speechlrp.artifacts.relevance import MAPS, Maps
from speechlrp.audio.reading import read_piece
from speechlrp.audio.resampling import mono, resample
from speechlrp.config.schema import Config
from speechlrp.data.conditions import described
from speechlrp.data.dataset import Dataset, Windows
from speechlrp.data.recordings import explored, name_of
from speechlrp.data.seen import VIEW, seen
from speechlrp.data.times import TIERS, read_times, spoken_in
from speechlrp.errors import about
from speechlrp.pipeline.contents import RunFiles
from speechlrp.pipeline.places import explanation_facts, weights_name
from speechlrp.report.explorer import Explorer
from speechlrp.report.packing import Explanation, Recording

HEARD_HZ = 16_000
"""Sounds of higher rates are resampled: speech has its cues below 8 kHz."""
SIDE_BY_SIDE = 4
"""Explainers of a `compare` that are looked at first."""


def explained(config: Config, files: RunFiles) -> list[str]:
    """The explanations with the configured weights and subset, the configured one first."""
    asked = {"weights": weights_name(config), "subset": config.subset}
    wheres = [where for where in files.of("explain") if asked.items() <= files.facts(where).items()]
    configured = explanation_facts(config)["explainer"]
    return sorted(wheres, key=lambda where: files.facts(where)["explainer"] != configured)


def explorer_of(config: Config, files: RunFiles, examples: Windows) -> Explorer | None:
    """Recordings explained with the configured weights and subset; None where none are.

    Of each class alike `explored` of them are chosen, those that were misclassified first.
    """
    wheres = explained(config, files)
    if not wheres:
        return None
    view = _view(files, wheres[0])  # a page has the axes of one
    sources = [
        Source(files.facts(w)["explainer"], files.path(w, "relevance.h5"), _answers(files, w))
        for w in wheres
        if _view(files, w) == view
    ]
    with sources[0].opened() as file:
        table, predicted = read_table(file), file["probability"][:].argmax(1)
    rows = explored(table, predicted, config.explored)
    return _explorer(config, files, wheres[0], sources, rows, examples)


def compared(config: Config, files: RunFiles, where: str, examples: Windows) -> Explorer | None:
    """Recordings through every explainer of a `compare`, a few of these beside each other."""
    paths = sorted(files.path(where, "maps").glob("*.h5"))
    if not paths:
        return None
    sources = [Source(path.stem, path, command="speechlrp compare") for path in paths]
    with sources[0].opened() as file:
        rows = list(range(len(file["relevance"])))
    explorer = _explorer(config, files, where, sources, rows, examples)
    beside = ",".join(path.stem for path in paths[1:SIDE_BY_SIDE])
    return replace(explorer, name=where.replace("/", "-"), opening={"beside": beside})


@dataclass(frozen=True)
class Source:
    """An explainer's maps, and what the network says while bins are flipped in their order."""

    explainer: str
    path: Path
    answers: pd.DataFrame = field(default_factory=lambda: pd.DataFrame({"id": [], "baseline": []}))
    command: str = "speechlrp explain"

    def opened(self) -> AbstractContextManager[h5py.File]:
        """The file of its maps."""
        return open_artifact(self.path, MAPS, self.command)


def _explorer(
    config: Config,
    files: RunFiles,
    where: str,
    sources: list[Source],
    rows: list[int],
    examples: Windows,
) -> Explorer:
    examples = seen(examples, dict(zip(VIEW, _view(files, where), strict=True)))
    with sources[0].opened() as file:
        table, probability = read_table(file), file["probability"][:]
    ids = table.id.iloc[rows]
    maps = [_maps(source, ids, examples) for source in sources]
    spoken_at = table.iloc[rows].assign(id=table.source).drop_duplicates("id")
    recordings, spoken = [], [read_times(config, kind, spoken_at) for kind in TIERS]
    with examples.features() as features:
        for row in rows:
            one = table.loc[row]
            values = examples.picture(features[examples.row_of[one.id]])
            its_maps = [known[one.id] for known in maps if one.id in known]
            marks = [spoken_in(times, one) for times in spoken]
            recordings.append(_recording(one, values, probability[row], its_maps, examples, marks))
    bands = config.explainer["bands_hz"] if len(examples.frequency) > 1 else ()
    axes = examples.frequency, examples.time
    return Explorer(examples.classes, *axes, examples.units, recordings, bands)


def _view(files: RunFiles, where: str) -> list[Any]:
    """How an explanation is looked at."""
    return [files.records[where].config.get(f"explainer.{key}") for key in VIEW]


def _answers(files: RunFiles, explained: str) -> pd.DataFrame:
    """What the network says of recordings with bins flipped in an explanation's order.

    Bins are set to what the explanation measures from, where they were flipped to that;
    the table is empty where none were flipped.
    """
    wheres = [
        where
        for where in files.of("flip")
        if files.facts(explained).items() <= files.facts(where).items()
        and files.made(where, "answers.csv")
    ]
    if not wheres:
        return pd.DataFrame({"id": [], "baseline": []})
    answers = pd.concat([files.table(where, "answers.csv") for where in wheres])
    reference = files.records[explained].config["explainer.reference"]
    baseline = reference if (answers.baseline == reference).any() else answers.baseline.iloc[0]
    return answers[answers.baseline == baseline].drop_duplicates(["id", "bins"])


def _maps(source: Source, ids: pd.Series, examples: Windows) -> dict[str, Explanation]:
    """An explainer's maps of some recordings, by their id."""
    answers = source.answers
    with source.opened() as file:
        held = {id_: row for row, id_ in enumerate(read_table(file).id)}
        maps, target = Maps(file), file["target"][:]
        return {
            id_: Explanation(
                explainer=source.explainer,
                target=examples.classes[target[held[id_]]],
                relevance=maps[held[id_]][0],
                units=maps.units,
                answers=[
                    (row.percent, bool(row.correct), row.probability)
                    for row in answers[answers.id == id_].itertuples()
                ],
                baseline=answers.baseline.iloc[0] if len(answers) else "",
            )
            for id_ in ids
            if id_ in held
        }


def _recording(
    one: pd.Series,
    features: np.ndarray,
    probability: np.ndarray,
    maps: list[Explanation],
    examples: Windows,
    marks: list[list[tuple[float, float, str]]],
) -> Recording:
    facts = {"speaker": one.speaker, "file": Path(one.path).name}
    if one.get("condition", ""):
        facts["mixed in"] = f"{described(one)}, not in the sound"
    if one.start_s > 0:
        facts["from"] = f"{one.start_s:.2f} s of its recording"
    samples, rate = heard(one.path, one.start_s, one.duration_s, examples)
    return Recording(
        id=one.id,
        name=name_of(one),
        features=features,
        probabilities=probability,
        maps=maps,
        label=examples.classes[one.label],
        speaker=one.speaker,
        condition=one.get("condition", ""),
        samples=samples,
        rate=rate,
        onset_s=one.onset_s,
        marks=marks,
        facts=facts,
    )


def heard(path: str, start_s: float, seconds: float, data: Dataset) -> tuple[np.ndarray, int]:
    """A piece of a recording `[N]` at `HEARD_HZ` at most, and its rate."""
    with about(path):
        wave, rate = read_piece(path, start_s, seconds)
    samples = mono(wave, data.settings.get("channel"))
    if rate > HEARD_HZ:
        samples, rate = resample(samples, rate, HEARD_HZ), HEARD_HZ
    return samples.numpy(), rate
