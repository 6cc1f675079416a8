"""The files that a stage reads, and what is known of them."""

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from speechlrp.artifacts.source_digests import code_of
from speechlrp.config.names import IDENTITY, flatten, key_of
from speechlrp.config.schema import Config
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.places import FEATURES, Artifact
from speechlrp.pipeline.record import fingerprint, is_as, read_record
from speechlrp.pipeline.stage import Stage
from speechlrp.registry import references_in

ON = "--on"
"""Stands before the settings of another corpus."""
BATCH = "batch_size"
"""The name of settings that change no result."""
TRAINING = ("train", "augment", "retrain")
"""Verbs that know the run's own corpus alone."""


def run_folder(config: Config, stage: str) -> Path:
    """The run's folder that a verb writes below: features serve many runs.

    What a network does on another corpus than its own lies in a folder of that corpus.
    """
    outputs = Path(config.paths.outputs)
    if config.on and stage not in TRAINING:
        return outputs / config.run / "on" / config.on
    return outputs / (config.data_run if stage == "preprocess" else config.run)


def own_features(config: Config) -> Path:
    """The features that the run's network was trained on, whatever it is asked about now."""
    return Path(config.paths.outputs) / config.data_run / FEATURES.path


def find_inputs(
    verb: str, asked: Mapping[str, Artifact | Path], config: Config, overrides: tuple[str, ...]
) -> tuple[dict[str, Path], dict[str, str]]:
    """The files that a verb asks for, by name, and the command that makes each.

    Raises:
        SpeechLRPError: one is missing; the message names the command that makes it, and
            other runs that have one.
    """
    paths, made_by = {}, {}
    for name, wanted in asked.items():
        if isinstance(wanted, Artifact):
            run = run_folder(config, wanted.stage)
            command = " ".join(
                ["speechlrp", wanted.stage, *wanted.options, *_of_run(overrides, wanted.stage)]
            )
            paths[name], made_by[name] = run / wanted.path, command
            if not paths[name].is_file():
                others = ", ".join(_runs_with(run, wanted.path))
                hint = f" (runs that have one: {others})" if others else ""
                raise SpeechLRPError(f"{verb}: no {paths[name]}; make it with `{command}`{hint}")
        else:
            paths[name], made_by[name] = wanted, ""
            if not wanted.exists():
                raise SpeechLRPError(f"{verb}: there is no {wanted}")
    return paths, made_by


def check_made_so(
    asked: Mapping[str, Artifact | Path], config: Config, settings: Sequence[str], hints: Sequence
) -> None:
    """Refuse settings, given with a command, that what it only reads was not made with.

    Args:
        asked: the files that it reads.
        config: what the settings led to.
        settings: ``KEY=VALUE``, as they were given.
        hints: what names the run.

    Raises:
        SpeechLRPError: one says something else than the record of what is read.
    """
    overridden = [key_of(s) for s in settings if "." in key_of(s)]
    overridden = [
        k for k in overridden if k.split(".")[0] not in IDENTITY and k.split(".")[-1] != BATCH
    ]
    whole = {
        k: v for name, value in asdict(config).items() for k, v in flatten(name, value).items()
    }
    for wanted in (one for one in asked.values() if isinstance(one, Artifact)):
        folder = (run_folder(config, wanted.stage) / wanted.path).parent
        record = read_record(folder)
        for key, made in record.config.items() if record else ():
            above = next((k for k in overridden if f"{key}.".startswith(f"{k}.")), None)
            if above and key in whole and json.loads(json.dumps(whole[key])) != made:
                words = next(s for s in settings if key_of(s) == above)
                options = list(wanted.options)
                if (option := f"--{above.rpartition('.')[2]}") in options:  # `words` say it
                    at = options.index(option)
                    del options[at : at + 2]
                parts = ["speechlrp", wanted.stage, *options, *hints, shlex.quote(words)]
                command = " ".join(parts)
                raise SpeechLRPError(
                    f"{words}: {folder} was made with {key}={made}; make it again with "
                    f"`{command}`, or leave that out"
                )


def _of_run(overrides: tuple[str, ...], stage: str) -> tuple[str, ...]:
    """What names the run; without the other corpus, of which training knows nothing."""
    ends = stage in TRAINING and ON in overrides
    return overrides[: overrides.index(ON)] if ends else overrides


def _runs_with(run: Path, file: str) -> list[str]:
    if not run.parent.is_dir():
        return []
    return sorted(r.name for r in run.parent.iterdir() if r != run and (r / file).exists())[:5]


def identity(stage: Stage, config: Config, inputs: Mapping[str, Path]) -> dict[str, dict]:
    """What makes a result what it is: settings, inputs, and facts about sources outside.

    Raises:
        SpeechLRPError: an input is no whole artifact of its stage.
    """
    everything, settings = asdict(config), {}
    for key in stage.keys:
        value: Any = everything
        for part in key.split("."):
            value = value[part]
        settings.update(flatten(key, value))
    if config.on:
        settings["on"] = config.on
    sources = stage.sources(config)
    read = {name: known_fingerprint(path) for name, path in inputs.items()} | sources
    for name in references_in([settings, sources]):
        if code := code_of(name):
            read[f"the code of {name}"] = code
    return json.loads(json.dumps({"config": settings, "inputs": read}))


def known_fingerprint(path: Path) -> dict[str, Any]:
    """The file's fingerprint: from its stage's record while it is as recorded, else taken now."""
    for folder in path.parents[:2]:
        record = read_record(folder)
        if record:
            facts = record.outputs.get(path.relative_to(folder).as_posix())
            if facts and is_as(path, facts):
                return {name: facts[name] for name in ("size", "sha256")}
    return fingerprint(path)


def changes(before: Mapping[str, dict], now: Mapping[str, dict]) -> Iterator[str]:
    """What differs between two identities, in words."""
    for part in ("config", "inputs"):
        for key in sorted(before[part].keys() | now[part].keys()):
            old, new = before[part].get(key), now[part].get(key)
            if old != new:
                yield f"{key} changed" if part == "inputs" else f"{key} was {old}, is {new}"


class Watch:
    """Notices inputs that change while a stage reads them."""

    def __init__(self, inputs: Mapping[str, Path]) -> None:
        self._stamps = {path: self._stamp(path) for path in inputs.values()}

    def check(self, stage: str) -> None:
        """Check that all are what they were.

        Raises:
            SpeechLRPError: one is another file now, or was written to: what was made of it
                may be half of the one and half of the other.
        """
        for path, before in self._stamps.items():
            if self._stamp(path) != before:
                raise SpeechLRPError(
                    f"{path} changed while {stage} read it; nothing was kept: the same command "
                    "begins anew"
                )

    @staticmethod
    def _stamp(path: Path) -> tuple[int, ...] | None:
        try:
            status = path.stat()
        except OSError:
            return None
        return status.st_ino, status.st_size, status.st_mtime_ns
