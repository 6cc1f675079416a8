"""eSpeak NG through its C interface: a waveform, and when each phoneme begins.

The library comes with the wheel ``espeakng-loader`` and is opened at run time only.
It keeps hidden state between utterances (the phase of its flutter, the place in its
noise), so it is loaded anew for each one: an utterance then depends on its own
arguments alone. That takes about 3 ms. One process must not speak from two threads.
"""

import atexit
import ctypes
import os
import re
import shutil
import tempfile
from _ctypes import dlclose
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from speechlrp.errors import SpeechLRPError

SAMPLE_RATE = 22_050
_SYNCHRONOUS = 2
_PHONEMES_IN_IPA_WITHOUT_EXIT = 0x1 | 0x2 | 0x8000
_UTF8 = 1
_WORD, _END, _PHONEME = 1, 5, 7
_PARAMETERS = {"rate": 1, "volume": 2, "pitch": 3, "range": 4}
_PUNCTUATION = '.,;:!?"()-'
_VOLUME = 60  # the default of 100 clips in some voices
_LONGEST_PATH = 120  # eSpeak NG cuts its data path at 160 characters


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True)
class Span:
    """A phoneme or a word, and where it lies."""

    name: str  # the phoneme in IPA (with its stress mark), or the word as written
    start: float  # its beginning, in samples while inside this module, else in seconds
    end: float  # its end, in the same unit


@dataclass(frozen=True)
class Speech:
    """What eSpeak NG said."""

    wave: np.ndarray  # ``[N]`` float32 in -1..1, at ``SAMPLE_RATE``
    phonemes: tuple[Span, ...]
    """In order, without pauses; times in samples. The closure of a stop counts to the phoneme
    before it, and an l after a vowel may have no length (its sound is the vowel's end), as eSpeak
    NG's events place them."""
    words: tuple[Span, ...]
    """In order, without punctuation; times in samples. A pair that eSpeak NG says in one breath,
    such as "of the" or "most of", is one word here."""


def speak(text: str, voice: str, *, rate: int, pitch: int, range: int, seed: int) -> Speech:
    """Say a text; the same arguments give the same samples.

    Args:
        text: what to say.
        voice: language and variant, as in ``en-us+f3``.
        rate: words per minute, 80 to 450.
        pitch: 0 to 99; 50 is the voice's own.
        range: of the intonation, 0 to 99; 50 is the voice's own.
        seed: of the noise inside the synthesiser.

    Raises:
        SpeechLRPError: the library is absent or does not start, or has no such voice.
    """
    settings = {"rate": rate, "volume": _VOLUME, "pitch": pitch, "range": range}
    waves: list[np.ndarray] = []
    events: list[tuple[int, int, int, str]] = []

    def collect(wave, count, event) -> int:
        if wave and count:
            waves.append(np.ctypeslib.as_array(wave, (count,)).copy())
        for one in _until_end(event):
            name = one.id.string.decode("utf-8", "ignore") if one.type == _PHONEME else ""
            events.append((one.type, one.sample, one.text_position, name))
        return 0

    with _library(_Callback(collect), seed) as library:
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SpeechLRPError(f"eSpeak NG has no voice {voice!r}; `espeak-ng --voices` lists")
        for name, value in settings.items():
            library.espeak_SetParameter(_PARAMETERS[name], value, 0)
        _say(library, text)
    if not waves:
        raise SpeechLRPError(f"eSpeak NG is silent on the text {text!r}; give it words to say")
    wave = np.concatenate(waves).astype(np.float32) / 32_768
    return Speech(wave, *_spans(events, text))


def _say(library: ctypes.CDLL, text: str) -> None:
    data = text.encode()
    size, characters = ctypes.c_size_t(len(data) + 1), 1
    failed = library.espeak_Synth(data, size, 0, characters, 0, _UTF8, None, None)
    if failed or library.espeak_Synchronize():
        raise SpeechLRPError(f"eSpeak NG could not say {text!r} (error {failed})")


def _until_end(event) -> Iterator[_Event]:
    index = 0
    while event[index].type:
        yield event[index]
        index += 1


def _spans(events: list[tuple[int, int, int, str]], text: str):
    """Turn the events into phonemes and words: each ends where the next begins."""
    end = max(sample for kind, sample, *_ in events if kind in (_PHONEME, _END))
    marks = [event for event in events if event[0] in (_WORD, _PHONEME)]
    starts = [*[event[1] for event in marks if event[0] == _PHONEME][1:], end]
    phonemes: list[Span] = []
    words: list[tuple[int, list[Span]]] = []
    for kind, sample, position, name in marks:
        if kind == _WORD:
            words.append((position - 1, []))
            continue
        span = Span(name, sample, starts.pop(0))
        if not name:  # a pause
            continue
        phonemes.append(span)
        if words:
            words[-1][1].append(span)
    return tuple(phonemes), tuple(_words(words, text))


def _words(heard: list[tuple[int, list[Span]]], text: str) -> Iterator[Span]:
    """Name the words by where they begin in the text.

    eSpeak NG says some pairs as one ("of the"), and of others ("most of") places both words
    within the first; either pair is one word here.
    """
    tokens = list(re.finditer(r"\S+", text))
    said: dict[int, list[Span]] = {}
    for at, parts in heard:
        said.setdefault(max(k for k, t in enumerate(tokens) if t.start() <= at), []).extend(parts)
    for (first, parts), following in zip(said.items(), [*said, len(tokens)][1:], strict=True):
        names = [token[0].strip(_PUNCTUATION) for token in tokens[first:following]]
        if parts:
            yield Span(" ".join(name for name in names if name), parts[0].start, parts[-1].end)


@contextmanager
def _library(callback, seed: int) -> Iterator[ctypes.CDLL]:
    """Load the library afresh, and unload it, so that no state outlives the utterance."""
    path, data = find_library()
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise SpeechLRPError(f"eSpeak NG's library does not load: {error}") from error
    try:
        options = _PHONEMES_IN_IPA_WITHOUT_EXIT
        if library.espeak_Initialize(_SYNCHRONOUS, 200, data.encode(), options) != SAMPLE_RATE:
            raise SpeechLRPError(
                f"eSpeak NG does not start with the voices in {data}; "
                "run `pip install --force-reinstall 'speechlrp[synth]'`"
            )
        library.espeak_SetSynthCallback(callback)
        library.espeak_ng_SetRandSeed(ctypes.c_long(seed))
        ctypes.CDLL(None).srand(ctypes.c_uint(seed))
        yield library
    finally:
        library.espeak_Terminate()
        dlclose(library._handle)


@cache
def find_library() -> tuple[str, str]:
    """Where the library and its voices are; asked before workers begin, it is refused once.

    Raises:
        SpeechLRPError: the wheel is not installed.
    """
    try:
        import espeakng_loader
    except ImportError:
        raise SpeechLRPError(
            "speech synthesis needs the package espeakng-loader, which is not installed; "
            "run `pip install 'speechlrp[synth]'`"
        ) from None
    return espeakng_loader.get_library_path(), _short(espeakng_loader.get_data_path())


def _short(path: str) -> str:
    """Give a path that fits eSpeak NG's buffer: itself, or a link to it."""
    if len(path) <= _LONGEST_PATH:
        return path
    folder = tempfile.mkdtemp(prefix="espeak-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    link = Path(folder) / "espeak-ng-data"
    os.symlink(path, link)
    return str(link)
