"""What is refused of a configuration, and `call`."""

from dataclasses import dataclass

import pytest
from omegaconf import OmegaConf

from speechlrp.audio.mixing import KINDS
from speechlrp.config import CONDITIONS
from speechlrp.config.schema import Config, configure, options, typed
from speechlrp.errors import SpeechLRPError
from speechlrp.training.recipe import TrainSettings


def test_a_configuration_becomes_typed(composed):
    config = typed(composed("train", "seed=3", "workers=2", "dataset.speakers=[a]"))
    assert isinstance(config, Config)
    assert config.seed == 3
    assert config.workers == 2
    assert type(config.dataset) is dict
    assert type(config.dataset["speakers"]) is list
    assert config.task.classes == ["male", "female"]
    assert config.sequence.steps[0] == {"stage": "preprocess"}


def test_a_missing_section_is_refused():
    with pytest.raises(SpeechLRPError, match="run"):
        typed(OmegaConf.create({"seed": 1}))


def test_a_task_without_fixed_classes(composed):
    assert typed(composed("train", "task=speaker")).task.classes is None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed=abc", "^seed is abc; it must be a whole number"),
        ("paper=thesys", "^unknown value of paper 'thesys'.*thesis"),
        ("flipping.repeats=1.5", "^flipping.repeats is 1.5; it must be a whole number"),
        ("augment.share=much", "^augment.share is much; it must be a number"),
        ("+colour=red", "colour"),
        ("+augment.colour=red", "setting of augment 'colour'"),
        ("subset=tets", "subset 'tets'; known: test, .*, train, validate. Did you mean 'test'"),
        ("subset=test_musik", "subset 'test_musik'; .*test_babble, .* Did you mean 'test_music'"),
        ("subset=test_music+", "subset ''; known: test"),
        ("checkpoint=first", "checkpoint 'first'; known: best, last"),
        ("device=gpu", "device 'gpu'; known: auto, cpu, cuda"),
        ("flipping.strategy=lpr", "flipping.strategy 'lpr'; known: all, lrp, lrp_abs, .*random"),
        ("flipping.baseline=max", "flipping.baseline 'max'; known: all, donor, mean, .*zero"),
        ("flipping.grid=tabel", "flipping.grid 'tabel'; .*Did you mean 'table'"),
        ("augment.fill=median", "augment.fill 'median'; known: donor, mean, .*none, zero"),
        ("augment.share=0", r"augment.share is 0.0; it must be in \(0, 1\]"),
        ("augment.share=1.01", r"augment.share is 1.01; it must be in \(0, 1\]"),
        ("flipping.repeats=0", "flipping.repeats is 0; it must be at least 1"),
        ("flipping.batch_size=-1", "flipping.batch_size is -1; it must be at least 1"),
        ("workers=0", "workers is 0; it must be at least 1"),
        ("flipping.repeats=1000000000", "flipping.repeats is 1000000000; .* at most 1,000,000"),
        ("augment.epochs=1000000000", "augment.epochs is 1000000000; .* at most 1,000,000"),
        (f"explored={10**20}", f"explored is {10**20}; .* below 2"),
        ("beside=[[a]]", r"beside is \[\['a'\]\]; it must be a list without lists"),
    ],
)
def test_what_is_out_of_range_is_refused(composed, override, message):
    with pytest.raises(SpeechLRPError, match=message) as caught:
        typed(composed("flip", override))
    assert "\n" not in str(caught.value)


def test_what_can_be_mixed_in_is_what_there_is():
    assert set(CONDITIONS) == set(KINDS)


def test_subsets_can_be_joined(composed):
    assert typed(composed("compare", "subset=test+test_music+test_noise")).subset.count("+") == 2


def test_what_is_in_range_is_not(composed):
    grid = "+flipping.grids.mine={bins: [0]}"
    config = typed(composed("flip", "device=cuda:1", "augment.share=1", "workers=null", grid))
    assert config.flipping.grids["mine"] == {"bins": [0]}


def _function(
    recordings, /, root, *, rate: int, share: float = 0.5, name: str | None = None, on: bool = False
):
    return recordings, root, rate, share, name, on


def test_call_passes_everything_on():
    found = configure("x", _function, {"share": 1, "name": None}, "r", "root", rate=3)
    assert found == ("r", "root", 3, 1, None, False)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"lr": 0.0}, "trainer.lr is 0.0; it must be"),
        ({"epochs": -1}, "trainer.epochs is -1"),
        ({"optimizer": "sdg"}, "unknown trainer.optimizer 'sdg'; known: adam"),
    ],
)
def test_a_setting_out_of_range_is_named_as_it_is_typed(values, said):
    with pytest.raises(SpeechLRPError, match=f"^{said}"):
        configure("trainer for task=x", TrainSettings, values, seed=1)


@pytest.mark.parametrize("value", ["abc", "", 0, -1, 2.5, True, [1, 2]])
def test_what_is_no_mapping_of_settings_is_said(value):
    with pytest.raises(SpeechLRPError, match=r"^trainer.masks is .*, as trainer.masks.NAME=VALUE"):
        configure("trainer.masks", _function, value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shaer": 1}, "setting of x 'shaer'; known: name, on, share. Did you mean 'share'"),
        ({"rate": 4}, "setting of x 'rate'; known: name, on, share"),
        ({"root": "y"}, "setting of x 'root'; known: name, on, share"),
        ({"recordings": "y"}, "setting of x 'recordings'; known: name, on, share"),
        ({"share": "much"}, "x.share is 'much'; it must be a number"),
        ({"share": None}, "x.share is null; it must be a number"),
        ({"share": True}, "x.share is True; it must be a number"),
        ({"name": 3}, "x.name is 3; it must be a text or null"),
        ({"on": 1}, "x.on is 1; it must be true or false"),
    ],
)
def test_call_refuses_settings(settings, message):
    with pytest.raises(SpeechLRPError, match=message):
        configure("x", _function, settings, "r", "root", rate=3)


def test_call_checks_dataclasses_and_open_ended_functions():
    @dataclass
    class Settings:
        bins: int = 3

    assert configure("x", Settings, {"bins": 4}).bins == 4
    with pytest.raises(SpeechLRPError, match=r"x.bins is 2.5; it must be a whole number"):
        configure("x", Settings, {"bins": 2.5})
    assert configure("x", lambda a, **more: more, {"b": 1}, 0) == {"b": 1}
    with pytest.raises(SpeechLRPError, match="setting of x 'a'"):
        configure("x", lambda a, **more: more, {"a": 1}, 0)


def test_options_leave_out_what_chose_the_entry():
    assert options({"name": "a", "root": "b", "c": 1}, "name", "root") == {"c": 1}


def test_what_another_model_left_behind_is_taken_away():
    with pytest.raises(SpeechLRPError, match=r"known: none\..*take it away with ~model\.bands$"):
        configure("model custom", lambda: None, {"bands": 64})
