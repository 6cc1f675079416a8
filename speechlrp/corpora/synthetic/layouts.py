"""The three official layouts: which files there are, and the tables beside them."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from speechlrp.corpora.synthetic.phrases import DIGITS, Script, transcript
from speechlrp.corpora.synthetic.speakers import ACCENTS, Speaker
from speechlrp.errors import SpeechLRPError

_audiomnist_id, _voxceleb_id = "{:02d}".format, "id1{:04d}".format
_CHAPTER = 25  # utterances
_VIDEO = 5  # utterances
_LONGEST_DIGIT = 0.95  # seconds; the gender model takes less than one


@dataclass(frozen=True)
class Utterance:
    """One file to be made."""

    id: str  # as the layout's reader names it
    path: str  # below the corpus's root, with forward slashes
    speaker: int  # place in the cast, from 0
    text: str  # what is said
    index: int  # the speaker's own count, from 0; part of the seed
    longest: float | None = None  # limit on the duration, in seconds


@dataclass(frozen=True)
class Request:
    """What a corpus is to hold; see `synthesise` for the fields."""

    cast: Sequence[Speaker]
    per_speaker: int
    seed: int
    digits: Sequence[int]
    sentences: Sequence[str] | None
    subset: str


@dataclass(frozen=True)
class Layout:
    """One official layout."""

    rate: int  # of the files, in samples per second
    speaker_id: Callable[[int], str]  # number -> the layout's name for a speaker
    plan: Callable[[Request], list[Utterance]]  # request -> the files to be made
    describe: Callable[[Request, list[Utterance], Mapping[str, float]], dict[str, str]]
    """Request, plan, durations in seconds by id -> tables by path."""


def _plan_audiomnist(request: Request) -> list[Utterance]:
    """``data/SS/D_SS_R.wav``: all digits once, then all again."""
    if len(request.cast) > 99:
        raise SpeechLRPError(f"AudioMNIST names speakers by two digits: {len(request.cast)} > 99")
    digits = set(request.digits)
    if not digits or not digits <= set(range(10)) or len(digits) < len(request.digits):
        raise SpeechLRPError(f"digits must be some of 0 to 9, once, not {list(request.digits)}")
    utterances = []
    for place, speaker in enumerate(request.cast):
        name = _audiomnist_id(speaker.number)
        for k in range(request.per_speaker):
            repetition, which = divmod(k, len(request.digits))
            digit = request.digits[which]
            key = f"{digit}_{name}_{repetition}"
            path = f"data/{name}/{key}.wav"
            utterances.append(Utterance(key, path, place, DIGITS[digit], k, _LONGEST_DIGIT))
    return utterances


def _describe_audiomnist(request: Request, *_: object) -> dict[str, str]:
    metadata = {
        _audiomnist_id(speaker.number): {
            "accent": speaker.accent,
            "age": "unknown",
            "gender": speaker.gender,
            "native speaker": "yes",
            "origin": f"synthetic, eSpeak NG, {speaker.voice}",
            "recordingdate": "unknown",
            "recordingroom": "none",
        }
        for speaker in request.cast
    }
    return {"data/audioMNIST_meta.txt": json.dumps(metadata, indent=4) + "\n"}


def _plan_librispeech(request: Request) -> list[Utterance]:
    """``<subset>/<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac``."""
    if not re.fullmatch(r"\w[\w-]*", request.subset):
        raise SpeechLRPError(f"subset must be a folder's name, not {request.subset!r}")
    script, utterances = Script(request.sentences, request.seed), []
    for place, speaker in enumerate(request.cast):
        name = _librispeech_id(speaker.number)
        for k, text in enumerate(script.for_speaker(speaker.number, request.per_speaker)):
            chapter = f"{100_000 + 100 * speaker.number + k // _CHAPTER}"
            key = f"{name}-{chapter}-{k % _CHAPTER:04d}"
            path = f"{request.subset}/{name}/{chapter}/{key}.flac"
            utterances.append(Utterance(key, path, place, text, k))
    return utterances


def _describe_librispeech(
    request: Request, plan: list[Utterance], seconds: Mapping[str, float]
) -> dict[str, str]:
    chapters: defaultdict[str, list[str]] = defaultdict(list)
    minutes: defaultdict[int, float] = defaultdict(float)
    for utterance in plan:
        folder, _, _ = utterance.path.rpartition("/")
        prefix, _, _ = utterance.id.rpartition("-")
        line = f"{utterance.id} {transcript(utterance.text)}\n"
        chapters[f"{folder}/{prefix}.trans.txt"].append(line)
        minutes[utterance.speaker] += seconds[utterance.id] / 60
    lines = ["; Invented speakers: eSpeak NG's voices.\n", ";\n"]
    lines.append(f";{'ID':4}|SEX| {'SUBSET':17}|MINUTES| NAME\n")
    for place, speaker in enumerate(request.cast):
        name, sex = _librispeech_id(speaker.number), speaker.gender[0].upper()
        lines.append(
            f"{name:5}| {sex} | {request.subset:17}| {minutes[place]:5.2f} | {speaker.voice}\n"
        )
    return {path: "".join(said) for path, said in chapters.items()} | {
        "SPEAKERS.TXT": "".join(lines)
    }


def _librispeech_id(number: int) -> str:
    return str(1000 + number)


def _plan_voxceleb(request: Request) -> list[Utterance]:
    """``wav/<speaker>/<video>/<number>.wav``: two sentences a file, so at least 4 s or so."""
    script, utterances = Script(request.sentences, request.seed), []
    for place, speaker in enumerate(request.cast):
        name = _voxceleb_id(speaker.number)
        said = script.for_speaker(speaker.number, 2 * request.per_speaker)
        for k in range(request.per_speaker):
            key = f"{name}/synthetic{k // _VIDEO:02d}/{k % _VIDEO + 1:05d}"
            text = " ".join(said[2 * k : 2 * k + 2])
            utterances.append(Utterance(key, f"wav/{key}.wav", place, text, k))
    return utterances


def _describe_voxceleb(request: Request, *_: object) -> dict[str, str]:
    rows = ["VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet\n"]
    for speaker in request.cast:
        name, land = _voxceleb_id(speaker.number), ACCENTS[speaker.accent]
        rows.append(f"{name}\tSynthetic_{speaker.number:04d}\t{speaker.gender[0]}\t{land}\tdev\n")
    return {"vox1_meta.csv": "".join(rows)}


LAYOUTS = {
    "audiomnist": Layout(48_000, _audiomnist_id, _plan_audiomnist, _describe_audiomnist),
    "librispeech": Layout(16_000, _librispeech_id, _plan_librispeech, _describe_librispeech),
    "voxceleb": Layout(16_000, _voxceleb_id, _plan_voxceleb, _describe_voxceleb),
}
