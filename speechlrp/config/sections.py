"""The sections of the configuration, with their types.

Sections that choose an entry of a table (`dataset`, `split`, `features`,
`conditions`, `shortcut`, `model`, `trainer`, `mixing`, `decoding`, `explainer`) are free mappings;
`schema.call` checks them against the signature of what they choose. The others are fixed and
typed here.
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Paths:
    """Folders: recordings are read below `data`, artifacts written below `outputs`."""

    data: str
    outputs: str


@dataclass
class Task:
    """The label to learn, and its classes in the order of their numbers (None: as found)."""

    name: str
    classes: list[str] | None


@dataclass
class Flipping:
    """What to flip (T 6.1); `limit` and `repeats` count recordings and random orders."""

    strategy: str
    baseline: str
    grid: str
    grids: dict[str, Any]
    measures: list[str]
    repeats: int
    limit: int | None
    batch_size: int


@dataclass
class Compare:
    """Which explainers to compare, on how many recordings, see `conf/compare/default.yaml`."""

    explainers: str
    settings: dict[str, Any]
    examples: int | None
    batch_size: int
    shown: int
    scores: str
    period: int | None
    top: float
    sanity: str
    sanity_steps: int
    randomise: str


@dataclass
class Bench:
    """What explanations and measures are held to known truth on, see `conf/bench/default.yaml`."""

    corpora: list[str]
    overrides: str
    seeds: list[int]
    explainers: str
    settings: dict[str, Any]
    references: str
    baselines: str
    measures: str
    truth: str
    percent: list[float]
    examples: int | None
    batch_size: int
    control: bool
    least_accuracy: float
    draws: int


@dataclass
class Augment:
    """What replaces which bins, and how long to train on, see `conf/augment/thesis.yaml`."""

    fill: str
    share: float
    region: str | None
    random: bool
    epochs: int
    penalty: float
    project: str | None


@dataclass
class Navai:
    """How letter frames are aligned and averaged (K 3.5), see `speechlrp.stages.navai.verb`."""

    align: str
    over: str
    crop: str
    classes: str
    context: str
    most: int
    batch: int
    rate: float
    within_s: float | None
    near_s: float
    peaks: int
    groups: int
    figure: list[str] | None
    sources: dict[str, Any]


@dataclass
class Times:
    """Where the times of words and phonemes are known from: a folder, and the tiers in it.

    With removal, explain asks the network again without each of them.
    """

    path: str | None = None
    phonemes: str = "phones"
    words: str = "words"
    removal: bool = False


@dataclass
class Evaluate:
    """What to measure besides accuracy: `trials` is a file of pairs of recordings, or `all`."""

    trials: str | None = None
    max_trials: int = 200_000


@dataclass
class Maximize:
    """Which neurons to maximise, and how (K 3.2), see `conf/maximize/default.yaml`."""

    layer: str
    neuron: str
    letter: str
    frames: int
    over: str
    before_relu: bool
    steps: int
    learning_rate: float
    l1: float
    l2: float
    total_variation: float
    jitter: list[int]
    seed: int
    batch: int
    shown: int


@dataclass
class Listen:
    """What to turn back to sound, and how, see `conf/listen/default.yaml`."""

    source: str
    examples: int
    letters: str
    align: str
    strength: float
    share: float
    floor_db: float
    iterations: int
    peak: float


@dataclass
class Sequence:
    """The steps of `speechlrp run`, and explainers that they name besides the configured one."""

    steps: list[dict[str, Any]]
    first: str | None = None
    last: str | None = None
    explainers: dict[str, Any] = field(default_factory=dict)


@dataclass
class Config:
    """Everything a stage may know."""

    run: str
    data_run: str
    data_seed: int
    seed: int
    device: str
    workers: int | None
    force: bool
    weights: str
    checkpoint: str
    subset: str
    paths: Paths
    dataset: dict[str, Any]
    task: Task
    split: dict[str, Any]
    features: dict[str, Any]
    conditions: dict[str, Any]
    shortcut: dict[str, Any]
    model: dict[str, Any]
    trainer: dict[str, Any]
    mixing: dict[str, Any]
    decoding: dict[str, Any]
    explainer: dict[str, Any]
    navai: Navai
    maximize: Maximize
    listen: Listen
    flipping: Flipping
    compare: Compare
    bench: Bench
    augment: Augment
    evaluate: Evaluate = field(default_factory=Evaluate)
    times: Times = field(default_factory=Times)
    beside: list[str] = field(default_factory=list)
    paper: str | None = None
    explored: int = 64
    on: str = ""  # the place of another corpus than the run's own, see cli.corpus
    sequence: Sequence = field(default_factory=lambda: Sequence([]))
