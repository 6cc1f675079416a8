"""The options of every verb, and the settings that they stand for."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import click

from speechlrp.config import CHECKPOINTS, SOURCES, SUBSETS
from speechlrp.flipping import FILL_INS, FILLS, STRATEGIES
from speechlrp.letters import DECODERS
from speechlrp.measures import ORDERS
from speechlrp.navai import CLASSES
from speechlrp.registry import is_reference
from speechlrp.stages import SUMMARIES


class Name(click.Choice):
    """One of some names, or ``package.module:Name``; whether that can be is checked later."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take what the choices know, and references as they are."""
        return value if is_reference(value) else super().convert(value, param, ctx)


@dataclass(frozen=True)
class Option:
    """A typed option that is a short way to say an override."""

    flag: str  # ``"--strategy"``
    key: str  # the setting, ``"flipping.strategy"``
    help: str  # one line
    choices: tuple[str, ...] | None = None  # the values there are; None: any text
    switch: bool = False  # takes no value and says ``true``
    many: bool = False  # can be repeated; the setting is a list

    @property
    def name(self) -> str:
        """The parameter's name in the callback."""
        return self.flag.lstrip("-").replace("-", "_")

    def parameter(self) -> click.Option:
        """The click option."""
        kind = Name(self.choices) if self.choices else None
        names = [self.flag, self.name + "_" if self.name in ("from", "to") else self.name]
        if self.switch:
            return click.Option(names, is_flag=True, help=self.help)
        completed = None if self.choices else partial(_completed, self.key)
        return click.Option(
            names, type=kind, multiple=self.many, help=self.help, shell_complete=completed
        )


def _completed(key: str, context: object, parameter: object, incomplete: str) -> list[str]:
    from speechlrp.cli.completing import values

    return values(key, incomplete)


_COMMON = (
    Option("--run", "run", "The run's name: it remembers the settings that it was made with."),
    Option("--device", "device", "auto, cpu or cuda."),
    Option("--force", "force", "Run again even if complete and unchanged.", switch=True),
)
_WEIGHTS = (
    Option("--weights", "weights", "train, aug_zero, aug_donor_region, ..., or a file."),
    Option("--checkpoint", "checkpoint", "Which of its checkpoints.", CHECKPOINTS),
    Option("--subset", "subset", f"{', '.join(SUBSETS)}; of copies of test: test_music, ...; A+B."),
)
_MAXIMIZE = (
    Option("--layer", "maximize.layer", "Layers from 1, output, or a module's path; with commas."),
    Option(
        "--neuron", "maximize.neuron", "chosen, all, letters (of the output), or numbers: 3,17."
    ),
    Option("--letter", "maximize.letter", "The letter(s) that chosen neurons are most active for."),
)
_FILL = (
    Option("--fill", "augment.fill", "What the bins become.", tuple(FILLS)),
    Option("--region", "augment.region", "These bins: a CSV file of regions; or found."),
    Option("--random", "augment.random", "As many bins at random: the control.", switch=True),
)
_REPAIR = (
    Option("--penalty", "augment.penalty", "What relevance in the region costs, without a fill."),
    Option("--project", "augment.project", "A layer to take the artefact's direction out of."),
)
_FLIP = (
    Option("--baseline", "flipping.baseline", "What a bin becomes.", ("all", *FILL_INS)),
    Option("--grid", "flipping.grid", "A grid of conf/flipping."),
)
_STEPS = tuple(SUMMARIES)
_EXPLAINER = (Option("--explainer", "explainer", "One of conf/explainer, or package.module:Name."),)
_COMPARE = (
    Option("--compare", "beside", "Another run for the report to put beside this one.", many=True),
)

