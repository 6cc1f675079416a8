"""What was turned back to sound, as tables of players."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

import pandas as pd
from markupsafe import Markup, escape

from speechlrp.report.accuracy_tables import TABLE
from speechlrp.report.page import Section

HEARD = {
    "whole": "whole",
    "for": "only what speaks for it",
    "against": "only what speaks against it",
}
HEAD, CELL = Markup('<th scope="col">{}</th>'), Markup("<td>{}</td>")


@dataclass(frozen=True)
class Players:
    """A table with a player in every cell; its sounds are linked, not embedded."""

    rows: Mapping[str, Mapping[str, Mapping[str, Any] | None]]
    """Name of a row -> name of a column -> a sound's row of the index, or None."""
    corner: str  # what the rows are
    caption: str  # above the table
    base: str = ""  # where the files are, from the page, such as ``"../listen/train-test/"``
    note: str = ""  # below the table
    tags: Sequence[str] = ()
    kind: ClassVar[str] = "table"
    folded: ClassVar[bool] = False

    @property
    def columns(self) -> list[str]:
        """Their names, in the order of their first appearance."""
        return list(dict.fromkeys(name for row in self.rows.values() for name in row))

    @property
    def html(self) -> Markup:
        """The table as HTML."""
        head = [HEAD.format(name) for name in (self.corner, *self.columns)]
        rows = [
            [Markup('<th scope="row">{}</th>').format(row)]
            + [CELL.format(self._cell(f"{row}, {name}", cells.get(name))) for name in self.columns]
            for row, cells in self.rows.items()
        ]
        body = [Markup("<tr>{}</tr>").format(Markup("").join(row)) for row in rows]
        return TABLE.format(Markup("").join(head), Markup("").join(body))

    def _cell(self, label: str, sound: Mapping[str, Any] | None) -> Markup:
        if sound is None:
            return Markup("")
        if not sound["file"]:
            return escape("no frame" if sound["source"] == "patterns" else "no bin speaks so")
        return Markup(
            '<audio controls preload="none" style="width: 13rem" src="{}" aria-label="{}"></audio>'
            "<small>{}</small>"
        ).format(self.base + quote(sound["file"]), label, _told(sound))


def _told(sound: Mapping[str, Any]) -> str:
    """What was measured of a sound."""
    if sound["source"] == "recordings":
        told = Markup("<bdi>{}</bdi> {:.1%}; the network says <bdi>{}</bdi>")
        return told.format(sound["letter"], sound["score"], sound["heard"])
    if sound["source"] == "utterances":
        return f"‘{sound['heard']}’: {sound['score']:.0%} of the letters wrong"
    return f"{sound['seconds']:.2f} s, {sound['distance_db']:.1f} dB"


def listening(index: pd.DataFrame, settings: Mapping[str, Any], base: str = "") -> list[Section]:
    """The sections of what can be listened to, one a source.

    Args:
        index: columns file ('' where there is no such sound), source, what, letter, place,
            beside, seconds, distance_db, heard, score.
        settings: `strength`, `share` and `floor_db`, as the sounds were made.
        base: the folder of the files as seen from the page, ending in ``/``; '' beside it.
    """
    index = index.fillna({"file": "", "letter": "", "beside": "", "heard": ""})
    makers = {"patterns": _patterns, "maximized": _maximized}
    makers |= {"utterances": _sides, "recordings": _sides}
    parts = {name: index[index.source == name] for name in makers}
    return [makers[name](part, settings, base) for name, part in parts.items() if len(part)]


NUMBER = (
    "Below each player: its length, and the distance in dB between the sound's own log-mel "
    "spectrogram and the one asked for (root mean square over bins, from the loudest down to 60 dB "
    "below it, gain left out). Phases are made up (Griffin and Lim), and every sound is brought to "
    "one peak."
)


def _patterns(part: pd.DataFrame, settings: Mapping[str, Any], base: str) -> Section:
    rows: dict[str, dict[str, Any]] = {}
    for sound in part.to_dict("records"):
        rows.setdefault(sound["letter"] or "all letters", {})[sound["place"]] = sound
    intro = (
        "A pattern is what the frames of a letter share beyond what all letters' frames share: a "
        "difference, which has no sound of its own. Here each lies over the mean of all letters' "
        f"frames, so strong that its largest value is {settings['strength']:g} deviations of an "
        "utterance's levels; the first row is that mean alone."
    )
    caption = "What the frames of a letter share, by alignment."
    return Section("Patterns to listen to", intro, [Players(rows, "letter", caption, base, NUMBER)])


def _maximized(part: pd.DataFrame, settings: Mapping[str, Any], base: str) -> Section:
    rows = {sound["place"]: {"what it wants": sound} for sound in part.to_dict("records")}
    intro = (
        "The input that activates a neuron most, over the frames that it sees, at the level and "
        "spread of a usual utterance. It is no speech: nothing but the network asked for it."
    )
    players = Players(rows, "neuron", "Maximised inputs.", base, NUMBER)
    return Section("Maximised inputs to listen to", intro, [players])


def _sides(part: pd.DataFrame, settings: Mapping[str, Any], base: str) -> Section:
    rows: dict[str, dict[str, Any]] = {}
    for sound in part.to_dict("records"):
        rows.setdefault(f"{sound['place']}: {sound['letter']}", {})[HEARD[sound["what"]]] = sound
    rows = {name: {what: row.get(what) for what in HEARD.values()} for name, row in rows.items()}
    intro = (
        f"What an explanation rests on: the {settings['share']:.0%} of a recording's bins that "
        "speak most for what is explained, or against it, are kept, and all others turned down by "
        f"{-settings['floor_db']:g} dB; phases are the recording's own, and every sound is brought "
        "to one peak. Below each player stands what the network says of the sound."
    )
    kind = part.source.iloc[0]
    caption = "What speaks for the decision, and what against it."
    title = f"{kind.capitalize()} to listen to"
    return Section(title, intro, [Players(rows, kind[:-1], caption, base)])
