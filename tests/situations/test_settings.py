"""Settings as people type them: one row a situation, and the one line that is right."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from hydra.core.override_parser.overrides_parser import OverridesParser

from speechlrp.answers.run import load
from speechlrp.answers.sounds import wave_of
from speechlrp.audio.spectrogram import SpectrogramSettings
from speechlrp.cli.main import main
from speechlrp.config.composing import compose_config
from speechlrp.errors import SpeechLRPError


def said(monkeypatch, tmp_path, arguments: list[str]) -> tuple[int, str, str]:
    """Exit status, and what stands on stdout and on stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["speechlrp", *arguments])
    result = CliRunner().invoke(main, arguments, prog_name="speechlrp")
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


RULE = "{layers: Conv2d, rule: epsilon, eps: 0.1}"
REFUSED = {
    "no explainer of that name": ("explainer=lrp_gama", "unknown explainer 'lrp_gama'"),
    "no explainer of no name": ("explainer=", "unknown explainer ''; known: captum"),
    "a list for a mapping": ("explainer.f0_hz=[10,5]", "f0_hz=.*Cannot merge DictConfig with List"),
    "a window of no view": ("explainer.hop=64", "is about explainer.view=stft, without which it"),
    "one name for a list": ("task.classes=male", r"it must be a list, such as \[a,b\] or null"),
    "a list in a list": ("flipping.measures=[[a]]", "it must be a list without lists"),
    "letters for numbers": ("bench.seeds=[x]", r"\['x'\]; .*each a whole number"),
    "a text for settings": ("compare.settings=x", "compare.settings.NAME=VALUE"),
    "a number for steps": ("sequence.steps=[5]", r"sequence.steps is \[5\]; it must be a list"),
    "infinitely many": ("flipping.repeats=1e400", "flipping.repeats is inf; .* a whole number"),
    "no name of an entry": ("explainer.name=null", "explainer.name is null; it must be a text"),
    "names of an entry": ("model.name=[a]", r"model.name is \['a'\]; it must be a text"),
    "a setting in capitals": ("TRAINER.LR=1", "Did you mean 'trainer'"),
    "a choice in capitals": ("trainer=Fast", "Did you mean 'fast'"),
    "a bracket that is open": ("split.test=[1", r"its \[ is not closed by \]"),
    "a key without a name": ("trainer..lr=1", "settings are KEY=VALUE, such as"),
    "an odd setting in a mapping": ("explainer.preset_options={a: 1}", "of explainer"),
    "a text with commas": ("explainer=a,b", """in quotes: "explainer='a,b'\""""),
    "nothing for a number": ("bench.draws=", "bench.draws is ''; it must be a whole number"),
    "endless strength": ("listen.strength=inf", "strength is inf; it must be above 0, and finite"),
    "an endless penalty": ("augment.penalty=inf", "augment.penalty is inf; .* at least 0, and fin"),
    "an interpolation of nothing": ("seed=${oc.env:NO_SUCH}", "variable 'NO_SUCH' not found"),
    "an interpolation of itself": ("seed=${seed}", "Recursive interpolation"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_setting_is_refused_in_one_line(monkeypatch, tmp_path, name):
    setting, reason = REFUSED[name]
    status, out, error = said(monkeypatch, tmp_path, ["explain", "run=x", setting])
    assert (status, out, error.count("\n")) == (1, "", 1)
    assert re.search(reason, error), error


@pytest.mark.parametrize("name", ["lrp_gama", ""])
def test_an_explainer_that_there_is_not_is_said_from_python_too(name):
    with pytest.raises(SpeechLRPError, match=f"unknown explainer '{name}'; known: captum, custom"):
        compose_config("explain", ["run=x", "data_run=x", f"explainer={name}"])


UNQUOTED = (
    *("dataset.root=/d/my corpus (1)", "dataset.root=/d/m\u00e4nner", "dataset.file=a&b.csv"),
    *(
        "dataset.file=it's.csv",
        "dataset.file=$a(b).csv",
        "dataset.file=a\\b(.csv",
        "model.factory=n:f()",
    ),
    *("task.classes=[m\u00e4nnlich,weiblich]", "compare.settings={lrp: {name: a b (c)}}"),
)


@pytest.mark.parametrize("setting", UNQUOTED)
def test_a_value_that_needs_quotes_is_shown_with_them(monkeypatch, tmp_path, setting):
    """What is shown is typed into a shell as it stands, and means what was meant."""
    status, _, error = said(monkeypatch, tmp_path, ["train", "run=x", setting])
    assert (status, error.count("\n")) == (1, 1)
    shown = error.partition("its value needs quotes: ")[2].strip()
    word = subprocess.run(["bash", "-c", f"printf %s {shown}"], capture_output=True, text=True)
    value = OverridesParser.create().parse_override(word.stdout).value()
    meant = setting.partition("=")[2]
    assert meant.strip("[{}]") == (value if isinstance(value, str) else MEANT[meant](value))


MEANT = {
    "[m\u00e4nnlich,weiblich]": ",".join,
    "{lrp: {name: a b (c)}}": lambda value: f"lrp: {{name: {value['lrp']['name']}",
}
"""A list or mapping that was typed -> from what it became to the text between its brackets."""


NO_SETTINGS = {
    "a word": ("train", "fast", "'fast' is not a setting"),
    "a number for a group": ("train", "trainer=5", "has a name, such as trainer=audionet"),
    "nothing for a group": ("train", "task=null", "there is one task at a time"),
    "infinity for a group": ("train", "trainer=inf", "has a name, such as trainer=audionet"),
    "a list for a group": ("train", "experiment=[demo]", "there is one experiment at a time"),
    "a group taken away": ("train", "~trainer", "`speechlrp list conf/trainer`"),
    "another folder to work in": ("train", "hydra.job.chdir=true", "paths start where one stands"),
}


def test_a_recording_that_is_not_there_is_said(monkeypatch, tmp_path):
    status, _, error = said(monkeypatch, tmp_path, ["explain", "run=x", "my.wav"])
    assert (status, error.count("\n")) == (1, 1)
    assert "no recording my.wav; and a setting would be KEY=VALUE" in error


@pytest.mark.parametrize("name", NO_SETTINGS)
def test_what_is_no_setting_is_said(monkeypatch, tmp_path, name):
    verb, word, reason = NO_SETTINGS[name]
    status, _, error = said(monkeypatch, tmp_path, [verb, "run=x", word])
    assert status == 2
    assert reason in error


def test_a_setting_may_be_longer_than_a_file_s_name(monkeypatch, tmp_path):
    rules = f"explainer.rules=[{','.join([RULE] * 99)}]"
    status, out, error = said(monkeypatch, tmp_path, ["explain", "run=x", rules, "--cfg", "job"])
    assert (status, error) == (0, "")
    assert out.count("eps: 0.1") == 99


@pytest.mark.parametrize("run", ["none", "", "/", "a\0b", "a" * 5000])
def test_a_run_that_there_is_not_is_said(monkeypatch, tmp_path, run):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        SpeechLRPError, match="is a path, not" if "\0" in run else "there is no run"
    ):
        load(run)


SOUND = np.random.default_rng(0).normal(0, 0.1, 8000).clip(-1, 1).astype(np.float32)
WHOLE = (SOUND * 2**15).astype(np.int16)
EIGHT = (SOUND * 128 + 128).astype(np.uint8)
SOUNDS = {
    "of 16 bits, as scipy gives them": ((WHOLE, 8000), WHOLE / 2**15),
    "of 8 bits, whose zero is 128": ((EIGHT, 8000), EIGHT / 128 - 1),
    "of 32 bits": ((WHOLE.astype(np.int32) * 2**16, 8000), WHOLE / 2**15),
    "of two channels": ((np.stack([SOUND, SOUND]), 8000), SOUND),
    "channels last, as soundfile gives them": ((np.stack([SOUND, SOUND], 1), 8000), SOUND),
    "rate first, as scipy gives them": ((8000, SOUND), "samples, rate"),
    "no samples": ((SOUND[:0], 8000), "samples are"),
    "not finite": ((SOUND * np.nan, 8000), "not finite"),
    "a rate of 0": ((SOUND, 0), "at 0"),
    "a rate that is not whole": ((SOUND, 8000.5), "8000.5"),
    "a constant": ((SOUND * 0 + 0.5, 8000), "no sound: all its samples are about 0.5"),
    "numbers of two parts": ((SOUND * 1j, 8000), "found .ndarray, int"),
}


@pytest.mark.parametrize("name", SOUNDS)
def test_samples_are_taken_at_their_scale_or_refused(name):
    sound, right = SOUNDS[name]
    if isinstance(right, str):
        with pytest.raises(SpeechLRPError, match=right) as caught:
            wave_of(sound, "it", SpectrogramSettings())
        assert "\n" not in str(caught.value)
    else:
        np.testing.assert_allclose(wave_of(sound, "it", SpectrogramSettings()), right, atol=1e-6)


@pytest.mark.parametrize("backend", ["nonsense", "module://matplotlib_inline.backend_inline"])
def test_the_backend_of_a_notebook_draws_nothing_here(monkeypatch, tmp_path, backend):
    monkeypatch.setenv("MPLBACKEND", backend)
    done = said(monkeypatch, tmp_path, ["runs"])
    assert done == (0, "no runs in outputs\n", "")
    assert "MPLBACKEND" not in os.environ
