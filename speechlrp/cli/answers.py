"""`speechlrp explain FILE ...`: a trained run, asked about single recordings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.progress import say

WRITTEN = ("index.html", "relevance.png", "relevance.npz", "relevant.wav", "relevance.TextGrid")
"""What stands in the folder of each recording."""
OURS = ("run", "explainer")
OF_SUBSETS = ("examples", "utterances", "f0_hz")
"""Settings of an explainer that are about a whole subset of recordings."""
OF_FILES = ("target", "against", "pair", "out")
"""Options that go with recordings alone."""
KNOWN = (*OF_FILES, "run", "explainer", "weights", "device", "on")
"""Options that go with recordings."""


def answer_files(files: Sequence[str], words: Sequence[str], values: Mapping[str, Any]) -> None:
    """Explain recordings, say a line each, and write figures and files below their names.

    Args:
        files: the recordings.
        words: the rest of the arguments; of settings, `run` and the explainer's alone fit here.
        values: click's parameters.

    Raises:
        SpeechLRPError: no run is named, another setting is, or a recording cannot be used;
            then the others are explained first.
    """
    from speechlrp.answers.run import load

    settings = dict(word.split("=", 1) for word in words if "=" in word)
    if values.get("on"):
        raise SpeechLRPError("--on is for a whole corpus; recordings that are named need none")
    _check_options(values)
    stray = [w for w in words if "=" not in w or w.split("=")[0].split(".")[0] not in OURS]
    if stray:
        raise SpeechLRPError(
            f"{stray[0]} is neither a recording nor run=NAME, explainer=NAME or a setting of the "
            "explainer, which is all that an explanation of files takes: the run knows the rest"
        )
    for key in OF_SUBSETS:
        if f"explainer.{key}" in settings:
            raise SpeechLRPError(
                f"explainer.{key} is about a subset of the run's recordings, and changes nothing "
                "for recordings that are named; leave it out"
            )
    name = values.get("run") or settings.get("run")
    if not name:
        raise SpeechLRPError(
            "which run is to be asked? give its name or folder: --run demo (see `speechlrp runs`)"
        )
    options = {
        "weights": values.get("weights") or "train",
        "device": values.get("device") or "auto",
    }
    run = load(name, **options)
    explainer = values.get("explainer") or settings.get("explainer")
    top = Path(values.get("out") or ".")
    asked: dict[str, Any] = {"settings": [w for w in words if w.startswith("explainer.")]}
    if values.get("pair"):
        _pair(run, files, top, explainer=explainer, **asked)
        return
    asked |= {name: values.get(name) for name in ("target", "against")}
    refused = []
    for file in files:
        try:
            _write(run.explain(file, explainer=explainer, **asked), top / _folder(file, files))
        except SpeechLRPError as error:
            refused.append(str(error))
    if refused:
        raise SpeechLRPError("; ".join(refused))


def _check_options(values: Mapping[str, Any]) -> None:
    """Refuse what would change nothing."""
    for name, value in values.items():
        if value and name not in KNOWN:
            raise SpeechLRPError(
                f"--{name.replace('_', '-')} is for a subset of the run's recordings; with "
                "recordings that are named, leave it out"
            )
        if value and name in ("target", "against") and values.get("pair"):
            raise SpeechLRPError(
                f"--{name} names a class, and --pair asks for the similarity of two voices; "
                "leave one out"
            )


def _pair(run: Any, files: Sequence[str], top: Path, **asked: Any) -> None:
    from speechlrp.answers.saving import save_together

    if len(files) != 2:
        raise SpeechLRPError(f"--pair compares two recordings; {len(files)} are named")
    answers = run.explain_pair(*files, **asked)
    say(f"cosine of the two voices: {answers[0].probability:.3f}")
    folders = [_folder(file, files) for file in files]
    for folder, answer in zip(folders, answers, strict=True):
        _write(answer, top / folder)
    both = top / f"{'-and-'.join(folders)}.html"
    save_together(answers, both)
    say(f"    {both}: both, with one cursor")


def _folder(file: str, files: Sequence[str]) -> str:
    """Below a recording's name; with its suffix or folder where another would be the same."""
    path = Path(file)
    stems = [Path(other).stem for other in files]
    if stems.count(path.stem) == 1 and not Path(path.stem).is_file():
        return path.stem
    return f"{path.parent.name}_{path.name}".lstrip("_") + ".explained"


def _write(answer: Any, folder: Path) -> None:
    say(answer.describe())
    for name in WRITTEN:
        answer.save(folder / name)
    say(f"    {folder}/: {', '.join(WRITTEN)}")
