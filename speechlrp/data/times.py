"""When words and phonemes were said: `speechlrp synth`'s tables, TextGrid or CTM files."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from speechlrp.artifacts.tables import read_csv
from speechlrp.config.schema import Config
from speechlrp.corpora.gathering import is_hidden
from speechlrp.corpora.text import composed
from speechlrp.corpora.textgrid import SILENT, Interval, intervals_of, read_ctm, read_textgrid
from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.measures.segments import REMOVAL, removal_agreement, segments
from speechlrp.measures.trust import interval
from speechlrp.pipeline.stage import Context
from speechlrp.timing.linking import SPAN

Removal = Callable[[str, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""An example's id and bool frames of segments ``[n, T]`` -> their relevance, and what the target
loses when they become the explanation's reference, ``[n]`` each."""
DRAWS = 1000
"""Of the interval over recordings."""
TIERS = ("phoneme", "word")
MEND = (
    "times are known of what `speechlrp synth` made (again with --force), or from a forced "
    "aligner's TextGrid or CTM files (times.path=FOLDER)"
)


def has_times(config: Config, kind: str) -> bool:
    """Whether a folder of times is named, or the corpus has a table of this kind of its own."""
    return config.times.path is not None or any(_files(config, kind))


def times_on_disk(config: Config) -> dict[str, str]:
    """A digest of the files of times, where there are any."""
    paths = [*_files(config, *TIERS), *(_grids(config.times.path) if config.times.path else ())]
    digest = hashlib.sha256()
    for path in paths:
        facts = path.stat()
        digest.update(f"{path.name} {facts.st_size} {facts.st_mtime_ns}\n".encode())
    return {"times": digest.hexdigest()} if paths else {}


def read_times(config: Config, kind: str, recordings: pd.DataFrame) -> pd.DataFrame:
    """When the words or phonemes of some recordings were said.

    `times` of the configuration names the folder and the tiers, by default the corpus's folder;
    `kind` is ``"phoneme"`` or ``"word"``. Files name recordings (with id, path and speaker) by id,
    or as their audio files. What aligners call silence is neither; where in its word a phoneme
    stands, as Kaldi has it in ``AH0_B``, is taken off.

    Returns:
        Columns id, phoneme or word, start_s, end_s, a row each, in order of time; none where
        nothing is known.

    Raises:
        SpeechLRPError: a file that is damaged or not to be told from another; a named folder
            without any.
    """
    path, folder = next(iter(_files(config, kind)), None), config.times.path
    if path is None:
        tier = tier_of(config, kind)
        asked = folder and (_grids(folder) or not _files(config, *TIERS))
        spans = _aligned(folder, recordings, tier) if folder and asked else ()
        return _ordered(_labelled(kind, spans), kind)
    if path.suffix == ".csv":
        times = read_csv(path, MEND, ["id", kind, *SPAN])
    else:
        times = _labelled(kind, ((name, i) for name, held in read_ctm(path) for i in held))
    _check(times, kind, path)
    return _ordered(times.assign(id=_known(times.id, recordings)), kind)


def _ordered(times: pd.DataFrame, kind: str) -> pd.DataFrame:
    """What is said of recordings that there are, in order of time; each once, and no silence."""
    labels = times[kind].str.strip()
    if kind == "phoneme":
        labels = labels.str.replace(r"_[BIES]$", "", regex=True)
    times = times[["id", kind, *SPAN]].assign(**{kind: labels})[~labels.str.lower().isin(SILENT)]
    return times.dropna(subset="id").drop_duplicates().sort_values(["id", *SPAN], kind="stable")


def spoken_in(times: pd.DataFrame, one: Any) -> list[tuple[float, float, str]]:
    """What is said in an example: begin and end in s on its time axis, and the text.

    Times are as of `read_times`; the example has source, start_s, duration_s and onset_s.
    """
    of_one = times[times.id == one.source]
    shift = one.onset_s - one.start_s
    first, last = one.start_s, one.start_s + one.duration_s
    inside = of_one[(of_one.end_s > first) & (of_one.start_s < last)]
    return [
        (begin + shift, end + shift, text) for _, text, begin, end in inside.itertuples(index=False)
    ]


def check_tier(config: Config, kind: str) -> None:
    """Say which tiers the TextGrid files have, if theirs is not one of them."""
    tier = tier_of(config, kind)
    for grid in (_grids(config.times.path) if config.times.path else [])[:1]:
        tiers = read_textgrid(grid)
        if tier not in tiers:
            raise unknown(f"tier of {grid} (times.{kind}s)", tier, tiers)


def tier_of(config: Config, kind: str) -> str:
    """The tier of TextGrid files, or the name of the CTM file, that holds words or phonemes."""
    return getattr(config.times, f"{kind}s")


def _files(config: Config, *kinds: str) -> list[Path]:
    """The tables and CTM files of words or phonemes that there are."""
    where = config.times.path or config.dataset.get("root")
    names = [n for kind in kinds for n in (f"{kind}s.csv", f"{tier_of(config, kind)}.ctm")]
    return [path for path in (Path(where) / name for name in names if where) if path.is_file()]


