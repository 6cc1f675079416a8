"""The committed configurations: all compose, and say what the code takes."""

import inspect
import math

import pytest
from omegaconf import OmegaConf

from speechlrp.audio import FEATURES
from speechlrp.audio.windows import WindowSettings
from speechlrp.config.names import conf_dir
from speechlrp.config.schema import check, configure, options, typed
from speechlrp.corpora import CORPORA, SPLITS
from speechlrp.data.conditions import mixers
from speechlrp.data.crops import augmentation
from speechlrp.data.explaining import explainer
from speechlrp.flipping.curve import grid_counts
from speechlrp.letters import DECODERS
from speechlrp.models import MODELS
from speechlrp.stages import CLASSES, SUMMARIES, TASKS
from speechlrp.stages.sequence import with_settings
from speechlrp.stages.train.classes import recipe
from speechlrp.stages.train.foreign import model_options
from speechlrp.stages.train.letters import recipe as letters_recipe

PRIMARY = sorted(path.stem for path in conf_dir().glob("*.yaml") if path.stem != "base")
EXPERIMENTS = sorted(path.stem for path in (conf_dir() / "experiment").glob("*.yaml"))
GROUPS = {folder.name: sorted(folder.glob("*.yaml")) for folder in conf_dir().glob("*/")}


def _every_choice() -> list[list[str]]:
    """Overrides in which every choice of every group occurs, many groups at a time."""
    most = max(map(len, GROUPS.values()))
    rest = {name: files for name, files in GROUPS.items() if name != "experiment"}
    turns = [
        [f"{g}={files[i % len(files)].stem}" for g, files in rest.items()] for i in range(most)
    ]
    return [[f"experiment={name}"] for name in EXPERIMENTS] + turns


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_every_experiment_composes_and_runs_stages_of_its_task(composed, experiment):
    config = typed(composed("run", f"experiment={experiment}"))
    assert config.run == config.data_run == experiment
    steps = {step["stage"] for step in config.sequence.steps}
    assert steps <= set(TASKS.get(config.task.name, CLASSES))
    letters = config.task.name == "letters"
    assert letters == (config.features["name"] == "log_mel") == ("max_frames" in config.trainer)


def test_every_experiment_composes_alike_for_every_verb(composed):
    experiment = "experiment=demo_letters"
    run = typed(composed("run", experiment))
    for verb in PRIMARY:
        assert typed(composed(verb, experiment)) == run, verb
        own = "letters" if verb in SUMMARIES and verb not in CLASSES else "gender"
        assert composed(verb).task.name == own, verb


@pytest.mark.parametrize("choices", _every_choice(), ids=" ".join)
def test_every_choice_says_what_the_code_takes(composed, choices):
    config = typed(composed("run", *choices, "++features.train_from=audio"))  # so mixing can be
    (letters_recipe if "max_frames" in config.trainer else recipe)(config)
    settings = options(config.features, "name", "train_from")
    features = configure("features", FEATURES[config.features["name"]], settings)
    if config.mixing["name"]:
        _takes(augmentation, options(config.mixing, "name", "root", "speed_classes"))
    windows = isinstance(features, WindowSettings)
    bins = math.prod(features.shape) if windows else features.frequencies().size * 206
    if config.conditions["name"]:
        _takes(mixers, options(config.conditions, "name", "root"))
    for grid in config.flipping.grids.values():
        assert len(grid_counts(grid, bins)) > 1
    _takes(CORPORA[config.dataset["name"]], options(config.dataset, "name", "root"))
    _takes(SPLITS[config.split["name"]], options(config.split, "name"))
    _takes(MODELS[config.model["name"]], model_options(config))
    _takes(DECODERS[config.decoding["name"]], options(config.decoding, "name"))
    assert explainer(config.explainer, config.trainer.get("loss", "")) is not None


def _takes(function, settings: dict) -> None:
    """Fail where `call` would, without calling."""
    signature = inspect.signature(function)

    def stand_in(*args, **kwargs):
        return signature.bind_partial(*args, **kwargs)

    stand_in.__signature__ = signature
    configure("", stand_in, settings)


@pytest.mark.parametrize("name", [p.stem for p in (conf_dir() / "sequence").glob("*.yaml")])
def test_the_steps_of_a_sequence_are_stages_with_settings_that_there_are(composed, name):
    config = typed(composed("run", f"sequence={name}"))
    assert {step["stage"] for step in config.sequence.steps} <= set(SUMMARIES)
    for step in config.sequence.steps:
        check(with_settings(config, step))


def test_an_explainer_is_named_as_its_file():
    """The name is that of the folder of its results, so two must not share one."""
    for file in GROUPS["explainer"]:
        name = OmegaConf.load(file).name
        assert name == (file.stem if file.stem != "captum" else "captum_IntegratedGradients")


def test_a_group_does_not_share_its_name_with_a_setting(composed):
    settings = composed("run")
    for group in GROUPS.keys() - {"experiment"}:
        assert OmegaConf.is_dict(settings[group])
