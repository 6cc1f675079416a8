"""The explainers that alignments can search, as they are committed."""

from dataclasses import replace

import pytest
from hydra import initialize_config_dir

from speechlrp.cli.explainers import with_explainers
from speechlrp.cli.help import names
from speechlrp.config.names import conf_dir
from speechlrp.config.schema import typed
from speechlrp.errors import SpeechLRPError
from speechlrp.explainers import EXPLAINERS
from speechlrp.explainers.occlusion import Occlusion
from speechlrp.stages.navai.search import chosen, source, sources_in_use
from speechlrp.stages.navai.verb import SETTINGS

LETTERS = "experiment=arctic_letters"


@pytest.fixture
def config(composed):
    return typed(composed("navai", LETTERS))


@pytest.fixture
def of(composed):
    """``"max-random" -> configuration``, as the command line makes it."""

    def make(align, *overrides):
        overrides = [LETTERS, f"navai.align='{align}'", *overrides]
        whole = composed("navai", *overrides)
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            return typed(with_explainers(whole, "navai", overrides))

    return make


def test_every_explainer_can_be_searched_without_an_entry(of):
    names = [p.stem for p in (conf_dir() / "explainer").glob("*.yaml") if "_mean" not in p.stem]
    names = sorted({*names, *EXPLAINERS} - {"lrp_silence"})  # frames are measured from 0 alone
    config = of(",".join(f"max-{name}" for name in names))
    assert set(names) <= set(config.navai.sources)
    for name in names:
        section = config.navai.sources[name]
        made = source(config, name)
        assert type(made) is EXPLAINERS[section.get("kind", name)]


def test_what_is_listed_can_be_chosen(of):
    listed = [line.split()[0] for line in names("alignments")]
    assert listed[:4] == ["none", "min-sens", "max-sens", "max-lrp"]
    assert list(chosen(of(",".join(listed)))) == listed


def test_an_explainer_and_an_alignment_of_ones_own(of):
    own = "speechlrp.explainers.occlusion:Occlusion"
    config = of(f"max-{own},speechlrp.navai.alignment:MAX_LRP")
    assert isinstance(source(config, own), Occlusion)
    assert [a.source for a in chosen(config).values()] == [own, "lrp"]


@pytest.mark.parametrize("align", ["max-magic", "magic", "mix-occlusion", "max-"])
def test_what_there_is_not_is_named(of, align):
    with pytest.raises(SpeechLRPError, match=f"value of navai.align '{align}'"):
        chosen(of(align))


def test_all_are_k_s_four(config, of):
    assert list(chosen(config)) == ["none", "min-sens", "max-sens", "max-lrp"]
    assert list(sources_in_use(config)) == ["navai.sources.lrp", "navai.sources.sensitivity"]
    assert sources_in_use(of("none")) == {}
    k = sources_in_use(config)["navai.sources.sensitivity"]
    assert k == {"kind": "sensitivity", "magnitude": "signed", "start": "logit"}


def test_an_alignment_of_ones_own_is_taken(of):
    own = "speechlrp.navai.alignment:MIN_SENS"
    (alignment,) = chosen(of(own)).values()
    assert (alignment.source, alignment.largest) == ("sensitivity", False)
    assert list(sources_in_use(of(own))) == ["navai.sources.sensitivity"]
    with pytest.raises(SpeechLRPError, match="Alignment"):
        chosen(of("speechlrp.navai.alignment:named"))


def test_only_what_is_searched_counts(of):
    used = sources_in_use(of("max-occlusion"))
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
        sources_in_use(replace(config, navai=replace(config.navai, align="max-a")))
