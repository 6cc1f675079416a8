"""Copies of the test recordings: in which experiments and steps there are some."""

import pytest
from omegaconf import OmegaConf

from speechlrp.config.names import conf_dir
from speechlrp.config.schema import typed
from speechlrp.stages.sequence import on_copies_not_made

BOTH = "test_music+test_noise"
RULES = ["lrp_resnet_zero", "lrp_resnet_eps", "lrp_resnet_eps_gamma"]


@pytest.mark.parametrize(("conditions", "left_out"), [("none", 2), ("synthesised", 0)])
def test_steps_on_copies_are_left_out_where_there_are_none(composed, conditions, left_out):
    config = typed(composed("run", "sequence=speaker", f"conditions={conditions}"))
    steps = config.sequence.steps
    assert sum(on_copies_not_made(config, step) for step in steps) == left_out
    assert not any(on_copies_not_made(config, s) for s in steps if "test_" not in str(s))


def test_music_alone_is_not_enough_for_music_and_noise(composed):
    config = typed(composed("run", "conditions=musan", "conditions.kinds=[music]"))
    assert on_copies_not_made(config, {"stage": "compare", "subset": BOTH})
    assert not on_copies_not_made(config, {"stage": "compare", "subset": "test+test_music"})


@pytest.mark.parametrize("name", ["ravdess_speaker", "voxceleb_speaker", "demo_speaker"])
def test_experiments_on_speakers_make_the_thesis_figure(composed, name):
    config = typed(composed("run", f"experiment={name}"))
    steps = [s for s in config.sequence.steps if not on_copies_not_made(config, s)]
    (step,) = [s for s in steps if s["stage"] == "compare" and "subset" in s]
    assert step["subset"] == BOTH
    assert step["compare.explainers"].split(",") == RULES


def test_the_ratios_are_those_of_training():
    """Test recordings are mixed as is customary in training."""
    files = (conf_dir() / name / "musan.yaml" for name in ("conditions", "mixing"))
    ours, mixing = map(OmegaConf.load, files)
    for name in ("noise_db", "music_db", "babble_db"):
        assert ours[name] == mixing[name]
