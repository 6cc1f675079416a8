"""AudioMNIST (Becker et al. 2018): 60 speakers, ten digits, 50 times each."""

import re
from collections.abc import Sequence
from pathlib import Path

from speechlrp.artifacts.unexpected import parse_json
from speechlrp.corpora.gathering import Gathering, files, folders
from speechlrp.corpora.recording import Recording, gender, need_folder, pick_speakers
from speechlrp.corpora.text import read_text
from speechlrp.errors import SpeechLRPError

MEND = "run `speechlrp download audiomnist`"
META = "audioMNIST_meta.txt"


def audiomnist(root: Path, *, speakers: Sequence[str | int] | None = None) -> list[Recording]:
    """Read AudioMNIST in its official layout.

    ``data/SS/D_SS_R.wav`` is digit D, speaker SS, repetition R, and
    ``data/audioMNIST_meta.txt`` (JSON) describes the speakers. Only the files that are
    there are read, so a part of the corpus will do. The id is ``D_SS_R``; `extra` holds
    ``repetition`` and the speaker's description (``accent``, ``age``,
    ``native_speaker``, ``origin``, ...).

    `root` is the folder that holds ``data``. Of the `speakers` that are asked for ``"01"``, ``"1"``
    and ``1`` are the same.

    Raises:
        SpeechLRPError: no corpus, no description of a speaker, or an unknown speaker.
    """
    data = need_folder(Path(root) / "data", "AudioMNIST", MEND)
    metadata = _speakers(data / META)
    there = [name for name in folders(data) if re.fullmatch(r"[0-9]{2}", name)]
    asked = None if speakers is None else [str(s).zfill(2) for s in speakers]
    gathering = Gathering("AudioMNIST", data)
    gathering.add_odd_files(data)
    gathering.add_odd_folders(data, there)
    for speaker in pick_speakers(asked, there, data):
        _read_speaker(data / speaker, speaker, metadata, gathering)
    return gathering.finish(MEND)


def _read_speaker(folder: Path, speaker: str, metadata: dict, gathering: Gathering) -> None:
    """Gather the recordings in one speaker's folder."""
    names = files(folder)
    if names and speaker not in metadata:
        raise SpeechLRPError(
            f"speaker {speaker} has recordings in {folder}, but no entry in "
            f"{folder.parent / META}: {MEND}, or choose others with `speakers`"
        )
    gathering.add_odd_folders(folder)
    pattern = rf"([0-9])_{speaker}_([0-9]{{1,2}})"
    for path, key, (digit, repetition) in gathering.fitting(folder, names, pattern):
        sex, extra = metadata[speaker]
        extra = {**extra, "repetition": repetition}
        gathering.add(Recording(key, path, speaker, gender=sex, digit=digit, extra=extra))


def _speakers(path: Path) -> dict[str, tuple[str | None, dict[str, str]]]:
    """Read the JSON of speakers: two-digit name -> (gender, the rest)."""
    text = read_text(path, "it says who the speakers are", MEND)
    try:
        table = parse_json(text)
        rows = {str(s): {str(k): str(v) for k, v in row.items()} for s, row in table.items()}
    except (ValueError, AttributeError) as error:
        raise SpeechLRPError(
            f"{path} is not the JSON table of speakers ({error}): {MEND}"
        ) from None
    return {
        speaker: (
            gender(row.pop("gender", ""), f"{path}, speaker {speaker}"),
            {key.replace(" ", "_"): value for key, value in row.items()},
        )
        for speaker, row in rows.items()
    }
