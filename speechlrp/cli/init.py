"""`speechlrp init`: look at one's own recordings, and write a first experiment for them."""

import os
import shlex
import sys
from pathlib import Path

import click

from speechlrp.artifacts.atomic import write_bytes, write_text
from speechlrp.config.composing import default_outputs
from speechlrp.config.names import check_name, conf_dir
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.identity import read_run
from speechlrp.pipeline.lock import taken


def write_experiment(
    source: Path, label: str | None, run: str, speaker: str | None, folder: Path, force: bool
) -> None:
    """Look, choose, say what and why, and write ``experiment/<run>.yaml`` below a folder.

    Recordings are as `speechlrp.setup.own_data` finds them, `label` is what is to be told apart,
    and `speaker` where it is said who speaks; `force` replaces the file, which is kept beside it.

    Raises:
        SpeechLRPError: the name is taken, or the recordings are none.
    """
    path = folder / "experiment" / f"{run}.yaml"
    _check_free(run, path, force)
    with taken(path):
        _check_free(run, path, force)  # another command may have written it meanwhile
        _write(source, label, run, speaker, path)
    named = "" if folder == Path("conf") else f" --config-dir {shlex.quote(str(folder))}"
    click.echo(f"written: {path}; read it, change what you like, then:")
    click.echo(f"    speechlrp run run={run}{named}")


def _write(source: Path, label: str | None, run: str, speaker: str | None, path: Path) -> None:
    from speechlrp.setup.choices import choose
    from speechlrp.setup.draft import draft
    from speechlrp.setup.own_data import find_source
    from speechlrp.setup.survey import described, survey

    place = find_source(source, label or "class", speaker, run)
    surveyed = survey(place, label, workers=len(os.sched_getaffinity(0)))
    assert label is not None  # survey has refused it
    chosen, told = choose(surveyed, label), described(surveyed, label, place.words)
    command = shlex.join(["speechlrp", *sys.argv[1:]])
    text = draft(place, chosen, label=label, name=run, command=command, told=told)
    if path.exists():
        write_bytes(path.with_suffix(".yaml.old"), path.read_bytes())
    write_text(path, text)
    for line in told:
        click.echo(line)
    click.echo("chosen:")
    for line in chosen.lines():
        click.echo(f"    {line}")
    for line in chosen.cautions:
        click.echo(f"caution: {line}")


def _check_free(run: str, path: Path, force: bool) -> None:
    check_name(run)
    shipped = path.parent.resolve() == (conf_dir() / "experiment").resolve()
    if not shipped and (conf_dir() / "experiment" / path.name).is_file():
        raise SpeechLRPError(
            f"{run} is an experiment of speechlrp itself; give another name: --run NAME"
        )
    if read_run(default_outputs() / run):
        raise SpeechLRPError(
            f"there is a run {run} already ({default_outputs() / run}), with settings of its own; "
            f"give another name: --run {run}2"
        )
    if path.exists() and not force:
        raise SpeechLRPError(
            f"{path} is there already; give another name with --run, or --force to replace it "
            f"(it is kept as {run}.yaml.old)"
        )
