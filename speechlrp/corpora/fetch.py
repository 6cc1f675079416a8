"""Downloads corpora into the data folder, verified and ready for their readers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechlrp.corpora import DOWNLOADS
from speechlrp.corpora.fetch_http import check_address


@dataclass(frozen=True)
class DownloadReport:
    """What a download did."""

    corpus: str  # the corpus's name
    root: Path  # the corpus's folder, which its reader takes as `root`
    downloaded: int  # files (AudioMNIST) or archives that were fetched now
    kept: int  # those that were there already, whole and right
    received: int  # bytes received from the network

    def __str__(self) -> str:
        unit = "files" if self.corpus == "audiomnist" else "archives"
        return (
            f"{self.corpus}: {self.downloaded} {unit} downloaded "
            f"({self.received / 1e6:.1f} MB), {self.kept} were there already: {self.root}"
        )


def fetch(
    corpus: str,
    root: Path,
    *,
    subsets: Sequence[str] = (),
    base_url: str | None = None,
    progress: bool = True,
) -> DownloadReport:
    """Download a corpus, or go on with a download that was interrupted.

    What is there and verifies is kept; run again, it downloads nothing. A file appears
    under its name only when its checksum is right. Until then it is a ``.part`` beside
    it, from which the next run goes on where the server allows that.

    Args:
        corpus: a name in `DOWNLOADS`.
        root: the data folder (``paths.data``); the corpus gets its own folder in it,
            ``audiomnist``, ``LibriSpeech`` or ``musan``.
        subsets: LibriSpeech: which subsets (needed). AudioMNIST: two-digit speakers,
            all by default. MUSAN: must be empty.
        base_url: a mirror, in place of the public address.
        progress: show how far it is, on stderr.

    Raises:
        SpeechLRPError: the address is none, the corpus or a subset is not known or needs a
            licence, the network or the disk failed, or what came has a wrong checksum.
    """
    if base_url is not None:
        check_address(base_url)
    return DOWNLOADS[corpus](Path(root), subsets=subsets, base_url=base_url, progress=progress)
