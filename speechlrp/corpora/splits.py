"""Cuts recordings into training, validation and test data, by seed.

A split is ``{recording id: "train" | "validate" | "test"}``; recordings that are left
out are not in it. It depends on the seed and on which recordings there are, never on
their order. Speakers are ranked by a hash of seed and name, so a speaker's rank stays
when others come or go.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from speechlrp.corpora.recording import Recording, by_speaker, rank, some, tasks
from speechlrp.corpora.splits_unseen import Unseen, without_unseen
from speechlrp.errors import SpeechLRPError, unknown

SUBSETS = ("train", "validate", "test")
UNITS = ("speaker", "transcript", "recording")
Groups = dict[str, dict[str, list[Recording]]]  # class -> unit (speaker or id) -> recordings


def seeded(
    recordings: Sequence[Recording],
    *,
    label: str | None,
    seed: int,
    train: int | float = 0.5,
    validate: int | float = 0.25,
    test: int | float = 0.25,
    unit: str = "speaker",
    balance: str | None = None,
    min_recordings: int = 1,
    unseen: Unseen = None,
) -> dict[str, str]:
    """Cut by seed, so that no speaker is in two subsets (or no transcript, or at random).

    Where the label is a property of the speaker (gender), ``balance="equal"`` puts
    equally many speakers of every class into each subset and leaves out the surplus of
    the larger classes. Where it varies within a speaker (digit), speakers are cut as
    they come: all their recordings go together.

    Args:
        recordings: what to cut; those without the label are left out.
        label: the task, as in `Recording.label`; None where there are no classes to balance.
        seed: another seed, another cut.
        train: whole numbers are counts of units over all classes (``12``), fractions
            (``0.5``) shares of the units that can be used. All three alike; 0 is either.
        validate: the same for validation.
        test: the same for the test.
        unit: ``"speaker"``; ``"transcript"``, so that no two subsets share one, whoever says
            it; or ``"recording"``. With the last two a speaker may be in several subsets.
        balance: ``"equal"`` (default by speaker) or ``"proportional"`` (default
            otherwise), which cuts every class by the same fractions and leaves out none.
        min_recordings: speakers with fewer labelled recordings are left out.
        unseen: speakers in no subset, see `unseen_speakers`.

    Raises:
        SpeechLRPError: no recording has the label, there are too few speakers, counts
            cannot be shared equally by the classes, or an option is out of range.
    """
    shares = _shares(train, validate, test)
    balance = balance or ("equal" if unit == "speaker" else "proportional")
    for kind, name, known in (
        ("unit", unit, UNITS),
        ("balance", balance, ("equal", "proportional")),
    ):
        if name not in known:
            raise unknown(kind, name, known)
    seen = without_unseen(labelled(recordings, label), unseen, seed)
    groups = _groups(_usable(seen, min_recordings), label, unit)
    counts = _counts(groups, shares, balance, unit)
    return _deal(groups, counts, seed)


def thesis(recordings: Sequence[Recording], *, label: str, seed: int) -> dict[str, str]:
    """T's 24 speakers: 12, 6 and 6, half of each women, drawn by seed (T 4.1).

    T does not say which speakers they were. All recordings of a chosen speaker that
    have the label are taken, whatever the label is; the speakers are always balanced by
    gender.

    Raises:
        SpeechLRPError: fewer than 12 women or 12 men, or a label or gender is not known.
    """
    usable = labelled(labelled(recordings, label), "gender")
    return seeded(usable, label="gender", seed=seed, train=12, validate=6, test=6)


def everything(
    recordings: Sequence[Recording], *, label: str | None, seed: int, unseen: Unseen = None
) -> dict[str, str]:
    """Everything is test: for a corpus that a network was not trained on.

    Those without the label are left out; `unseen` speakers, drawn by seed, are kept for trials
    alone, see `unseen_speakers`.

    Raises:
        SpeechLRPError: none has the label.
    """
    seen = without_unseen(labelled(recordings, label), unseen, seed)
    return {r.id: "test" for r in seen}


def labelled(recordings: Sequence[Recording], label: str | None) -> list[Recording]:
    """Return the recordings that have the label; all of them where it is None.

    Raises:
        SpeechLRPError: none has; says which labels there are.
    """
    chosen = [r for r in recordings if label is None or r.label(label) is not None]
    if not chosen:
        raise SpeechLRPError(
            f"none of the {len(recordings)} recordings has the label {label!r}; "
            f"known: {', '.join(tasks(recordings)) or 'none'}"
        )
    return chosen


def _shares(*shares: int | float) -> tuple[int, ...] | tuple[float, ...]:
    """Check that train, validate and test are three counts or three fractions."""
    text = f"train={shares[0]}, validate={shares[1]}, test={shares[2]}"
    whole = all(type(s) is int for s in shares)
    shares = shares if whole else tuple(s if s else 0.0 for s in shares)
    if not whole and not all(type(s) is float for s in shares):
        raise SpeechLRPError(
            f"a split needs three counts (12) or three fractions (0.5), not both: {text}"
        )
    if min(shares) < 0 or sum(shares) == 0 or (not whole and sum(shares) > 1 + 1e-9):
        raise SpeechLRPError(
            f"a split's counts must not be negative, nor its fractions sum to more than 1: {text}"
        )
    return shares


def _usable(recordings: Sequence[Recording], least: int) -> list[Recording]:
    """Leave out speakers with fewer than `least` recordings."""
    speakers = by_speaker(recordings)
    kept = [r for r in recordings if len(speakers[r.speaker]) >= least]
    if not kept:
        most = max(map(len, speakers.values()))
        raise SpeechLRPError(f"no speaker has min_recordings={least}; the most is {most}")
    return kept


def _groups(recordings: Sequence[Recording], label: str | None, unit: str) -> Groups:
    """Arrange what is to be dealt by class; one class "" where speakers have several labels."""
    groups: Groups = defaultdict(dict)
    if label is None or unit == "transcript":
        return {"": _units(recordings, unit)}
    if unit == "recording":
        for recording in recordings:
            groups[str(recording.label(label))][recording.id] = [recording]
        return dict(groups)
    if label == "speaker":
        raise SpeechLRPError(
            "label=speaker cannot be cut by speaker: no class would be in two subsets; "
            "use unit=recording"
        )
    speakers = by_speaker(recordings)
    labels = {s: {str(r.label(label)) for r in utterances} for s, utterances in speakers.items()}
    single = all(len(names) == 1 for names in labels.values())
    for speaker, utterances in speakers.items():
        groups[min(labels[speaker]) if single else ""][speaker] = utterances
    return dict(groups)


def _units(recordings: Sequence[Recording], unit: str) -> dict[str, list[Recording]]:
    """Gather the recordings of each speaker, transcript or id."""
    name = {"speaker": "speaker", "transcript": "transcript", "recording": "id"}[unit]
    units = defaultdict(list)
    for recording in recordings:
        if getattr(recording, name) is not None:
            units[getattr(recording, name)].append(recording)
    if not units:
        raise SpeechLRPError(f"none of the {len(recordings)} recordings has a {unit}")
    return dict(units)


def _counts(
    groups: Groups, shares: Sequence[int | float], balance: str, unit: str
) -> dict[str, list[int]]:
    """Say how many units of each class every subset gets."""
    sizes = {name: len(units) for name, units in groups.items()}
    have = ", ".join(f"{n} {name}".strip() for name, n in sorted(sizes.items()))
    if type(shares[0]) is int:
        if balance == "proportional" and len(groups) > 1:
            raise SpeechLRPError("balance=proportional needs fractions, such as train=0.5")
        counts = dict.fromkeys(
            groups, _per_class([int(share) for share in shares], sorted(groups), unit)
        )
    elif balance == "equal":
        counts = dict.fromkeys(groups, _apportion(min(sizes.values()), shares))
    else:
        counts = {name: _apportion(size, shares) for name, size in sizes.items()}
    for name, sizes_here in counts.items():
        empty = any(share and not n for share, n in zip(shares, sizes_here, strict=True))
        if sum(sizes_here) > sizes[name] or empty:
            wanted = "/".join(map(str, shares))
            raise SpeechLRPError(
                f"too few {unit}s of class {name!r} for a split {wanted}"
                f"{f' with {sizes_here} of them' if not empty else ''}: there are {have}"
                if name
                else f"too few {unit}s for a split {wanted}: there are {have}"
            )
    return counts


def _per_class(counts: Sequence[int], classes: Sequence[str], unit: str) -> list[int]:
    """Share each subset's count equally among the classes."""
    for subset, count in zip(SUBSETS, counts, strict=True):
        if count % len(classes):
            raise SpeechLRPError(
                f"{subset}={count} {unit}s cannot be shared equally by {len(classes)} classes "
                f"({some(classes)}); use a multiple of {len(classes)}"
            )
    return [count // len(classes) for count in counts]


def _apportion(size: int, shares: Sequence[float]) -> list[int]:
    """Cut `size` by fractions into whole numbers, the largest remainders first."""
    quotas = [share * size for share in shares]
    counts = [int(quota + 1e-9) for quota in quotas]
    order = sorted(range(len(shares)), key=lambda i: (counts[i] - quotas[i], i))
    for i in order[: int(sum(quotas) + 0.5) - sum(counts)]:
        counts[i] += 1
    return counts


def _deal(groups: Groups, counts: Mapping[str, Sequence[int]], seed: int) -> dict[str, str]:
    """Give each class's units to the subsets in the order of their hashes."""
    split: dict[str, str] = {}
    for name, units in groups.items():
        ranked = iter(sorted(units, key=lambda unit: rank(seed, unit)))
        for subset, count in zip(SUBSETS, counts[name], strict=True):
            for _ in range(count):
                split.update((r.id, subset) for r in units[next(ranked)])
    return dict(sorted(split.items()))
