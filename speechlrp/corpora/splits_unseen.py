"""Speakers that no network sees in training: those of a verification test.

Their recordings are in no subset of a split. They stay in the corpus, where a list of
trials finds them.
"""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from speechlrp.corpora.recording import Recording, by_speaker, pick_speakers, rank
from speechlrp.corpora.voxceleb_lists import meant, trials
from speechlrp.errors import SpeechLRPError

Unseen = int | str | Sequence[str] | None
FORMS = (
    "give how many speakers to draw, their names as split.unseen=[A,B], the path of a list of "
    "trials, or null for none"
)


def unseen_speakers(recordings: Sequence[Recording], unseen: Unseen, seed: int) -> set[str]:
    """Say which speakers are to stay unseen.

    Args:
        recordings: of the corpus.
        unseen: how many speakers, drawn by seed among those with two recordings at least
            (one alone is the same as nothing); their names; or the path of a list in the
            layout of ``veri_test.txt``: all speakers that it compares, whichever of their
            recordings it names. None: no speaker.
        seed: another seed, other speakers.

    Raises:
        SpeechLRPError: it is something else, a speaker is not in the corpus, there are
            too few, or the list cannot be read or names no speaker of the corpus.
    """
    if unseen is None:
        return set()
    speakers = by_speaker(recordings)
    if isinstance(unseen, str):
        return _listed(recordings, unseen)
    if isinstance(unseen, Sequence) and unseen:
        return set(
            pick_speakers([str(name) for name in unseen], speakers, "the corpus (split.unseen)")
        )
    if type(unseen) is not int or unseen < 1:
        raise SpeechLRPError(f"split.unseen is {unseen!r}; {FORMS}")
    able = [name for name, utterances in speakers.items() if len(utterances) > 1]
    if unseen > len(able):
        raise SpeechLRPError(
            f"split.unseen={unseen}, but only {len(able)} of {len(speakers)} speakers have two "
            "recordings or more"
        )
    return set(sorted(able, key=lambda name: rank(seed, f"unseen/{name}"))[:unseen])


def without_unseen(
    recordings: Sequence[Recording], unseen: Unseen, seed: int
) -> Sequence[Recording]:
    """Leave out the recordings of unseen speakers; arguments as in `unseen_speakers`.

    Raises:
        SpeechLRPError: as there, or no other speaker is left.
    """
    apart = unseen_speakers(recordings, unseen, seed)
    seen = [r for r in recordings if r.speaker not in apart]
    if not seen:
        raise SpeechLRPError(
            f"split.unseen={unseen} is all {len(apart)} speakers; none is left to train on"
        )
    return seen


def _listed(recordings: Sequence[Recording], file: str) -> set[str]:
    """The speakers of a list's recordings; of those that are not there, by their folders."""
    path = Path(file).expanduser()
    if not path.exists():
        raise SpeechLRPError(f"split.unseen={file}: there is no such list of trials; {FORMS}")
    speaker_of = {r.id: r.speaker for r in recordings}
    known = set(speaker_of.values())
    names = trials(path).names
    ids = meant(names, speaker_of)
    speakers = {speaker_of[ids[name]] if name in ids else _folder(name) for name in names}
    if not speakers & known:
        raise SpeechLRPError(
            f"split.unseen={file} compares no speaker of the {len(known)} in the corpus (the "
            f"first of its recordings: {names[0]}); leave it out, nothing has to be kept apart"
        )
    return speakers & known


def _folder(name: str) -> str:
    """The speaker whom VoxCeleb's layout names: the last folder but one."""
    return PurePosixPath(name).parts[-3] if name.count("/") > 1 else ""
