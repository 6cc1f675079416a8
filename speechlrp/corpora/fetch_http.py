"""Downloads one file: resumed, retried, verified, and put in place whole."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
from pooch import file_hash

from speechlrp.artifacts.atomic import need_space
from speechlrp.errors import SpeechLRPError

TIMEOUT = (15, 60)  # seconds to connect, and to wait for the next bytes
ATTEMPTS = 4
PAUSE = 1.0  # seconds before the second attempt; doubled before every further one
CHUNK = 1 << 15  # bytes; what a broken connection loses at the most
MOST_DIGITS = 18  # of a length that is believed
_BUSY = (429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Checksum:
    """What a file's content must hash to."""

    algorithm: str  # ``"sha256"`` or ``"md5"``
    digest: str  # hexadecimal, lower case

    def matches(self, path: Path) -> bool:
        """Tell whether the file is there and its content is right."""
        return path.is_file() and file_hash(str(path), alg=self.algorithm) == self.digest


def download(
    session: requests.Session,
    url: str,
    target: Path,
    checksum: Checksum,
    count: Callable[[int], None] = lambda n: None,
    expect: Callable[[int], None] = lambda n: None,
) -> None:
    """Download a file, going on with ``<target>.part`` if there is one.

    Args:
        session: the connection to use.
        url: where it is.
        target: where it goes; it appears there only when its checksum is right.
        checksum: what it must hash to.
        count: called with the number of bytes whenever some came.
        expect: called with the number of bytes that a request is going to bring.

    Raises:
        SpeechLRPError: the address is none, the server has no such file, the network failed
            several times, the content is wrong, or the disk is full or cannot be written.
    """
    part = target.with_name(target.name + ".part")
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(ATTEMPTS):
            resumed = _size(part) > 0
            try:
                _receive(session, url, part, count, expect)
            except requests.RequestException as error:
                if isinstance(error, ValueError):  # no scheme, no host, a port that is none, ...
                    raise no_address(url) from error
                _give_up_or_wait(error, url, attempt)
                continue
            if checksum.matches(part):
                os.replace(part, target)
                return
            part.unlink()
            if not resumed:
                break
        raise SpeechLRPError(
            f"{url} has a wrong checksum, {checksum.algorithm} {checksum.digest} was expected; "
            f"nothing was kept of it: run the same command again, or use another mirror"
        )


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the file system refuses into an expected error that names `path`.

    Raises:
        SpeechLRPError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise SpeechLRPError(
            f"cannot write {error.filename or path}: {reason}; mend that and run the same "
            f"command again: it goes on from here"
        ) from error


def no_address(url: str) -> SpeechLRPError:
    """Build the error for an address of a wrong form, where another attempt cannot help."""
    return SpeechLRPError(
        f"{url!r} is no address of the web; give one such as --base-url https://example.org/corpus"
    )


def check_address(url: str) -> None:
    """Refuse an address of a wrong form before anything is asked of it.

    Raises:
        SpeechLRPError: it has no scheme of the web, no host, or a port that is none.
    """
    try:
        parts = urlsplit(url)
        well_formed = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # brackets that do not match, a port beyond 65,535 or of letters
        well_formed = False
    if not well_formed or any(c.isspace() for c in url):
        raise no_address(url)


def explain(error: Exception, url: str) -> SpeechLRPError:
    """Turn a network error into one line."""
    response = getattr(error, "response", None)
    if response is not None:
        return SpeechLRPError(
            f"{url}: the server answered {response.status_code} {response.reason}; "
            f"look at the address, or use another mirror"
        )
    cause = type(error).__name__
    return SpeechLRPError(
        f"{url}: the connection failed ({cause}); what came is kept: run the same command again"
    )


def _receive(
    session: requests.Session,
    url: str,
    part: Path,
    count: Callable[[int], None],
    expect: Callable[[int], None],
) -> None:
    """Append what is missing to `part`, or write it from the start if the server says so."""
    have = _size(part)
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with session.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        if response.status_code == 416 and have:  # nothing after `have`: whole, or too much
            return
        response.raise_for_status()
        goes_on = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        header = response.headers.get("Content-Length", "")
        believed = header.isdecimal() and len(header) <= MOST_DIGITS
        length = int(header) if believed else 0  # 0: nobody knows
        need_space(part.parent, length, instead="--data FOLDER")
        expect(length)
        came = 0
        with open(part, "ab" if response.status_code == 206 and goes_on else "wb") as file:
            for chunk in response.iter_content(CHUNK):
                file.write(chunk)
                came += len(chunk)
                count(len(chunk))
    if came < length:
        raise requests.ConnectionError(f"{came} of {length} bytes came")


def _give_up_or_wait(error: requests.RequestException, url: str, attempt: int) -> None:
    """Wait before the next attempt; raise where another cannot help."""
    response = error.response
    if attempt == ATTEMPTS - 1 or (response is not None and response.status_code not in _BUSY):
        raise explain(error, url) from error
    asked = "" if response is None else response.headers.get("Retry-After", "")
    wait = min(float(asked), 60.0) if asked.isdecimal() else PAUSE * 2**attempt
    time.sleep(wait)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
