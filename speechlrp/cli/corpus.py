"""`--on`: a trained network, asked about another corpus than its own."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from hydra import compose
from omegaconf import OmegaConf

from speechlrp.config.names import DIGEST, digest_of, key_of
from speechlrp.config.schema import Config
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.identity import settings_of
from speechlrp.pipeline.inputs import ON, run_folder
from speechlrp.pipeline.places import Artifact, plain, weights
from speechlrp.training.checkpoint import read_weights

SECTIONS = ("dataset", "split", "conditions", "data_seed")
"""What makes another corpus; the features, the task and the network are the run's."""


def parted(overrides: Sequence[str], on: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The overrides of the run, and behind ``--on`` those of another corpus.

    Raises:
        SpeechLRPError: no corpus is named.
    """
    if not on:
        return tuple(overrides), ()
    of_corpus = tuple(o for o in overrides if key_of(o).split(".")[0] in SECTIONS)
    if not any(key_of(o).split(".")[0] == "dataset" for o in of_corpus):
        raise SpeechLRPError(
            "--on needs another corpus: --on dataset=NAME dataset.root=DIR (see `speechlrp list "
            "conf/dataset`)"
        )
    return tuple(o for o in overrides if o not in of_corpus), of_corpus


def on_corpus(config: Config, verb: str, member: Sequence[str], corpus: Sequence[str]) -> Config:
    """The configuration of a run that is asked about another corpus.

    Everything of it is test unless a split is named. Its label has the name of the run's task,
    and the classes are those that the network knows.

    `member` has the overrides of the run, `corpus` those of the corpus.

    Raises:
        HydraException: a corpus or setting that there is not.
        SpeechLRPError: the network is not there.
    """
    keys = {key_of(override) for override in corpus}
    task = config.task.name.replace("'", "\\'")
    of_run = [o for o in member if key_of(o).split(".")[0] == "paths"] + [f"task.name='{task}'"]
    base = of_run if "dataset" in keys else list(member)
    split = [] if "split" in keys else ["split=all"]
    composed = compose(verb, [*base, *split, *corpus])
    sections: dict[str, Any] = {
        name: OmegaConf.to_container(composed[name], resolve=True) for name in SECTIONS[:3]
    }
    known = replace(config.task, classes=_classes(config))
    config = replace(config, **sections, data_seed=composed.data_seed, task=known)
    digest = digest_of(settings_of(asdict(config), True))[:DIGEST]
    return replace(config, on=f"{plain(config.dataset['name'])}-{digest}")


def hints_on(corpus: Sequence[str]) -> tuple[str, ...]:
    """What names another corpus, for the commands in messages."""
    return (ON, *map(shlex.quote, corpus)) if corpus else ()


def _classes(config: Config) -> list[str]:
    """The classes of the network, as its weights were saved with."""
    file = weights(config)["weights"]
    path = run_folder(config, file.stage) / file.path if isinstance(file, Artifact) else file
    return list(read_weights(path, f"speechlrp train run={config.run}")[0]["classes"])
