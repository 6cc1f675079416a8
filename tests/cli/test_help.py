"""`speechlrp help KEY`, `list` with words, and what the comments of conf/ say."""

import subprocess
import sys

import pytest
import yaml
from click.testing import CliRunner

from speechlrp.cli.help import TABLES, names
from speechlrp.cli.main import main
from speechlrp.config.names import conf_dir
from speechlrp.config.settings import OVERLAYS, groups, settings_of


def said(*words: str, status: int = 0) -> str:
    done = CliRunner().invoke(main, words, prog_name="speechlrp")
    assert done.exit_code == status, done.output
    return done.output


def test_a_setting_has_its_comment_its_type_and_its_values():
    lines = said("help", "trainer.lr").splitlines()
    assert lines[:3] == [
        "trainer.lr",
        "    learning rate: the highest that the schedule reaches",
        "    type: number",
    ]
    lr = yaml.safe_load((conf_dir() / "trainer/becker.yaml").read_text())["lr"]
    assert f"    {lr} in trainer=becker" in "\n".join(lines)
    assert "trainer=thesis (where none is chosen)" in lines[3]
    text = said("help", "flipping.strategy")
    assert "values: all, lrp, random, lrp_rev, lrp_abs, lrp_abs_rev" in text
    assert "values: true, false" in said("help", "force")
    assert "whole number or null" in said("help", "flipping.limit")


def test_comments_that_go_on_in_the_next_line_are_whole():
    assert "several: test_music+test_noise" in " ".join(said("help", "subset").split())
    assert "of `speechlrp list baselines`" in " ".join(said("help", "flipping.baseline").split())


def test_what_is_set_for_every_choice_of_a_group_is_a_setting_too():
    text = " ".join(said("help", "explainer.target").split())
    assert "contrast (why not the others)" in text
    assert "predicted in conf/explainer/task/letters.yaml (What task=letters sets of every" in text
    assert "type" not in said("help", "explainer.view")  # which nothing sets to anything


@pytest.mark.parametrize("group", ["", *groups()])
def test_every_setting_says_what_it_is(group):
    assert [key for key, one in settings_of(group).items() if not one.comment] == []


def test_a_group_has_its_choices_and_settings():
    text = said("help", "trainer")
    assert "CTC. K: Adam 1e-4" in text
    assert "T 4.3.1: 200 epochs of SGD (where none is chosen)" in text
    assert "trainer.clip" in text
    assert "Usage: speechlrp train " in said("help", "train")
    both = said("help", "compare")
    assert "Usage: speechlrp compare" in both
    assert "compare=NAME chooses" in both
    assert "Commands:" in said("help")


@pytest.mark.parametrize(
    ("name", "meant"),
    [("trainer.lrr", "trainer.lr"), ("lr", "trainer.lr"), ("trainr.clip", "trainer.clip"),
     ("sed", "seed"), ("flippin", "flipping")],
)  # fmt: skip
def test_a_misspelt_setting_gets_a_suggestion(name, meant):
    text = said("help", name, status=1)
    assert f"there is no setting '{name}'; did you mean " in text
    assert meant in text.replace("?", "").split()
    assert "see `speechlrp list`" in said("help", "zzzzz", status=1)


def test_every_setting_that_can_be_given_can_be_asked_about():
    for group in ("", *groups()):
        for key in settings_of(group):
            assert said("help", key).startswith((key, "Usage: "))
    assert not settings_of(OVERLAYS)


def test_help_and_completion_need_neither_torch_nor_hydra():
    code = (
        "import sys\nfrom speechlrp.cli.main import main\n"
        "main(['help', 'trainer.lr'], standalone_mode=False)\n"
        "from speechlrp.cli.completing import keys, values\n"
        "keys('tr'), values('trainer', 'f')\n"
        "print([m for m in ('torch', 'hydra', 'pandas', 'h5py') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.endswith("[]\n"), done.stdout + done.stderr


@pytest.mark.parametrize(
    ("table", "name", "words"),
    [
        ("rules", "epsilon", "LRP-epsilon: LRP-0 whose denominator is kept away from zero."),
        ("explainers", "occlusion", "f(x) - f(x without a patch)"),
        ("stages", "train", "Train a network."),
        ("alignments", "max-occlusion", "The step where occlusion is largest."),
        ("conf/trainer", "letters", "CTC. K: Adam 1e-4"),
    ],
)
def test_a_list_has_a_line_of_words_each(table, name, words):
    lines = {line.split()[0]: line for line in said("list", table).splitlines()}
    assert words in lines[name]


def test_all_lists_at_once():
    text = said("list")
    assert "rules: zero, epsilon" in text
    assert "conf/trainer: " in text
    assert "unknown list 'rulez'" in said("list", "rulez", status=1)


def test_everything_that_can_be_chosen_has_words():
    silent = [
        f"{what}: {line}"
        for what in (*TABLES, *(f"conf/{group}" for group in groups()))
        for line in names(what)
        if len(line.split()) < 2
    ]
    assert silent == []


def test_where_choices_mean_a_setting_differently_each_is_told():
    lines = said("help", "split.train").splitlines()
    assert lines[1] == "    with split=official: what the names of the parts to train on begin with"
    assert lines[2] == "    with split=seeded: counts of speakers (12), or fractions"
