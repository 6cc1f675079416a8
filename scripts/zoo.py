"""Which models of public speech libraries are explained, refused or wrong: ``results/zoo.md``.

    python scripts/zoo.py [--only wav2vec2,Conformer] [--write results/zoo.md]

Every model class of whichever of torchaudio, transformers, speechbrain, torchcrepe and
resemblyzer is installed, small and with seeded random weights, in float64. "explained": with
LRP-0 and halves the relevance equals that of ``zoo_reference.py``, which shares nothing with
the engine, to 1e-7 of its largest value (1e-3 for models that hold constants in single
precision); "refused": by which operation; "wrong": anything else. The second verdict is for the
rule that takes gates and attention weights for constants, and asks where it finds no gate. The
libraries are no dependencies: install what is wanted.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import logging
import platform
import re
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import torch
import zoo_reference
from torch import Tensor, nn
from zoo_models import Made

from speechlrp.audio.backend import load_torchaudio
from speechlrp.lrp import Composite, LRPError, NotExplainable, Uniform, Zero, attribute

LIBRARIES = ("torchaudio", "transformers", "speechbrain", "torchcrepe", "resemblyzer")
HALVES = Composite([(nn.Module, Uniform()), (nn.Module, Zero())])
GATES = Composite([(nn.Module, Zero())])
CLOSE = {torch.float64: 1e-7, torch.float32: 1e-3}


def rows(only: list[str]) -> Iterator[tuple[str, str, str, str]]:
    """Library, model, verdict, verdict with gates as constants."""
    for library in LIBRARIES:
        if importlib.util.find_spec(library) is None:
            continue
        models = importlib.import_module(f"zoo_models.of_{library}").models()
        for name, make in models:
            if only and not any(part in name for part in only):
                continue
            model, x = prepared(make)
            yield library, name, halves(model, x), gates(model, x)


def prepared(make: Callable[[], Made]) -> Made:
    """The model and its input in double precision; in single where it holds constants in that."""
    for dtype in (torch.float64, torch.float32):
        torch.set_default_dtype(dtype)
        torch.manual_seed(0)
        model, x = make()
        model = model.to(dtype).eval().requires_grad_(False)
        try:
            with torch.no_grad():
                model(x)
        except RuntimeError:
            if dtype == torch.float32:
                raise
        else:
            break
    return model, x


def halves(model: nn.Module, x: Tensor) -> str:
    """The verdict on an explanation with LRP-0 and halves."""
    with torch.no_grad():
        expected, again = model(x), model(x)
    if not torch.equal(expected, again):
        return "draws random numbers"
    c = torch.randn_like(expected)
    try:
        output, relevance = attribute(model, x, c, HALVES)
    except LRPError as error:
        return f"refused: {reason(error)}"
    close = CLOSE[x.dtype]
    if not torch.allclose(output, expected, rtol=close, atol=close):
        return "wrong: another output"
    reference = zoo_reference.relevance(model, x, c)
    apart = float((relevance - reference).abs().max() / reference.abs().max())
    return "explained" if apart < close else f"wrong: {apart:.1e} of the largest value apart"


def gates(model: nn.Module, x: Tensor) -> str:
    """Whether it is explained with gates as constants."""
    try:
        output, _ = attribute(model, x, lambda z: z.sum(), GATES)
    except NotExplainable as error:
        return "asks for the gate" if "which is the gate" in str(error) else reason(error)
    except LRPError as error:
        return reason(error)
    return "explained" if bool(output.isfinite().all()) else "not finite"


def reason(error: LRPError) -> str:
    """The operation and what it does, out of a message."""
    return re.sub(r" in (module '.*?'|the model's own forward) \(\w+\)|; .*|\|", "", str(error))


def page(found: list[tuple[str, str, str, str]]) -> str:
    """The table, with how many of each kind there are."""
    kinds = {kind: sum(row[2].startswith(kind) for row in found) for kind in
             ("explained", "refused", "wrong", "draws")}  # fmt: skip
    installed = sorted({row[0] for row in found})
    versions = ", ".join(f"{one} {version(one)}" for one in ["torch", *installed])
    head = [
        "# Models of public libraries",
        "",
        f"`python scripts/zoo.py` on {platform.machine()}, {versions}: of {len(found)} models "
        f"{kinds['explained']} are explained, {kinds['refused']} refused and {kinds['wrong']} "
        f"wrong; {kinds['draws']} draw random numbers. The script says what that means.",
        "",
        "| library | model | LRP-0 and halves | gates as constants |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *(f"| {' | '.join(row)} |" for row in found)]) + "\n"


def main() -> None:
    """Print each verdict, and write the table where asked."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="parts of models' names, with commas")
    parser.add_argument("--write", type=Path, help="the table's file")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    if importlib.util.find_spec("torchaudio"):
        load_torchaudio()  # before others import it, which fails beside some builds of torch
    found = []
    for row in rows([part for part in options.only.split(",") if part]):
        found.append(row)
        print(*row, sep="  ", flush=True)
    if options.write:
        options.write.write_text(page(found))


if __name__ == "__main__":
    main()
