"""The networks that a bench is made on: one a corpus and seed, each in a run of its own."""

import json
import os
import shlex
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from speechlrp.config.composing import compose_config
from speechlrp.config.names import DATA, IDENTITY, identity_overrides, key_of
from speechlrp.config.schema import Config
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.identity import Invocation, check_run, made_name, read_run
from speechlrp.pipeline.places import Artifact, place, weights, weights_name
from speechlrp.pipeline.runner import perform
from speechlrp.pipeline.stage import Context
from speechlrp.stages import stage_of

CONTROL = "task=shuffled"
"""What deals the labels anew; the network then learns by heart."""
SEVERAL = {"experiment": "bench.corpora", "seed": "bench.seeds"}
"""Settings of a network that a bench has several of, and where."""
MADE_BY = ("preprocess", "train", "evaluate")


@dataclass(frozen=True)
class Member:
    """A network, and the recordings whose truth is known."""

    corpus: str  # an experiment
    seed: int  # of the training
    control: bool  # whether its labels were dealt anew
    config: Config  # of its run
    overrides: tuple[str, ...]  # that make this configuration

    @property
    def name(self) -> str:
        """For people, and before the names of its files."""
        return f"{self.corpus}, seed {self.seed}{', control' if self.control else ''}"

    @property
    def run(self) -> Path:
        """The folder of its run."""
        return Path(self.config.paths.outputs) / self.config.run

    def files(self) -> dict[str, Path]:
        """What a stage reads of it: features, weights, what these were saved with, accuracy."""
        features = self.run.with_name(self.config.data_run) / "preprocess" / "features.h5"
        facts = {"weights": weights_name(self.config), "subset": self.config.subset}
        files = {"features": features}
        for name, artifact in weights(self.config).items():
            files[name] = self.run / artifact.path if isinstance(artifact, Artifact) else artifact
        return files | {"evaluation": self.run / place("evaluate", facts) / "evaluation.json"}

    @property
    def evaluation(self) -> dict[str, Any]:
        """What evaluate found."""
        return json.loads(self.files()["evaluation"].read_text(encoding="utf-8"))

    def context(self, around: Context) -> Context:
        """The context in which its dataset and its network are read."""
        words = " ".join(self.overrides)
        made_by = {"features": f"speechlrp preprocess {words}", "weights": ""}
        return replace(around, config=self.config, inputs=self.files(), made_by=made_by)


def members(config: Config) -> list[Member]:
    """All networks of a bench, by corpus and seed; behind those of a corpus its control.

    Raises:
        SpeechLRPError: an experiment or setting that there is not; a run of that name that was
            made with other settings.
    """
    bench = config.bench
    shared: dict[str, object] = {"paths.data": config.paths.data}
    shared |= {"paths.outputs": config.paths.outputs}
    shared |= {"device": config.device, "workers": config.workers, "subset": config.subset}
    common = [f"{key}={value}" for key, value in shared.items() if value is not None]
    changes, networks = _changes(bench.overrides), []
    for corpus in bench.corpora:
        plans = [(seed, False) for seed in bench.seeds]
        plans += [(bench.seeds[0], True)] if bench.control else []
        for seed, control in plans:
            overrides = [f"experiment={corpus}", *changes, f"seed={seed}"]
            overrides += [CONTROL] if control else []
            composed = _composed((*overrides, *common))
            networks.append(Member(corpus, seed, control, composed, tuple(overrides)))
    return networks


def _changes(words: str) -> list[str]:
    """The settings of `bench.overrides`."""
    try:
        changes = shlex.split(words)
    except ValueError as error:
        raise SpeechLRPError(f"--with is {words!r}: a quotation mark is not closed") from error
    for change in changes:
        if instead := SEVERAL.get(key_of(change)):
            raise SpeechLRPError(f"{change} in --with: a bench has several, {instead}=[...]")
    return changes


@cache
def _composed(overrides: tuple[str, ...]) -> Config:
    """The configuration of a member, under the names that the command line would give its runs."""
    config = compose_config("train", [*overrides, "run=unnamed", "data_run=unnamed"])
    whole, outputs = asdict(config), Path(config.paths.outputs)
    base = overrides[0].partition("=")[2]
    run, data_run = (
        made_name(outputs, base, identity_overrides(overrides, sections), whole, sections == DATA)
        for sections in (IDENTITY, DATA)
    )
    named = replace(config, run=run, data_run=data_run)
    check_run(named)
    return named


def make(config: Config, invocation: Invocation) -> None:
    """Preprocess, train and evaluate what is not there yet.

    Raises:
        SpeechLRPError: a setting of networks that is not given as one of theirs; several
            processes, which share the units of a bench and not the networks, find one missing;
            as the stages raise.
    """
    stray = identity_overrides(invocation.overrides)
    known = read_run(Path(config.paths.outputs, config.run))
    if known and known.network and stray:
        raise SpeechLRPError(
            f"run {config.run} holds a network of its own, and a bench makes its own networks: "
            "name another run, run=NAME"
        )
    if stray:
        raise SpeechLRPError(
            f"{stray[0]}: each corpus of a bench has settings of its own; to change them all, say "
            f"--with '{' '.join(stray)}' (seeds are bench.seeds)"
        )
    from speechlrp.stages.bench.ingredients import check_asked  # which knows members

    every = members(config)
    check_asked(config)
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        missing = [path for one in every for path in one.files().values() if not path.exists()]
        if missing:
            raise SpeechLRPError(
                f"no {missing[0]}; one process makes the networks of a bench: run the same command "
                "without torchrun first"
            )
        return
    for member in every:
        for verb in MADE_BY:
            command = f"{invocation.command} (speechlrp {verb} {' '.join(member.overrides)})"
            asked = Invocation(command, member.overrides, member.overrides)
            perform(stage_of(verb, member.config.task.name), member.config, asked)
