"""What a run is: `run.json` in its folder holds what it was made with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from speechlrp import __version__
from speechlrp.artifacts.atomic import write_json
from speechlrp.config.names import DATA, IDENTITY, identity_settings, key_of, readable, with_digest
from speechlrp.config.schema import Config
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.record import read_fields

FILE = "run.json"


@dataclass(frozen=True)
class Invocation:
    """How a command was called."""

    command: str  # the command line, for records
    hints: tuple[str, ...] = ()  # what names the run, for the commands in messages
    overrides: tuple[str, ...] = ()  # what the run is made of, to be remembered


@dataclass(frozen=True)
class Run:
    """What `run.json` holds."""

    name: str  # of the run
    overrides: list[str] = field(default_factory=list)  # that it was made with
    data: dict[str, Any] = field(default_factory=dict)
    """The settings of its features, with dotted keys."""
    network: dict[str, Any] = field(default_factory=dict)
    """Those of its network besides; none where it only holds features."""
    data_run: str = ""  # the run whose folder holds the features
    made: str = ""  # when
    version: str = ""  # of speechlrp

    def differences(self, settings: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
        """Setting -> what it was here and what it is there, of features or a network.

        A setting that only one of the two has is none where they were made by different
        versions of speechlrp, which may have other settings.
        """
        known = self.data if next(iter(settings), "").split(".")[0] in DATA else self.network
        if not known:
            return {}
        keys = known.keys() | settings.keys()
        if self.version != __version__:
            keys = known.keys() & settings.keys()
        pairs = {key: (known.get(key), settings.get(key)) for key in sorted(keys)}
        return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def read_run(folder: Path) -> Run | None:
    """What a folder's `run.json` says; None where there is none.

    A run that holds its own features goes on holding them where its folder has another name since.

    Raises:
        SpeechLRPError: it is damaged.
    """
    mend = "delete it, and give the settings of this run again"
    known = read_fields(folder / FILE, Run, mend)
    if known and known.data_run == known.name and (folder / "preprocess").is_dir():
        return replace(known, data_run=folder.name)
    return known


def settings_of(config: Mapping[str, Any], of_data: bool) -> dict[str, Any]:
    """The settings that make features, or a network besides; see `identity_settings`."""
    sections = DATA if of_data else tuple(name for name in IDENTITY if name not in DATA)
    return identity_settings(config, sections, str(config["paths"]["data"]))


def made_name(
    outputs: Path, base: str, overrides: Sequence[str], config: Mapping[str, Any], of_data: bool
) -> str:
    """The name of a run that was given none.

    It is never that of a run of other settings: where the readable name does not show all
    that was overridden, or another run has it, a digest of the settings stands behind it.

    It is named after `base`, and shows the overrides; `config` is the whole configuration,
    resolved.
    """
    name, exact = readable(base, overrides)
    parts = [settings_of(config, True), *([] if of_data else [settings_of(config, False)])]
    everything = {key: value for part in parts for key, value in part.items()}
    known = read_run(outputs / name)
    if not exact or (known and any(known.differences(part) for part in parts)):
        return with_digest(name, everything)
    return name


def check_run(config: Config) -> bool:
    """Check that the configuration is that of the run that it names; whether that is there.

    Raises:
        SpeechLRPError: the run was made with other settings.
    """
    whole, outputs = asdict(config), Path(config.paths.outputs)
    parts = settings_of(whole, True), settings_of(whole, False)
    for name, checked in ((config.data_run, parts[:1]), (config.run, parts)):
        run = read_run(outputs / name)
        if run is None:
            continue
        differing = {k: v for part in checked for k, v in run.differences(part).items()}
        if differing:
            was = ", ".join(f"{key}={old}" for key, (old, _) in list(differing.items())[:4])
            now = ", ".join(f"{key}={new}" for key, (_, new) in list(differing.items())[:4])
            begun = [o for o in run.overrides if o.startswith("experiment=")]
            so = f", begin as it did with {begun[0]}," if begun else ","
            raise SpeechLRPError(
                f"run {name} was made with {was}, not {now}; leave that out{so} or give another "
                f"name: {' '.join(['run=NAME', *begun])}"
            )
    return read_run(outputs / config.run) is not None


def remember(config: Config, overrides: Sequence[str], of_data: bool) -> Callable[[], None]:
    """Write, or add to, the `run.json` of the run that a stage writes into.

    Gives what takes it back, for a command that came to nothing: of settings that were refused no
    run is made. What another command has added since stays.
    """
    whole, name = asdict(config), config.data_run if of_data else config.run
    folder = Path(config.paths.outputs) / name
    now = datetime.now(UTC).isoformat(timespec="seconds")
    known = read_run(folder)
    before = known or Run(name, made=now, version=__version__)
    after = replace(
        before,
        overrides=merged(before.overrides, overrides),
        data=before.data or settings_of(whole, True),
        network=before.network or ({} if of_data else settings_of(whole, False)),
        data_run=config.data_run,
    )
    if after != before:
        write_json(folder / FILE, asdict(after))

    def forget() -> None:
        if after == before or read_run(folder) != after:
            return
        if known is None:
            (folder / FILE).unlink()
        else:
            write_json(folder / FILE, asdict(before))

    return forget


def merged(remembered: Sequence[str], overrides: Sequence[str]) -> list[str]:
    """The overrides of both, the last of each key."""
    return list({key_of(override): override for override in (*remembered, *overrides)}.values())
