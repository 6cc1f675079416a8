"""One's own YAML: a row a situation, what is in the file and what must be said of it."""

import pytest

from speechlrp.config.composing import compose_config
from speechlrp.errors import SpeechLRPError

G = "# @package _global_\n"
SITUATIONS = {
    "a tab": (G + "split:\n\ttrain: 4\n", "line 3: not YAML: a tab; indent with blanks"),
    "an open bracket": (G + "split: {train: 4\n", "line 2: not YAML: a bracket or brace"),
    "an open quote": (G + 'run: "x\n', "line 2: not YAML: a quote"),
    "a key twice": (G + "seed: 1\nseed: 2\n", "line 3: not YAML: a key that is there twice"),
    "latin-1": ((G + "run: ").encode() + b"\xe9\n", "line 2: not UTF-8; save the file as UTF-8"),
    "zeros": (G + "run: \0\n", "is not YAML: unacceptable character"),
    "no header": ("split: {train: 4}\n", "line 1: .*first line must be `# @package _global_`"),
    "another header": ("# @package split\ntrain: 4\n", "line 1: .*first line must be"),
    "nothing in it": ("", "line 1: .*first line must be"),
    "an odd choice": (
        G + "defaults:\n  - override /task: \ufeff\n",
        r"mine.yaml: unknown task '.ufeff'",
    ),
    "an unknown setting": (G + "seed: 1\nsplitt: 2\n", "line 3: unknown setting 'splitt'.*'split'"),
    "a dotted key": (
        G + "trainer.epochs: 3\n",
        "line 2: trainer.epochs is one key; settings",
    ),
    "a value out of range": (G + "flipping:\n  limit: 0\n", "line 3: flipping.limit is 0"),
    "a text for a number": (G + "seed: many\n", "line 2: seed is many"),
    "a list in place of a mapping": (G + "- a\n", "mine.yaml: .*Cannot merge"),
    "a choice that there is not": (G + "defaults: [override /model: alexnot]\n", "alexnot"),
    "defaults that are none": (G + "defaults: 3\n", "mine.yaml.*[Dd]efaults"),
    "a default that is a number": (G + "defaults: [5]\n", "mine.yaml: .*in defaults : int"),
    "a default that is nothing": (G + "defaults: [null]\n", "mine.yaml: .*in defaults"),
    "a choice that is a number": (G + "defaults: [override /model: 5]\n", "mine.yaml: .*: int"),
    "a group that is there already": (G + "defaults: [/model: alexnet]\n", "mine.yaml: model app"),
    "an open interpolation": (G + "seed: ${nope\n", "line 2: seed: no viable .* '..nope'"),
    "defaults in a circle": (G + "defaults: [mine]\n", "mine.yaml: its defaults lead back"),
    "an interpolation of nothing": (
        G + "seed: ${nope}\n",
        "line 2: seed: Interpolation key",
    ),
    "an alias of nothing": (G + "split: *a\n", "line 2: not YAML: an alias"),
    "a tag": (G + "run: !!python/name:os.system x\n", "line 2: not YAML: a tag"),
    "nested without end": (G + "a: " + "[" * 5000, "mine.yaml is nested too deeply"),
}


def composed(folder) -> None:
    asked = ["run=x", "data_run=x", "experiment=mine", f"--config-dir={folder}"]
    compose_config("preprocess", asked)


@pytest.mark.parametrize("name", SITUATIONS)
def test_a_mistake_is_told_by_file_line_and_mend(tmp_path, name):
    content, right = SITUATIONS[name]
    path = tmp_path / "it's mine" / "experiment" / "mine.yaml"
    path.parent.mkdir(parents=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(SpeechLRPError, match=right) as caught:
        composed(tmp_path / "it's mine")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_link_to_nothing_is_said(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").symlink_to(tmp_path / "gone")
    with pytest.raises(SpeechLRPError, match=r"mine.yaml is no file, or a link to nothing"):
        composed(tmp_path)


def test_the_file_that_is_not_there_either_is_named(tmp_path):
    with pytest.raises(SpeechLRPError, match=r"unknown experiment 'mine'; .* There is no .*mine.y"):
        composed(tmp_path)


def test_another_suffix_is_said(tmp_path):
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yml").write_text(G)
    with pytest.raises(SpeechLRPError, match=r"mine.yml must end in .yaml; rename it"):
        composed(tmp_path)
