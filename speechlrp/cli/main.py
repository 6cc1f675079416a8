"""`speechlrp`: one verb a stage, and a few that stand beside the pipeline."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from speechlrp import __version__
from speechlrp.cli import completing, ending
from speechlrp.cli.options import FILE_OPTIONS, HYDRA_OPTIONS, ON_VERBS, OPTIONS, on_option
from speechlrp.errors import SpeechLRPError
from speechlrp.stages import SUMMARIES

LAYOUTS = (
    *("audiomnist", "librispeech", "voxceleb"),
    *("planted_tone", "planted_pair", "planted_four"),
    *("planted_f0", "planted_formant", "planted_word"),
)


class _Verbs(click.Group):
    """The verbs, whose errors that the user can mend are one line."""

    def main(self, *arguments: Any, **settings: Any) -> Any:
        """Begin."""
        ending.open_closed_streams()
        with ending.asked_to_end(), _huge_pages():
            return super().main(*arguments, **settings)

    def make_context(self, *arguments: Any, **settings: Any) -> click.Context:
        """Read the command line; help is printed here."""
        with ending.one_line_errors():
            return super().make_context(*arguments, **settings)

    def invoke(self, context: click.Context) -> object:
        """Run one; what click would say of an error itself does not come to it."""
        with ending.one_line_errors():
            return super().invoke(context)


@contextmanager
def _huge_pages() -> Iterator[None]:
    """Let torch, which reads this when it is imported, take memory in pages that come faster."""
    name = "THP_MEM_ALLOC_ENABLE"
    chosen = name in os.environ
    os.environ.setdefault(name, "1")
    try:
        yield
    finally:
        if not chosen:
            os.environ.pop(name, None)


@click.group(
    cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="speechlrp")
def main() -> None:
    """Explain speech networks, and test whether the explanations are true.

    The stages run in this order, each from what the one before wrote to
    outputs/<run>/: preprocess, train, evaluate, explain, flip, augment, retrain,
    report; `speechlrp run` takes them all (a recogniser of letters: up to explain, then
    navai, maximize, listen, report). Every setting of conf/ can be given
    as KEY=VALUE, such as `speechlrp train experiment=audiomnist_gender trainer.epochs=3`.
    """
    os.environ.pop("MPLBACKEND", None)  # of a notebook's shell, and perhaps not installed here
    try:
        os.getcwd()
    except FileNotFoundError:  # beneath which torch's libraries do not load
        click.echo("error: the folder that you are in was deleted; change to another", err=True)
        sys.exit(1)


def _verb(name: str, summary: str) -> click.Command:
    def callback(overrides: tuple[str, ...], **values: object) -> None:
        from speechlrp.cli.bridge import launch

        launch(name, overrides, values)

    return click.Command(name, params=_parameters(name, name), callback=callback, help=summary)


WORDS = {"explain": "[FILE]... [KEY=VALUE]...", "demo": "[letters|speaker] [KEY=VALUE]..."}
"""What a verb takes besides its options, where that is not settings alone."""


def _parameters(name: str, verb: str) -> list[click.Parameter]:
    """The parameters of a command that runs a verb."""
    parameters: list[click.Parameter] = [option.parameter() for option in OPTIONS[verb]]
    parameters += [option() for option in HYDRA_OPTIONS]
    parameters += [option() for option in FILE_OPTIONS] if name == "explain" else []
    parameters += [on_option()] if name in ON_VERBS else []
    words = WORDS.get(name, "[KEY=VALUE]...")
    settings = click.Argument(
        ["overrides"], nargs=-1, metavar=words, shell_complete=completing.overrides
    )
    return [*parameters, settings]


for _name, _summary in SUMMARIES.items():
    main.add_command(_verb(_name, _summary))
main.add_command(_verb("run", "Run the stages in sequence."))


@main.command(params=_parameters("demo", "run"))
def demo(overrides: tuple[str, ...], **values: object) -> None:
    """Synthesise a small corpus and take it through the whole pipeline, in minutes.

    Digits of women and men; or sentences for a recogniser (letters), or for a network that
    tells speakers apart (speaker). Needs speechlrp[synth]. The page is
    outputs/demo/report/index.html, or outputs/demo_letters/..., outputs/demo_speaker/...
    """
    from speechlrp.cli.download import show

    show(overrides, values)


@main.command()
def stages() -> None:
    """List the stages in their order."""
    for name, summary in SUMMARIES.items():
        click.echo(f"{name:12} {summary}")


@main.command()
@click.option("--outputs", type=click.Path(file_okay=False), help="The folder of the runs.")
def runs(outputs: str | None) -> None:
    """List the runs: what differs between them, and which stages are complete."""
    from speechlrp.cli.runs import print_runs

    print_runs(outputs)


@main.command()
@click.argument("members", metavar="RUN,KEY=*,...", shell_complete=completing.named)
@click.option("--outputs", type=click.Path(file_okay=False), help="The folder of the runs.")
@click.option("--out", type=click.Path(dir_okay=False), help="Write the table to this CSV file.")
def table(members: str, outputs: str | None, out: str | None) -> None:
    """Tabulate a sweep: each measure's mean, deviation and 95 % interval over its members.

    'emo,seed=*' takes the runs whose names begin with emo and averages over their seeds; other
    settings with a pattern, as in 'emo,trainer.lr=*,seed=*', have a row for each of their values.
    """
    from speechlrp.cli.runs import print_table

    print_table(members, outputs, out)


@main.command("help")
@click.argument("name", required=False, shell_complete=completing.helped)
@click.pass_context
def help_(context: click.Context, name: str | None) -> None:
    """Say what a setting (trainer.lr), a group of them (trainer) or a verb is."""
    from speechlrp.cli.help import explained

    top = context.find_root()
    verb = main.get_command(context, name) if name else main
    if verb is not None:
        click.echo(verb.get_help(click.Context(verb, info_name=name, parent=top) if name else top))
    try:
        lines = list(explained(name)) if name else []
    except SpeechLRPError as error:
        if verb is not None:  # which is no setting besides
            return
        click.echo(f"error: {error}", err=True)
        context.exit(1)
    click.echo("\n".join(["", *lines] if verb is not None and lines else lines))


@main.command()
@click.argument("run", shell_complete=completing.named)
@click.argument("folder", type=click.Path(file_okay=False))
@click.option("--weights", default="train", show_default=True, help="As of evaluate.")
def export(run: str, folder: str, weights: str) -> None:
    """Write a trained RUN into a FOLDER of its own, with a model card.

    It holds the weights, the settings and what is known of the features, and no recording:
    `speechlrp.load("FOLDER")` and `speechlrp explain my.wav --run FOLDER` read it anywhere.
    """
    from speechlrp.answers.exporting import export as write
    from speechlrp.answers.run import load

    click.echo(f"{write(load(run, weights=weights, device='cpu'), folder)}/README.md")


@main.command("list")
@click.argument("what", required=False, shell_complete=completing.tables)
def list_(what: str | None) -> None:
    """List what can be chosen: models, corpora, rules, ... (without an argument: the lists)."""
    from speechlrp.cli.help import names

    click.echo("\n".join(names(what)))


@main.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--label", help="What is to be told apart; without it, the labels are listed.")
@click.option("--run", required=True, help="The name of the run, and of the file that is written.")
@click.option("--speaker", help="The column that says who speaks; of a folder: an expression.")
@click.option(
    "--config-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default="conf",
    show_default=True,
    help="The folder of your own configurations.",
)
@click.option("--force", is_flag=True, help="Replace the file; it is kept as NAME.yaml.old.")
def init(
    source: Path, label: str | None, run: str, speaker: str | None, config_dir: Path, force: bool
) -> None:
    """Look at your own recordings, and write a first experiment for them.

    SOURCE is a CSV file (path, speaker and any labels), a folder with a folder for each
    class, a Kaldi data folder, lhotse's manifests, or a folder that datasets.save_to_disk
    wrote. What is written, conf/experiment/RUN.yaml, is yours to change; then
    `speechlrp run run=RUN` goes from the recordings to the page.
    """
    from speechlrp.cli.init import write_experiment

    write_experiment(source, label, run, speaker, config_dir, force)


@main.command()
@click.argument("corpus")
@click.option("--subset", "subsets", multiple=True, help="A part of the corpus; can be repeated.")
@click.option("--data", type=click.Path(file_okay=False), help="Where recordings are kept.")
@click.option("--base-url", help="Take the files from another server.")
def download(corpus: str, subsets: tuple[str, ...], data: str | None, base_url: str | None) -> None:
    """Download a corpus and verify it: audiomnist, librispeech or musan."""
    from speechlrp.cli.download import download_corpus

    download_corpus(corpus, subsets, data, base_url)


@main.command()
@click.argument("layout", type=click.Choice(LAYOUTS))
@click.option("--out", type=click.Path(file_okay=False), required=True, help="Folder to write to.")
@click.option("--speakers", type=click.IntRange(min=2), default=12, show_default=True)
@click.option("--per-speaker", type=click.IntRange(min=1), default=50, show_default=True)
@click.option(
    "--from",
    "manifest",
    type=click.Path(exists=True, dir_okay=False),
    help="A list of your own recordings, which the tones of planted_tone or _pair are put into.",
)
@click.option(
    "--swap-f0", is_flag=True, help="Men's fundamentals for women's voices, and vice versa."
)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--workers", type=click.IntRange(min=1), help="Processes; default: as many as cores.")
@click.option("--force", is_flag=True, help="Replace a corpus made with other settings.")
def synth(layout: str, out: str, manifest: str | None, **settings: object) -> None:
    """Synthesise a corpus of digits or sentences, with the time of every phoneme.

    planted_...: the label is carried by one known sound, whose place is written to planted.csv,
    so that explanations can be scored.
    """
    from speechlrp.cli.download import synthesise_corpus

    synthesise_corpus(layout, out, manifest=manifest, **settings)
