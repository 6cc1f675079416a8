"""Noise, music and speech to mix into recordings, in the layout of MUSAN (Snyder et al. 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from speechlrp.corpora.recording import AUDIO, files, folders
from speechlrp.errors import SpeechLRPError

KINDS = ("music", "noise", "speech")
MEND = (
    "run `speechlrp download musan`, or put audio of your own as {root}/noise/<any>/<name>.wav, "
    "and music and speech alike"
)


def musan(root: Path, *, kinds: Sequence[str] | None = None) -> dict[str, list[Path]]:
    """List the files of each kind: ``<kind>/<any>/<name>.wav`` or ``.flac``.

    Args:
        root: the folder that holds ``music``, ``noise`` and ``speech``.
        kinds: those that must be there; None: whichever are, but one at least.

    Returns:
        Kind -> its files, sorted; only kinds that have some.

    Raises:
        SpeechLRPError: there is no file, or none of a kind that must be there.
    """
    root = Path(root)
    found = {kind: _audio(root / kind) for kind in KINDS}
    missing = [kind for kind in kinds or () if not found.get(kind)]
    if missing or not any(found.values()):
        what = " and ".join(missing) or "music, noise or speech"
        raise SpeechLRPError(f"no {what} to mix in {root}: {MEND.format(root=root)}")
    return {kind: paths for kind, paths in found.items() if paths and kind in (kinds or KINDS)}


def _audio(folder: Path) -> list[Path]:
    """The audio files in a kind's subfolders."""
    if not folder.is_dir():
        return []
    inner = [folder / name for name in folders(folder)]
    return [place / name for place in inner for name in files(place) if name.endswith(AUDIO[:2])]
