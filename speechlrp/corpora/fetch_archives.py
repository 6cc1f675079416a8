"""Downloads corpora that come as archives from OpenSLR; arguments as in `fetch.fetch`.

An archive is downloaded (going on after an interruption), verified, unpacked beside its
place and moved into it whole, with a marker ``.complete`` inside. Then it is deleted.
"""

import os
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import requests

from speechlrp.corpora.fetch import DownloadReport, Meter
from speechlrp.corpora.fetch_http import Checksum, download, writing
from speechlrp.errors import SpeechLRPError, unknown

LIBRISPEECH_URL = "https://www.openslr.org/resources/12"
MUSAN_URL = "https://www.openslr.org/resources/17"
MARKER = ".complete"


@dataclass(frozen=True)
class Archive:
    """An archive and what it unpacks to."""

    file: str  # its name on the server
    folder: str  # the folder in it that is the corpus, or the subset, as a whole
    checksum: Checksum  # what it hashes to


#: LibriSpeech's subsets, with the sha256 that torchaudio verifies them by.
LIBRISPEECH = {
    name: Archive(f"{name}.tar.gz", f"LibriSpeech/{name}", Checksum("sha256", sha256))
    for name, sha256 in {
        "dev-clean": "76f87d090650617fca0cac8f88b9416e0ebf80350acb97b343a85fa903728ab3",
        "dev-other": "12661c48e8c3fe1de2c1caa4c3e135193bfb1811584f11f569dd12645aa84365",
        "test-clean": "39fde525e59672dc6d1551919b1478f724438a95aa55f874b576be21967e6c23",
        "test-other": "d09c181bba5cf717b3dee7d4d592af11a3ee3a09e08ae025c5506f6ebe961c29",
        "train-clean-100": "d4ddd1d5a6ab303066f14971d768ee43278a5f2a0aa43dc716b0e64ecbbbf6e2",
        "train-clean-360": "146a56496217e96c14334a160df97fffedd6e0a04e66b9c5af0d40be3c792ecf",
        "train-other-500": "ddb22f27f96ec163645d53215559df6aa36515f26e01dd70798188350adcb6d2",
    }.items()
}
#: MUSAN, with the md5 that OpenSLR publishes.
MUSAN = Archive("musan.tar.gz", "musan", Checksum("md5", "0c472d4fc0c5141eca47ad1ffeb2a7df"))


def librispeech(
    root: Path, *, subsets: Sequence[str], base_url: str | None, progress: bool
) -> DownloadReport:
    """Download subsets of LibriSpeech into ``<root>/LibriSpeech``.

    Raises:
        SpeechLRPError: no or an unknown subset, no network, a wrong archive, no space.
    """
    if not subsets:
        raise SpeechLRPError(
            f"which subsets of LibriSpeech? Known: {', '.join(LIBRISPEECH)}; "
            f"dev-clean is 0.3 GB, train-clean-100 6.4 GB"
        )
    for name in subsets:
        if name not in LIBRISPEECH:
            raise unknown("subset of LibriSpeech", name, LIBRISPEECH)
    chosen = [LIBRISPEECH[name] for name in dict.fromkeys(subsets)]
    url = base_url or LIBRISPEECH_URL
    return _obtain_all("librispeech", Path(root), "LibriSpeech", chosen, url, progress)


def musan(
    root: Path, *, subsets: Sequence[str], base_url: str | None, progress: bool
) -> DownloadReport:
    """Download MUSAN (11 GB) into ``<root>/musan``.

    Raises:
        SpeechLRPError: subsets were asked for, no network, a wrong archive, no space.
    """
    if subsets:
        raise SpeechLRPError(f"MUSAN has no subsets; found: {', '.join(subsets)}")
    return _obtain_all("musan", Path(root), "musan", [MUSAN], base_url or MUSAN_URL, progress)


def _obtain_all(
    corpus: str, root: Path, folder: str, archives: Sequence[Archive], url: str, progress: bool
) -> DownloadReport:
    """Bring every archive's content into place."""
    received, kept = Meter("bytes", None, show=False), 0
    for archive in archives:
        if _is_complete(root, archive):
            kept += 1
        else:
            _obtain(root, archive, url, progress, received)
        with writing(root):
            shutil.rmtree(_workplace(root, archive), ignore_errors=True)
            (root / archive.file).unlink(missing_ok=True)
    return DownloadReport(corpus, root / folder, len(archives) - kept, kept, received.done)


def _is_complete(root: Path, archive: Archive) -> bool:
    """Tell whether an archive was brought into place before.

    Raises:
        SpeechLRPError: something else is in its place.
    """
    place = root / archive.folder
    marker = place / MARKER
    if marker.is_file() and marker.read_text().strip() == archive.checksum.digest:
        return True
    if place.exists():
        raise SpeechLRPError(
            f"{place} was not put there by this command, so it may be incomplete; "
            f"move it away to download it, or use it as it is"
        )
    return False


def _obtain(root: Path, archive: Archive, url: str, progress: bool, received: Meter) -> None:
    """Download, unpack, and move into place."""
    path = root / archive.file
    if not archive.checksum.matches(path):
        with requests.Session() as session, Meter(archive.file, None, show=progress) as meter:

            def count(n: int) -> None:
                meter.advance(n)
                received.advance(n)

            address = f"{url}/{archive.file}"
            download(session, address, path, archive.checksum, count, meter.expect)
    workplace = _workplace(root, archive)
    with writing(workplace):
        shutil.rmtree(workplace, ignore_errors=True)
        _unpack(path, workplace, progress)
        _move(workplace, root, archive)


def _unpack(path: Path, to: Path, progress: bool) -> None:
    """Unpack an archive; nothing of it can land outside `to`."""
    if not hasattr(tarfile, "data_filter"):
        raise SpeechLRPError("unpacking safely needs Python 3.11.4 or newer")
    meter = Meter(f"unpacking {path.name}", path.stat().st_size, show=progress)
    try:
        with open(path, "rb") as raw, tarfile.open(fileobj=raw, mode="r|gz") as tar, meter:
            for member in tar:
                tar.extract(member, to, filter="data")
                meter.advance(raw.tell() - meter.done)
    except tarfile.TarError as error:
        raise SpeechLRPError(f"cannot unpack {path}: {error}") from error


def _move(workplace: Path, root: Path, archive: Archive) -> None:
    """Move what was unpacked into place: the files beside the corpus first, the whole last."""
    source, place = workplace / archive.folder, root / archive.folder
    if not source.is_dir():
        raise SpeechLRPError(f"{root / archive.file} does not hold {archive.folder}")
    (source / MARKER).write_text(archive.checksum.digest + "\n")
    place.parent.mkdir(parents=True, exist_ok=True)
    for beside in source.parent.iterdir():
        if beside.is_file():
            os.replace(beside, place.parent / beside.name)
    os.replace(source, place)


def _workplace(root: Path, archive: Archive) -> Path:
    return root / f".unpack-{archive.file}"
