"""The page of a run: its sections, its facts and the records of its stages, as files."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from speechlrp.artifacts.atomic import write_bytes, write_csv, write_text
from speechlrp.config.schema import Config
from speechlrp.models import model_title
from speechlrp.pipeline.contents import RunFiles, other_run, run_files
from speechlrp.pipeline.record import FILE, fingerprint
from speechlrp.pipeline.stage import Context
from speechlrp.report.blocks import Figure, Folded, Table, Text
from speechlrp.report.explorer import Explorer
from speechlrp.report.page import Page, Section, render
from speechlrp.report.paper import stands_beside

PAGE_BYTES = 9_700_000
"""What the page may grow to; recordings of the explorer that do not fit lie beside it."""

LEAST_BYTES = 1_000_000
"""Of the explorer's recordings inside the page, however much else there is."""


def write_page(
    context: Context, files: RunFiles, sections: list[Section], facts: dict[str, object]
) -> None:
    """Write `index.html`, `figures/*.png` and `tables/*.csv`, of the sections with content."""
    parts = [part for part in sections if part.blocks]
    rest = [
        replace(part, blocks=[block for block in part.blocks if not isinstance(block, Explorer)])
        for part in parts
    ]
    room = max(LEAST_BYTES, PAGE_BYTES - len(render(_page(context.config, files, rest, facts))))
    maps = sum(block.maps for part in parts for block in part.blocks if isinstance(block, Explorer))
    parts = [_written(context.folder, part, room / max(maps, 1)) for part in parts]
    page = _page(context.config, files, parts, facts)
    write_text(context.folder / "index.html", render(page))
    context.note("sections", [part.title for part in parts])
    texts = [block.text for block in parts[0].blocks if isinstance(block, Text)] if parts else []
    context.note("found", "\n\n".join(texts))


def beside(config: Config, files: RunFiles) -> str | None:
    """The work whose numbers and figures stand beside this run's, if any."""
    made = [
        files.records[where].config for where in ("preprocess", "train") if where in files.records
    ]
    settings = {key: value for one in made for key, value in one.items()}
    return config.paper if stands_beside(config.paper, settings) else None


def everything(config: Config) -> dict[str, dict]:
    """The records of all stages that the page draws on."""
    files = run_files(config)
    inputs = {where: fingerprint(files.path(where, FILE)) for where in files.records}
    for name in config.beside:
        other = other_run(config, name)
        inputs |= {f"{name}/{w}": fingerprint(other.path(w, FILE)) for w in other.of("flip")}
    return inputs


def _page(config: Config, files: RunFiles, parts: list[Section], facts: dict) -> Page:
    records = files.records
    details = {
        where: json.dumps(
            {"command": r.command, "commit": r.commit, "seconds": r.seconds, "config": r.config},
            indent=2,
        )
        for where, r in records.items()
    }
    details["versions"] = json.dumps(next(iter(records.values())).versions, indent=2)
    subtitle = f"{config.task.name} from {config.dataset['name']}, {model_title(config.model)}"
    return Page(config.run, subtitle, facts, parts, details)


def _written(folder: Path, part: Section, room: float) -> Section:
    """Write a section's figures, tables and recordings as files; its figures lead to theirs.

    The explorers of a page share its room by the maps that they show, `room` bytes each.
    """
    numbers = count(1)
    return replace(part, blocks=[_put(folder, part.title, numbers, b, room) for b in part.blocks])


def _put(folder: Path, section: str, numbers: Iterator[int], block: Any, room: float) -> Any:
    number = next(numbers)
    if isinstance(block, Figure):
        path = f"figures/{_file_name(section, number, block)}.png"
        write_bytes(folder / path, block.image)
        return replace(block, file=path)
    if isinstance(block, Table):
        frame = block.frame.reset_index() if block.index else block.frame
        write_csv(folder / "tables" / f"{_file_name(section, number, block)}.csv", frame)
    elif isinstance(block, Folded):
        inner = [_put(folder, section, numbers, one, room) for one in block.blocks]
        return replace(block, blocks=inner)
    elif isinstance(block, Explorer):
        block = replace(block, inside_bytes=int(room * block.maps))
        for path, script in block.beside:
            write_text(folder / path, script)
    return block


def _file_name(section: str, number: int, block: Figure | Table) -> str:
    """Such as ``flipping-02-table-6.1-baseline-zero``."""
    head = re.split(r": |\. |,|;", block.caption)[0]
    words = " ".join([section, f"{number:02d}", head, *block.tags[1:]])
    return re.sub(r"[^a-z0-9.]+", "-", words.lower()).strip("-.")[:100]