_OF_VERB: dict[str, tuple[Option, ...]] = {
    "evaluate": (
        Option("--decoding", "decoding", "From scores to text, task=letters.", tuple(DECODERS)),
        Option("--trials", "evaluate.trials", "A list as veri_test.txt, or all; task=speaker."),
        *_WEIGHTS,
    ),
    "explain": (*_EXPLAINER, *_WEIGHTS),
    "navai": (
        Option(
            "--align",
            "navai.align",
            "K's four: all; or of `speechlrp list alignments`, with commas.",
        ),
        Option("--classes", "navai.classes", "What frames are averaged by.", tuple(CLASSES)),
        *_WEIGHTS,
    ),
    "maximize": (*_MAXIMIZE, *_WEIGHTS),
    "listen": (
        Option("--source", "listen.source", "What to turn back to sound.", ("all", *SOURCES)),
        Option("--letters", "listen.letters", "Whose patterns: a,t; all."),
        Option("--align", "listen.align", "By which alignments, of those that navai ran with."),
        *(*_MAXIMIZE, *_EXPLAINER, *_WEIGHTS),
    ),
    "flip": (
        Option("--strategy", "flipping.strategy", "Order of flipping.", ("all", *STRATEGIES)),
        *(*_FLIP, *_EXPLAINER, *_WEIGHTS),
    ),
    "compare": (
        Option("--explainers", "compare.explainers", "Some of conf/explainer: lrp,random."),
        Option("--sanity", "compare.sanity", "The check on random layers.", ("none", *ORDERS)),
        *(*_FLIP, *_WEIGHTS),
    ),
    "bench": (
        Option("--explainers", "bench.explainers", "Some of conf/explainer: lrp,random."),
        Option("--measures", "bench.measures", "Of `speechlrp list scores`, with commas."),
        Option("--with", "bench.overrides", "Settings of all networks: 'A=1 B=2'."),
    ),
    "augment": (*_FILL, *_EXPLAINER),
    "retrain": (*_FILL, *_REPAIR),
    "report": _COMPARE,
    "run": (
        *_COMPARE,
        Option(
            "--from", "sequence.first", "The stage to begin with; flip:2: its second turn.", _STEPS
        ),
        Option(
            "--to", "sequence.last", "The stage to end with, at its first turn; or flip:2.", _STEPS
        ),
    ),
}
OPTIONS = {verb: (*_OF_VERB.get(verb, ()), *_COMMON) for verb in (*SUMMARIES, "run")}
"""Verb -> its options."""

HYDRA_OPTIONS: tuple[Callable[[], click.Option], ...] = (
    lambda: click.Option(
        ["--cfg", "-c"], type=click.Choice(["job", "hydra", "all"]), help="Show the configuration."
    ),
    lambda: click.Option(["--resolve"], is_flag=True, help="With --cfg: resolve interpolations."),
    lambda: click.Option(
        ["--info"],
        type=click.Choice(["all", "config", "defaults", "defaults-tree", "plugins", "searchpath"]),
        is_flag=False,
        flag_value="all",
        help="Show how the configuration came about.",
    ),
    lambda: click.Option(["--multirun", "-m"], is_flag=True, help="Sweep: KEY=VALUE,VALUE."),
    lambda: click.Option(
        ["--config-dir"],
        type=click.Path(exists=True, file_okay=False, resolve_path=True),
        help="A folder of your own configurations, such as experiment/mine.yaml.",
    ),
)

ON_VERBS = ("preprocess", "evaluate", "explain", "flip", "compare")
"""Verbs that a network can be asked by about another corpus than its own."""


def on_option() -> click.Option:
    """The option of `ON_VERBS`."""
    words = "Another corpus than the run's: --on dataset=NAME dataset.root=DIR; all of it is test."
    return click.Option(["--on"], is_flag=True, help=words)


FILE_OPTIONS: tuple[Callable[[], click.Option], ...] = (
    lambda: click.Option(["--target"], help="With files: the class to explain."),
    lambda: click.Option(["--against"], help="With files: why the target and not this class."),
    lambda: click.Option(["--pair"], is_flag=True, help="With two files: why they sound alike."),
    lambda: click.Option(
        ["--out"], type=click.Path(file_okay=False), help="With files: where to write; default: ."
    ),
)
"""Of `explain`, where recordings are named."""
