"""Noise, music and speech to mix into recordings, in the layout of MUSAN (Snyder et al. 2015)."""

import logging
from collections.abc import Sequence
from pathlib import Path

from speechlrp.corpora.gathering import AUDIO, audio_below
from speechlrp.corpora.recording import some
from speechlrp.errors import SpeechLRPError

log = logging.getLogger(__name__)

KINDS = ("music", "noise", "speech")
MEND = (
    "run `speechlrp download musan`, or put audio of your own as {root}/noise/<any>/<name>.wav, "
    "and music and speech alike"
)


def musan(root: Path, *, kinds: Sequence[str] | None = None) -> dict[str, list[Path]]:
    """List the files of each kind: ``<kind>/<any>/<name>.wav``, or another of ``AUDIO``.

    In the folder that holds ``music``, ``noise`` and ``speech``; `kinds` must be there, or one at
    least where they are None. Gives kind -> its files, sorted; only kinds that have some.

    Raises:
        SpeechLRPError: there is no file, or none of a kind that must be there.
    """
    root = Path(root)
    files = {kind: _audio(root / kind) for kind in KINDS}
    missing = [kind for kind in kinds or () if not files.get(kind)]
    if missing or not any(files.values()):
        what = " and ".join(missing) or "music, noise or speech"
        raise SpeechLRPError(f"no {what} to mix in {root}: {MEND.format(root=root)}")
    return {kind: paths for kind, paths in files.items() if paths and kind in (kinds or KINDS)}


def _audio(folder: Path) -> list[Path]:
    """The audio files in a kind's subfolders, of one name the best; others are said."""
    if not folder.is_dir():
        return []
    paths = [folder / name for name in audio_below(folder)]
    paths.sort(key=lambda path: AUDIO.index(path.suffix.lower()), reverse=True)
    best = {path.with_suffix(""): path for path in paths if path.parent.parent == folder}
    odd = [path.relative_to(folder).as_posix() for path in paths if path.parent.parent != folder]
    if odd:
        log.warning(
            "%s: left out %d files, as they are not <any>/<name>: %s",
            folder,
            len(odd),
            some(sorted(odd)),
        )
    return sorted(best.values())
