"""A data folder as Kaldi's recipes, ESPnet and wespeaker make them."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from speechlrp.corpora.labels import labelled, place
from speechlrp.corpora.recording import Recording, need_folder, pick_speakers, some
from speechlrp.corpora.text import read_lines
from speechlrp.corpora.twins import without_twins
from speechlrp.errors import SpeechLRPError

log = logging.getLogger(__name__)
MEND = "give a folder with wav.scp and utt2spk as dataset.root"
NO_LABELS = ("utt2spk", "utt2dur", "utt2num_frames", "utt2uniq", "spk2utt")
"""Files of an utterance or a speaker that label nothing."""


def kaldi(root: Path, *, speakers: Sequence[str] | None = None) -> list[Recording]:
    """Read ``wav.scp`` (utterance, file) and ``utt2spk`` (utterance, speaker).

    ``text`` gives transcripts. Any other ``utt2<label>`` and ``spk2<label>`` file gives a label
    of utterances or of all a speaker's, such as ``utt2lang``, ``spk2gender``. Files are looked
    for in the folder and from where one stands. The id is the utterance's.

    Raises:
        SpeechLRPError: no such folder, a file that is missing or not as Kaldi has it, commands
            or archives in ``wav.scp``, a file ``segments``, or an unknown speaker.
    """
    root = need_folder(Path(root), "Kaldi data folder", MEND)
    if (root / "segments").exists():
        raise SpeechLRPError(
            f"{root}/segments cuts recordings, which is not understood: write a file for each "
            "segment first, as Kaldi's extract-segments does"
        )
    owners = _table(root / "utt2spk")
    chosen = set(pick_speakers(speakers, owners.values(), root))
    words = _table(root / "text") if (root / "text").exists() else {}
    labels = dict(_labels(root))
    recordings, files = [], _table(root / "wav.scp")
    if lost := [key for key in owners if key not in files]:
        what = "%s/utt2spk has %d utterances that wav.scp has not, which are left out: %s"
        log.warning(what, root, len(lost), some(lost))
    for key, written in files.items():
        if key not in owners:
            raise SpeechLRPError(f"{root}/wav.scp has {key[:60]}, but utt2spk has not: {MEND}")
        if not owners[key]:
            raise SpeechLRPError(f"{root}/utt2spk names no speaker for {key[:60]}: {MEND}")
        if owners[key] not in chosen:
            continue
        path = place(_file(written, key, root), root)
        bare = Recording(key, path, owners[key], transcript=words.get(key))
        fields = {
            name: table.get(key if of == "utt" else owners[key], "")
            for (of, name), table in labels.items()
        }
        recordings.append(labelled(bare, fields, f"{root}, {key}"))
    if not recordings:
        raise SpeechLRPError(f"no recordings in {root}/wav.scp: {MEND}")
    return sorted(without_twins(recordings, root / "wav.scp"), key=lambda r: r.id)


def _table(path: Path) -> dict[str, str]:
    """Read lines of a key and, behind blanks, what it has."""
    table: dict[str, str] = {}
    for number, line in read_lines(path, "of a Kaldi data folder", MEND):
        key, *rest = line.split(maxsplit=1)
        value = rest[0] if rest else ""
        if table.setdefault(key, value) != value:
            raise SpeechLRPError(f"{path}, line {number}: {key[:60]} is there twice")
    return table


def _labels(root: Path) -> Iterator[tuple[tuple[str, str], dict[str, str]]]:
    """Yield ``utt`` or ``spk`` and a label's name, and the table of it."""
    for path in sorted(root.iterdir()):
        of, _, name = path.name.partition("2")
        is_label = of in ("utt", "spk") and name.isidentifier() and path.name not in NO_LABELS
        if is_label and path.is_file():
            yield (of, name), _table(path)


def _file(written: str, key: str, root: Path) -> str:
    is_archive = ".ark:" in written
    if not written or written.endswith("|") or is_archive:
        what = "an archive" if is_archive else "a command" if written else "nothing"
        raise SpeechLRPError(
            f"{root}/wav.scp has {what} for {key[:60]} ({written[:60]}): write files first, as "
            "Kaldi's wav-copy does, and list those"
        )
    return written
