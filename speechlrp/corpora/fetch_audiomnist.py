"""Downloads AudioMNIST: 30,000 files, each verified; arguments as in `fetch.fetch`.

The sha256 and size of every official file are kept beside this module in
``fetch_audiomnist.bin``: 36 bytes a file, 32 of digest and 4 of size (little endian),
in the order of digit, speaker, repetition.

Where many files are missing, the archive of the pinned commit is read as it arrives and
only what verifies is written; the server cannot resume it, but files that are there are
not fetched again. What is then still missing comes one by one, over several connections.
"""

import hashlib
import logging
import os
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from speechlrp.corpora.fetch import DownloadReport, Meter
from speechlrp.corpora.fetch_http import CHUNK, TIMEOUT, Checksum, download, writing
from speechlrp.errors import unknown

log = logging.getLogger(__name__)

COMMIT = "ce04129aaa56d47d11a8d9cc1247bac2cafac9b7"
FILES_URL = f"https://raw.githubusercontent.com/soerenab/AudioMNIST/{COMMIT}"
ARCHIVE_URL = f"https://codeload.github.com/soerenab/AudioMNIST/tar.gz/{COMMIT}"
DIGESTS = Path(__file__).with_suffix(".bin")
META = "data/audioMNIST_meta.txt"
META_SHA256 = "034c1e4ee78edf65823faa6bb6d60bd0d55c88469f90f4b582f16bd5798e0841"
META_SIZE = 15620
ARCHIVE_FROM = 1000  # missing files: where there are as many, the archive is fetched
CONNECTIONS = 16  # files that are fetched at a time
_ENTRY = struct.Struct("<32sI")


@dataclass(frozen=True)
class Official:
    """One official file: where it is in the corpus, its sha256 and its size in bytes."""

    path: str
    sha256: str
    size: int

    def is_in(self, folder: Path) -> bool:
        """Tell whether the file is there, whole and right."""
        path = folder / self.path
        try:
            if path.stat().st_size != self.size:
                return False
        except (FileNotFoundError, NotADirectoryError):
            return False
        return Checksum("sha256", self.sha256).matches(path)


def official() -> dict[str, Official]:
    """Return all official files by their path, the table of speakers first."""
    entries = _ENTRY.iter_unpack(DIGESTS.read_bytes())
    names = ((d, s, r) for d in range(10) for s in range(1, 61) for r in range(50))
    files = [Official(META, META_SHA256, META_SIZE)]
    for (digit, speaker, repetition), (digest, size) in zip(names, entries, strict=True):
        path = f"data/{speaker:02d}/{digit}_{speaker:02d}_{repetition}.wav"
        files.append(Official(path, digest.hex(), size))
    return {file.path: file for file in files}


def audiomnist(
    root: Path, *, subsets: Sequence[str], base_url: str | None, progress: bool
) -> DownloadReport:
    """Download AudioMNIST into ``<root>/audiomnist``.

    A mirror has the files as ``<base_url>/data/SS/D_SS_R.wav`` and, if it likes, the archive
    as ``<base_url>/archive.tar.gz``.

    Raises:
        SpeechLRPError: unknown speaker, no network, a wrong file, or no space.
    """
    folder = Path(root) / "audiomnist"
    wanted = _select(official(), subsets)
    missing = _missing(wanted, folder)
    kept, files_url = len(wanted) - len(missing), base_url or FILES_URL
    archive_url = f"{base_url}/archive.tar.gz" if base_url else ARCHIVE_URL
    received = Meter("bytes", None, show=False)
    with (
        requests.Session() as session,
        Meter("AudioMNIST files", len(wanted), show=progress, size=False) as meter,
    ):
        for scheme in ("https://", "http://"):
            session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))
        meter.advance(kept)
        if len(missing) >= ARCHIVE_FROM:
            _from_archive(session, archive_url, missing, folder, meter, received.advance)
            missing = _missing(missing, folder)

        def get(file: Official) -> None:
            url, target = f"{files_url}/{file.path}", folder / file.path
            checksum = Checksum("sha256", file.sha256)
            download(session, url, target, checksum, received.advance)
            meter.advance(1)

        _in_parallel(get, missing)
    return DownloadReport("audiomnist", folder, len(wanted) - kept, kept, received.done)


def _select(table: Mapping[str, Official], speakers: Sequence[str]) -> list[Official]:
    """Return the files of the speakers, and the table of speakers."""
    known = {path.split("/")[1] for path in table if path != META}
    asked = [str(s).zfill(2) for s in speakers]
    for speaker in asked:
        if speaker not in known:
            raise unknown("speaker of AudioMNIST", speaker, known)
    return [file for path, file in table.items() if not asked or path == META or path[5:7] in asked]


def _missing(files: Sequence[Official], folder: Path) -> list[Official]:
    """Return the files that are not there, or not right."""
    with writing(folder), ThreadPoolExecutor(4) as pool:
        there = pool.map(lambda file: file.is_in(folder), files, chunksize=64)
        return [file for file, is_in in zip(files, there, strict=True) if not is_in]


def _in_parallel(get: Callable[[Official], None], files: Iterable[Official]) -> None:
    """Get all files; stop at the first that fails, and raise its error."""
    pool = ThreadPoolExecutor(CONNECTIONS)
    try:
        for future in as_completed([pool.submit(get, file) for file in files]):
            future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _from_archive(
    session: requests.Session,
    url: str,
    missing: Sequence[Official],
    folder: Path,
    meter: Meter,
    count: Callable[[int], None],
) -> None:
    """Write what the archive holds of the missing files; say so in the log if it breaks off."""
    wanted = {file.path: file for file in missing}
    try:
        with session.get(url, stream=True, timeout=TIMEOUT) as response:
            response.raise_for_status()
            try:
                with tarfile.open(fileobj=response.raw, mode="r|gz", bufsize=CHUNK) as archive:
                    _unpack(archive, wanted, folder, meter)
            finally:
                count(response.raw.tell())
    except (requests.RequestException, HTTPError, tarfile.TarError, zlib.error, EOFError) as error:
        log.warning(
            "%s broke off (%s); the %d files still missing are fetched one by one",
            url,
            type(error).__name__,
            len(wanted),
        )


def _unpack(archive: tarfile.TarFile, wanted: dict, folder: Path, meter: Meter) -> None:
    """Write the members that are wanted and right, taking them out of `wanted`."""
    for member in archive:
        file = wanted.get(member.name.partition("/")[2])
        if file is None or not member.isreg() or member.size != file.size:
            continue
        body = archive.extractfile(member)
        assert body is not None  # of a regular file there is one
        content = body.read()
        if hashlib.sha256(content).hexdigest() == file.sha256:
            _write(folder / file.path, content)
            del wanted[file.path]
            meter.advance(1)
        if not wanted:
            return


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        os.replace(part, path)
