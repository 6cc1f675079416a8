"""A folder that `datasets` saved: its recordings as files, and a list of them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from speechlrp.artifacts.atomic import write_bytes, write_csv
from speechlrp.errors import SpeechLRPError

LIST = "recordings.csv"


def is_saved(root: Path) -> bool:
    """Whether `datasets.save_to_disk` wrote a folder: a data set, or one with several parts."""
    return (root / "dataset_dict.json").is_file() or (
        (root / "dataset_info.json").is_file() and (root / "state.json").is_file()
    )


def unpack(root: Path, target: Path) -> Path:
    """List the recordings of a saved data set.

    Those that it holds itself are written to files, byte by byte as they are; of those that it
    only names, the files stay where they are. Its other columns of one value each become labels,
    and its parts the label ``part``. What was written before is kept.

    Args:
        root: the folder.
        target: where files and list go.

    Returns:
        The list, a CSV file.

    Raises:
        SpeechLRPError: the package is not installed, the folder is damaged, or no column of
            it holds audio.
    """
    rows = pd.DataFrame(_rows(root, target)).fillna("")
    write_csv(target / LIST, rows)
    return target / LIST


def _rows(root: Path, target: Path) -> Iterator[dict[str, str]]:
    """A row for each recording; its file is written where it has none."""
    for part, data in _parts(root).items():
        column, data = _audio(root, data)
        labels = {n: f for n, f in data.features.items() if n != column and _is_plain(f)}
        for number, example in enumerate(data):
            told = {name: _text(feature, example[name]) for name, feature in labels.items()}
            told.pop("path", None)
            told |= {"part": part} if part and "part" not in told else {}
            yield {"path": _file(example[column], target / part, number)} | told


def _parts(root: Path) -> Mapping[str, Any]:
    try:
        import datasets
    except ImportError:
        raise SpeechLRPError(
            f"{root} was saved by the package datasets, which is needed to read it: "
            "pip install datasets, or write the recordings to files and list them in a CSV file"
        ) from None
    logging.getLogger("datasets").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    try:
        loaded = datasets.load_from_disk(str(root))
    except Exception as error:  # the reader and Arrow may raise anything of a damaged folder
        reason = " ".join(str(error).split())[:200]
        raise SpeechLRPError(
            f"{root} is not as datasets.save_to_disk wrote it ({reason}); save it again"
        ) from error
    return loaded if isinstance(loaded, datasets.DatasetDict) else {"": loaded}


def _audio(root: Path, data: Any) -> tuple[str, Any]:
    """The column of the recordings, and the data set that gives them as they are stored."""
    import datasets

    found = [n for n, feature in data.features.items() if isinstance(feature, datasets.Audio)]
    if not found:
        raise SpeechLRPError(
            f"no column of {root} is of the kind Audio; there are: {', '.join(data.features)}; "
            "cast it with cast_column(NAME, datasets.Audio()) and save it again"
        )
    return found[0], data.cast_column(found[0], datasets.Audio(decode=False))


def _is_plain(feature: Any) -> bool:
    return hasattr(feature, "int2str") or getattr(feature, "dtype", "") in (
        *("string", "large_string", "bool"),
        *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)),
    )


def _text(feature: Any, value: Any) -> str:
    if value is None:
        return ""
    if hasattr(feature, "int2str"):  # a class by its name; -1 stands for none
        return feature.int2str(value) if value >= 0 else ""
    return str(value)


def _file(stored: Mapping[str, Any], folder: Path, number: int) -> str:
    """Where a recording's file is."""
    name, content = stored["path"] or "", stored["bytes"]
    if content is None:
        return str(Path(name).absolute())
    path = folder / f"{number:06d}_{Path(name).name or 'recording.wav'}"
    if not (path.is_file() and path.stat().st_size == len(content)):
        write_bytes(path, content)
    return str(path)
