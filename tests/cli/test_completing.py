"""Completion, as the shells ask for it: through the environment."""

import pytest
from click.testing import CliRunner

from speechlrp.cli.completing import keys, values
from speechlrp.cli.main import main


def completed(shell: str, *words: str, **more: str) -> list[str]:
    """What a shell is told where the last word is to be completed."""
    last = words[-1] if shell == "fish" else str(len(words))
    environment = {
        "_SPEECHLRP_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": " ".join(("speechlrp", *words)),
        "COMP_CWORD": last,
        **more,
    }
    done = CliRunner(env=environment).invoke(main, prog_name="speechlrp")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    if shell == "zsh":  # three lines each: kind, value, help
        return lines[1::3]
    return [line.split(",", 1)[1].split("\t")[0] for line in filter(None, lines)]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_verbs_options_and_choices(shell):
    assert completed(shell, "retr") == ["retrain"]
    assert "--strategy" in completed(shell, "flip", "--st")
    assert completed(shell, "flip", "--strategy", "lrp_r") == ["lrp_rev"]
    assert completed(shell, "explain", "--explainer", "lrp_ga") == ["lrp_gamma", "lrp_gamma_mean"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_settings(shell):
    assert completed(shell, "train", "trainer.l") == [
        "trainer.logger=", "trainer.loss=", "trainer.lr=",
    ]  # fmt: skip
    assert completed(shell, "train", "traine") == ["trainer.", "trainer="]
    assert "models" in completed(shell, "list", "mo")
    assert completed(shell, "help", "trainer.wa") == ["trainer.warmup"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_values_behind_their_setting(shell):
    assert completed(shell, "train", "trainer=fa") == ["trainer=fast"]
    assert completed(shell, "train", "trainer.optimizer=ad") == [
        "trainer.optimizer=adam", "trainer.optimizer=adamw",
    ]  # fmt: skip
    assert completed(shell, "train", "trainer.epochs=3", "model=alexnet_s") == [
        "model=alexnet_small"
    ]
    assert completed(shell, "flip", "-m", "flipping.strategy=lrp,ra") == [
        "flipping.strategy=lrp,random"
    ]


def test_bash_parts_words_at_the_sign():
    assert completed("bash", "train", "trainer", "=", "fa") == ["fast"]
    assert "fast" in completed("bash", "train", "trainer", "=")
    assert completed("bash", "train", "seed", "=", "1", "trainer", "=", "fa") == ["fast"]
    assert completed("bash", "train", "seed", "=", "1", "trainer.wa") == ["trainer.warmup="]


def test_runs_by_their_names(tmp_path):
    for name in ("emo", "demo"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_text("{}")
    outputs = {"SPEECHLRP_OUTPUTS": str(tmp_path)}
    assert completed("zsh", "train", "run=", **outputs) == ["run=demo", "run=emo"]
    assert completed("zsh", "table", "e", **outputs) == ["emo"]
    assert completed("zsh", "export", "", **outputs) == ["demo", "emo"]
    assert completed("bash", "train", "--run", "e", **outputs) == ["emo"]


def test_where_nothing_is_known_files_are():
    assert completed("bash", "explain", "my_rec") == ["my_rec"]
    assert completed("bash", "train", "my_rec") == []
    assert values("trainer.lr", "") == []
    assert keys("nonsense.") == []
    assert not [key for key in keys("") if key.startswith("experiment.")]


def test_a_setting_is_not_done_at_its_sign():
    source = CliRunner(env={"_SPEECHLRP_COMPLETE": "bash_source"}).invoke(
        main, prog_name="speechlrp"
    )
    assert "[[ $value == *[=.] ]] && compopt -o nospace" in source.output
