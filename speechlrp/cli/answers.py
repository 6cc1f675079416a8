"""`speechlrp explain FILE ...`: a trained run, asked about single recordings."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.lock import taken
from speechlrp.pipeline.progress import say

WRITTEN = ("index.html", "relevance.png", "relevance.npz", "relevant.wav", "relevance.TextGrid")
"""What stands in the folder of each recording."""
OURS = ("run", "explainer")
OF_SUBSETS = ("examples", "utterances", "f0_hz")
"""Settings of an explainer that are about a whole subset of recordings."""
OF_FILES = ("target", "against", "pair", "out")
"""Options that go with recordings alone."""
KNOWN = (*OF_FILES, "run", "explainer", "weights", "device")
"""Options that go with recordings."""


def answer_files(files: Sequence[str], words: Sequence[str], values: Mapping[str, Any]) -> None:
    """Explain recordings, say a line each, and write figures and files below their names.

    Of settings, `run` and the explainer's alone fit here; `values` are click's parameters.

    Raises:
        SpeechLRPError: no run is named, another setting is, or a recording cannot be used;
            then the others are explained first.
    """
    from speechlrp.answers.run import load

    settings = dict(word.split("=", 1) for word in words if "=" in word)
    stray = [word for word in words if word.split("=")[0].split(".")[0] not in OURS]
    if stray:
        raise _stray(stray[0])
    _check_options(values)
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
    options = {key: values[key] for key in ("weights", "device") if values.get(key)}
    run = load(name, **options)
    explainer = values.get("explainer") or settings.get("explainer")
    folders = [Path(values.get("out") or ".") / name for name in _folders(files)]
    asked: dict[str, Any] = {"settings": [w for w in words if w.startswith("explainer.")]}
    if values.get("pair"):
        _pair(run, files, folders, explainer=explainer, **asked)
        return
    asked |= {name: values.get(name) for name in ("target", "against")}
    refused = []
    for file, folder in zip(files, folders, strict=True):
        try:
            _write(run.explain(file, explainer=explainer, **asked), folder)
        except SpeechLRPError as error:
            refused.append(str(error))
    if refused:
        raise SpeechLRPError("; ".join(refused))


def _check_options(values: Mapping[str, Any]) -> None:
    """Refuse what would change nothing."""
    if values.get("multirun"):
        raise SpeechLRPError(
            "-m makes runs of a sweep; recordings that are named are explained by one explainer: "
            "leave -m out, and give the command once for each, with --out FOLDER"
        )
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


def _stray(word: str) -> SpeechLRPError:
    """What is wrong with a word that is neither a recording nor a setting of an explanation."""
    if Path(word).is_dir():
        return SpeechLRPError(f"{word} is a folder; name the recordings in it, as {word}/*.wav")
    if "=" not in word:
        return SpeechLRPError(f"there is no recording {word}; and a setting would be KEY=VALUE")
    return SpeechLRPError(
        f"{word} is neither a recording nor run=NAME, explainer=NAME or a setting of the "
        "explainer, which is all that an explanation of files takes: the run knows the rest"
    )


def _pair(run: Any, files: Sequence[str], folders: Sequence[Path], **asked: Any) -> None:
    from speechlrp.answers.saving import save_together

    if len(files) != 2:
        raise SpeechLRPError(f"--pair compares two recordings; {len(files)} are named")
    answers = run.explain_pair(*files, **asked)
    say(f"cosine of the two voices: {answers[0].probability:.3f}")
    for folder, answer in zip(folders, answers, strict=True):
        _write(answer, folder)
    both = folders[0].parent / f"{'-and-'.join(folder.name for folder in folders)}.html"
    save_together(answers, both)
    say(f"    {both}: both, with one cursor")


def _folders(files: Sequence[str]) -> list[str]:
    """A name for each recording: its own; with its suffix and folders where others have it too."""
    paths = [Path(os.path.abspath(file)) for file in files]
    stems, names = Counter(path.stem for path in paths), []
    for path in paths:
        if stems[path.stem] == 1 and not Path(path.stem).is_file():
            names.append(path.stem)
            continue
        same = {other.parts for other in paths if other.stem == path.stem} - {path.parts}
        parts = next(n for n in count(2) if all(path.parts[-n:] != p[-n:] for p in same))
        names.append("_".join(path.parts[-parts:]).lstrip("/") + ".explained")
    return names


def _write(answer: Any, folder: Path) -> None:
    say(answer.describe())
    with taken(folder):  # a file of one answer beside another's would belong to neither
        for name in WRITTEN:
            answer.save(folder / name)
    say(f"    {folder}/: {', '.join(WRITTEN)}")
