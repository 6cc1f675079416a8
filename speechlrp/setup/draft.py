"""A first experiment for one's own recordings, as a commented YAML that belongs to the user."""

import json
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from speechlrp.setup.choices import Choices
from speechlrp.setup.own_data import Source

WIDTH = 100
"""Characters of a line."""
LIMITS_HZ = (0, 500, 1000, 1500, 2000, 3000, 4000, 6000, 8000)
FLIPPED, COMPARED = 160, 32
"""Recordings that are flipped and compared: enough for a curve, in a minute or two."""
EXPLAINERS = "lrp_resnet_eps_gamma,lrp_resnet_eps,gradient_x_input,random"


def draft(
    source: Source, chosen: Choices, *, label: str, name: str, command: str, told: Sequence[str]
) -> str:
    """Write the YAML of an experiment, headed by the command and what was found."""
    head = [
        "@package _global_",
        f"{label} of one's own recordings, written by `{command}`",
        *told,
        *(f"caution: {caution}" for caution in chosen.cautions),
        f"The file is yours: change what you like, then `speechlrp run run={name}`. A run keeps "
        f"what it was made with; changed settings need another: run=NAME experiment={name}",
    ]
    lines = [f"# {line}" for text in head for line in wrap(text, WIDTH - 2)]
    lines += [*_defaults(source, chosen), "dataset:", _setting("root", source.root)]
    lines += [_setting(k, v) for k, v in source.settings.items() if k != "label"]  # the task's own
    lines += ["task:", _setting("name", label), "  classes:"]
    lines += [f"    - {_value(name)}" for name in chosen.classes]
    lines += [*_split(chosen), *_features(chosen), *_recipe(chosen)]
    return "\n".join(lines) + "\n"


def _defaults(source: Source, chosen: Choices) -> list[str]:
    why = chosen.reasons
    return [
        "defaults:",
        f"  - override /dataset: {source.corpus}",
        "  - override /task: own",
        _line("  - override /split: seeded", f"drawn by seed: {why['split']}"),
        _line("  - override /features: fbank", "log mel filterbanks, each band's mean made 0"),
        _line(f"  - override /model: {chosen.model}", why["model"]),
        _line("  - override /trainer: speaker", "AdamW, a one-cycle schedule"),
        "  - override /explainer: lrp_resnet_eps_gamma",
        _line("  - override /sequence: own", "the steps of `speechlrp run`"),
    ]


def _split(chosen: Choices) -> list[str]:
    split = chosen.split
    train, validate, test = split.counts
    first = "" if split.seed == 1 else ": the first with every class in every subset"
    return [
        _line(f"data_seed: {split.seed}", f"of the split{first}"),
        "split:",
        _setting("train", split.shares[0], f"{train} recordings"),
        _setting("validate", split.shares[1], f"{validate}"),
        _setting("test", split.shares[2], f"{test}"),
        _setting("unit", split.unit, chosen.reasons["split"]),
        _setting("balance", "proportional", "no recording is left out"),
    ]


def _features(chosen: Choices) -> list[str]:
    why, milliseconds, seconds = chosen.reasons, chosen.rate // 1000, chosen.length / chosen.rate
    return [
        "features:",
        _setting("rate", chosen.rate, f"Hz: {why['rate']}"),
        _setting("window", 25 * milliseconds, "samples of a frame: 25 ms"),
        _setting("hop", 10 * milliseconds, "10 ms from frame to frame"),
        _setting("bands", chosen.bands),
        _setting("length", chosen.length, f"samples of a window: {why['length']}"),
        _setting("segment_s", seconds, "what is longer is cut"),
        _setting(
            "min_segment_s",
            round(seconds / 2, 3),
            "a shorter rest is dropped; a recording that is shorter as a whole is padded",
        ),
        _setting("floor", 5.0, "digital silence is raised to about a dither's level"),
        _setting("train_from", chosen.train_from, why["train_from"]),
    ]


def _recipe(chosen: Choices) -> list[str]:
    limits = [limit for limit in LIMITS_HZ if limit <= chosen.rate // 2]
    return [
        "model:",
        _setting("bands", chosen.bands),
        "trainer:",
        _setting("loss", "cross_entropy"),
        _setting("epochs", chosen.epochs, chosen.reasons["epochs"]),
        _setting("batch_size", chosen.batch_size),
        _setting("precision", chosen.precision, chosen.reasons["precision"]),
        _setting("channels_last", True, "small convolutions are faster so on a processor"),
        "explainer:",
        _setting("bands_hz", limits, "where relevance falls"),
        "flipping:",
        _setting("limit", FLIPPED, "recordings; null: all"),
        "compare:",
        _setting("explainers", EXPLAINERS),
        _setting("examples", COMPARED),
    ]


def _setting(key: str, value: Any, why: str = "") -> str:
    return _line(f"  {key}: {_value(value)}", why)


def _line(text: str, why: str = "") -> str:
    """A line with its comment behind it; a long one stands above."""
    if not why:
        return text
    line, indent = f"{text:<38} # {why}", " " * (len(text) - len(text.lstrip()))
    return line if len(line) <= WIDTH else f"{indent}# {why}\n{text}"


def _value(value: Any) -> str:
    """A value in YAML; a text in quotes, so that none of it is a number or an interpolation."""
    if isinstance(value, bool | int | float | list) or value is None:
        return json.dumps(value)
    return json.dumps(str(value).replace("${", "\\${"), ensure_ascii=False)
