"""The explainers that alignments can search, as they are committed."""

from dataclasses import replace

import pytest

from speechlrp.cli.lists import names
from speechlrp.config.schema import typed
from speechlrp.errors import SpeechLRPError
from speechlrp.explainers import EXPLAINERS
from speechlrp.stages.navai.setup import chosen, source, sources_in_use
from speechlrp.stages.navai.stage import SETTINGS


@pytest.fixture
def config(composed):
    return typed(composed("navai", "experiment=arctic_letters"))


def aligned(config, align):
    return replace(config, navai=replace(config.navai, align=align))


def test_every_source_is_an_explainer(config):
    assert set(EXPLAINERS) <= set(config.navai.sources)
    for name, section in config.navai.sources.items():
        made = source(config, name)
        assert type(made) is EXPLAINERS[section.get("kind", name)]


def test_what_is_listed_can_be_chosen(config):
    listed = names("alignments")
    assert listed[:4] == ["none", "min-sens", "max-sens", "max-lrp"]
    assert list(chosen(aligned(config, ",".join(listed)))) == listed


def test_all_are_k_s_four(config):
    assert list(chosen(config)) == ["none", "min-sens", "max-sens", "max-lrp"]
    assert list(sources_in_use(config)) == ["navai.sources.lrp", "navai.sources.sensitivity"]
    assert sources_in_use(aligned(config, "none")) == {}
    k = sources_in_use(config)["navai.sources.sensitivity"]
    assert k == {"kind": "sensitivity", "magnitude": "signed", "start": "logit"}


def test_an_alignment_of_ones_own_is_taken(config):
    own = "speechlrp.navai.alignment:MIN_SENS"
    (alignment,) = chosen(aligned(config, own)).values()
    assert (alignment.source, alignment.largest) == ("sensitivity", False)
    assert list(sources_in_use(aligned(config, own))) == ["navai.sources.sensitivity"]
    with pytest.raises(SpeechLRPError, match="Alignment"):
        chosen(aligned(config, "speechlrp.navai.alignment:named"))


def test_only_what_is_searched_counts(config):
    used = sources_in_use(aligned(config, "max-occlusion"))
    assert list(used) == ["navai.sources.occlusion"]
    assert used["navai.sources.occlusion"]["patch"] == [16, 16]
    assert not any("bands_hz" in settings for settings in used.values())


def test_every_setting_but_the_explainers_makes_a_result_another(config):
    assert {*SETTINGS, "sources"} == set(vars(config.navai))


def test_a_setting_that_an_explainer_does_not_take(config):
    config.navai.sources["random"]["sed"] = 3
    with pytest.raises(SpeechLRPError, match=r"setting of navai.sources.random 'sed'"):
        source(config, "random")


@pytest.mark.parametrize(
    ("section", "message"),
    [
        (5, r"navai.sources.a is 5; it must be an explainer's settings, such as 'navai.sources.a="),
        (None, "navai.sources.a is None"),
        ("lrp", "navai.sources.a is 'lrp'"),
        (["lrp"], r"navai.sources.a is \['lrp'\]"),
        ({"kind": 5}, "navai.sources.a.kind is 5; it must be an explainer's name"),
        ({"kind": None}, "navai.sources.a.kind is None"),
        ({"kind": "shap"}, "'shap'"),
        ({}, "explainer 'a'"),
    ],
)
def test_a_source_that_is_no_explainers_settings_is_one_line(config, section, message):
    config.navai.sources["a"] = section
    with pytest.raises(SpeechLRPError, match=message):
        source(config, "a")
    with pytest.raises(SpeechLRPError, match=message):
        sources_in_use(aligned(config, "max-a"))