def _grids(folder: str) -> list[Path]:
    """The TextGrid files in a folder; hidden ones, such as macOS leaves, are not."""
    paths = sorted(p for p in Path(folder).rglob("*") if p.suffix.lower() == ".textgrid")
    return [p for p in paths if not any(map(is_hidden, p.relative_to(folder).parts))]


def _known(names: pd.Series, recordings: pd.DataFrame) -> pd.Series:
    """The ids of recordings that files name by id or by the name of the audio file; else NaN."""
    stems = recordings.path.map(_stem)
    alone = ~stems.duplicated(keep=False)
    ids = dict(zip(stems[alone], recordings.id[alone], strict=True))
    ids |= dict(zip(recordings.id, recordings.id, strict=True))
    return names.map(lambda name: ids.get(composed(name.strip())))


def _stem(path: str | Path) -> str:
    """A file's name without its suffix, as names are written here; macOS writes accents apart."""
    return composed(Path(path).stem)


def _check(times: pd.DataFrame, kind: str, path: Path) -> None:
    is_time = np.isfinite(times[SPAN]).all(axis=1) & (times.start_s >= 0)
    wrong = np.flatnonzero(~is_time | (times.end_s < times.start_s))
    if len(wrong):
        first = times.iloc[wrong[0]]
        raise SpeechLRPError(
            f"{path}, row {wrong[0] + 1}: {first[kind]!r} is from {first.start_s} to "
            f"{first.end_s} s: {MEND}"
        )


def _labelled(kind: str, spans: Any) -> pd.DataFrame:
    rows = [(name, i.text, i.start_s, i.end_s) for name, i in spans]
    types = {"id": str, kind: str, **dict.fromkeys(SPAN, np.float64)}
    return pd.DataFrame(rows, columns=[*types]).astype(types)


def _aligned(folder: str, recordings: pd.DataFrame, tier: str) -> Iterator[tuple[str, Interval]]:
    """What a tier of the TextGrid files holds, of the files that have it."""
    grids: dict[str, list[Path]] = {}
    for path in _grids(folder):
        grids.setdefault(_stem(path), []).append(path)
    if not grids:
        raise SpeechLRPError(
            f"times.path is {folder}: there is no .TextGrid file, {tier}.ctm, "
            "phonemes.csv or words.csv"
        )
    for recording in recordings.itertuples():
        grid = _grid_of(recording, grids)
        for span in intervals_of(grid, tier) if grid else ():
            yield recording.id, span


def _grid_of(recording: Any, grids: dict[str, list[Path]]) -> Path | None:
    """The file named by the recording's id or as its audio file; of several, its speaker's."""
    for name in (recording.id, _stem(recording.path)):
        paths = grids.get(name, [])
        if len(paths) > 1:
            of_speaker = [path for path in paths if path.parent.name == recording.speaker]
            if len(of_speaker) != 1:
                raise SpeechLRPError(
                    f"{len(paths)} TextGrid files are named {name} ({paths[0]}, {paths[1]}); put "
                    f"that of {recording.id} into a folder named {recording.speaker}"
                )
            return of_speaker[0]
        if paths:
            return paths[0]
    return None


def write_segments(
    context: Context,
    examples: pd.DataFrame,
    profiles: Sequence[np.ndarray],
    times: Sequence[np.ndarray],
    removal: Removal | None = None,
) -> None:
    """Write `segments.csv`: a row a word or phoneme, with its times in its recording.

    Examples have id, source, path, speaker, start_s, onset_s and duration_s; of each, `profiles` is
    the absolute relevance of its frames `[T]` and `times` their middles in s `[T]`; `removal` says
    what segments hold and cost, if that is asked.
    """
    recordings = examples.drop(columns="id").rename(columns={"source": "id"})
    recordings = recordings.drop_duplicates("id")
    parts, name = [], context.config.explainer["name"]
    for tier in (tier for tier in TIERS if has_times(context.config, tier)):
        known = dict(iter(read_times(context.config, tier, recordings).groupby("id")))
        for one, profile, time in zip(examples.itertuples(), profiles, times, strict=True):
            if one.source in known and (spoken := spoken_in(known[one.source], one)):
                span = (one.onset_s, one.onset_s + one.duration_s)
                table = segments(profile, time, spoken, span)
                if removal:
                    begin, end = table[["start_s", "end_s"]].to_numpy().T[..., None]
                    numbers = removal(one.id, (time >= begin) & (time < end))
                    table = table.assign(**dict(zip(REMOVAL, numbers, strict=True)))
                table[["start_s", "end_s"]] += one.start_s - one.onset_s
                parts.append(table.assign(recording=one.id, explainer=name, tier=tier))
    if parts:
        table = pd.concat(parts)
        if removal:
            _tell(context, table)
        first = ["recording", "explainer", "tier"]
        context.write(segments=table[[*first, *table.columns[:-3]]])


def _tell(context: Context, table: pd.DataFrame) -> None:
    """Say whether segments that hold more are those whose removal costs more."""
    for tier, part in table.groupby("tier", sort=False):
        each = removal_agreement(part)
        if len(each):
            mean, low, high = interval(each[None], draws=DRAWS)
            context.say(
                f"relevance of a {tier} and what its removal costs: rank correlation {mean:.2f} "
                f"({low:.2f} to {high:.2f} over {len(each)} recordings)"
            )
            context.note(f"removal_{tier}", {"mean": mean, "low": low, "high": high})
