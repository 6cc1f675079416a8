"""maximize, task=letters: what does a neuron want? (K 3.2, 4.1, Fig. 1)."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import pandas as pd

from speechlrp.artifacts.maximized import open_maximized, write_maximized
from speechlrp.artifacts.shards import Shards
from speechlrp.config.schema import Config
from speechlrp.data.dataset import Spoken, dataset
from speechlrp.data.network import Recogniser, network
from speechlrp.neurons.maximize import MaximizeSettings, energy_centre, maximize
from speechlrp.neurons.neurons import Neuron
from speechlrp.pipeline.places import UTTERANCES, Artifact, weights, weights_name
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.wanted import Wanted, history_figure, wanted_figure
from speechlrp.stages.maximize.choice import Layer, layers_asked, neurons_asked

FILE = "maximized.h5"
OURS = ("steps", "learning_rate", "l1", "l2", "total_variation", "seed")


@dataclass(frozen=True)
class Unit:
    """Neurons of one layer that are maximised in one batch; letters: whom each was chosen for."""

    layer: Layer
    channels: list[int]
    letters: list[str]


def work(context: Context) -> None:
    """Write `maximized.h5`, `neurons.csv`, `maximized.png` and `history.png`."""
    config = context.config.maximize
    spoken = dataset(context)
    recogniser = network(context, spoken)
    recogniser.model.padding = "none"
    layers = layers_asked(context, spoken, recogniser.model)
    neurons = neurons_asked(context, spoken, recogniser, layers)
    units = list(_units(layers, neurons, config.batch))
    shards = Shards(context.units(), len(units))
    for number in shards.missing():
        shards.put(number, *_maximised(context, spoken, recogniser, units[number]))
    settings = spoken.feature_settings
    times = settings.times(recogniser.model.receptive_field)
    table = write_maximized(
        context.folder / FILE,
        shards,
        frequency=spoken.frequency,
        time_ms=1000 * (times - times[0]),
        units=settings.units,
        attributes={"settings": asdict(config), "features": spoken.settings},
    )
    context.write(neurons=table)
    shards.remove()
    _draw(context)
    _say(context, table)


def _units(
    layers: list[Layer], neurons: dict[str, dict[int, list[str]]], batch: int
) -> Iterator[Unit]:
    for layer in layers:
        channels = list(neurons[layer.name])
        for first in range(0, len(channels), batch):
            batch_channels = channels[first : first + batch]
            chosen = [",".join(neurons[layer.name][channel]) for channel in batch_channels]
            yield Unit(layer, batch_channels, chosen)


def _maximised(
    context: Context, spoken: Spoken, recogniser: Recogniser, unit: Unit
) -> tuple[dict[str, np.ndarray], pd.DataFrame]:
    config, layer = context.config.maximize, unit.layer
    bands, frames = config.jitter
    settings = MaximizeSettings(
        jitter=(bands, frames), **{name: getattr(config, name) for name in OURS}
    )
    step = None if config.over == "time" else layer.sight.step
    step = None if layer.sight.steps == 1 else step
    wanted = [Neuron(layer.target, channel, step) for channel in unit.channels]
    shape = len(spoken.frequency), recogniser.model.receptive_field
    many = f"{len(wanted)} neurons" if len(wanted) > 1 else "1 neuron"
    what = f"layer {layer.name}, {many}, step"
    shown = partial(progress, what=what, total=settings.steps)
    inputs, history = maximize(recogniser.model, wanted, shape, settings, shown=shown)
    arrays = {
        "inputs": (inputs / recogniser.scale).float().cpu().numpy(),
        "history": history.float().cpu().numpy().T.copy(),
    }
    return arrays, _table(spoken, unit, arrays)


def _table(spoken: Spoken, unit: Unit, arrays: dict[str, np.ndarray]) -> pd.DataFrame:
    layer, history = unit.layer, arrays["history"]
    first, frames = layer.sight.first, layer.sight.frames
    hop_ms = 1000 * spoken.clock.hop_s
    seen = arrays["inputs"][:, :, first : first + frames]
    centre = energy_centre(seen, spoken.frequency, np.arange(frames) * hop_ms)
    table = {
        "layer": layer.name,
        "neuron": unit.channels,
        "symbol": [spoken.classes[c] if layer.output else "" for c in unit.channels],
        "chosen_for": unit.letters,
        "activation_before": history[:, 0],
        "activation": history[:, -1],
        "activation_best": history.max(1),
        "step": layer.sight.step,
        "first_frame": first,
        "frames": frames,
        "receptive_field_ms": frames * hop_ms,
        "centre_ms": centre.place,
        "centre_hz": centre.hertz,
        "energy": centre.energy,
        "module": layer.path,
        "maximized": layer.target,
    }
    return pd.DataFrame(table)


def _draw(context: Context) -> None:
    config = context.config
    with open_maximized(context.folder / FILE, context.command("maximize")) as file:
        count = min(len(file.table), config.maximize.shown)
        wanted = [
            Wanted(
                file.seen(row), file.time(row), title_of(file.table.iloc[row]), file.history(row)
            )
            for row in range(count)
        ]
        frequency, total = file.frequency, len(file.table)
    title = f"What neurons want: {weights_name(config)}"
    title += f", {count} of {total:,}" if count < total else ""
    maximized = wanted_figure(wanted, frequency, title=title)
    context.write(maximized=maximized, history=history_figure(wanted))


def title_of(row: pd.Series) -> str:
    """Such as ``"layer 8, neuron 17 (for 'a')"`` or ``"output 'a'"``."""
    where = f"layer {row.layer}" if str(row.layer).isdecimal() else str(row.layer)
    if row.symbol:
        return f"{where}, {row.symbol!r}"
    for_whom = f" (for {row.chosen_for})" if row.chosen_for else ""
    return f"{where}, neuron {row.neuron}{for_whom}"


def _say(context: Context, table: pd.DataFrame) -> None:
    still = int((table.activation <= table.activation_before).sum())
    context.note("neurons", len(table))
    context.note("not_raised", still)
    parts = []
    for name, part in table.groupby("layer", sort=False):
        low, high = part.activation_before.mean(), part.activation.mean()
        parts.append(f"layer {name}: {len(part)}, {low:.2f} to {high:.2f}")
    context.say(
        f"{len(table):,} neurons maximised (mean activation before and after: "
        f"{'; '.join(parts)}); not raised: {still}"
    )


def maximize_facts(config: Config) -> dict[str, str]:
    """What tells maximised inputs of a run apart."""
    wanted = config.maximize
    neuron = wanted.letter if wanted.neuron == "chosen" else wanted.neuron
    layer, neuron = (name.replace(" ", "").replace(",", "+") for name in (wanted.layer, neuron))
    names = {"weights": weights_name(config), "subset": config.subset}
    return names | {"layer": layer, "neuron": neuron}


def maximized(config: Config) -> Artifact:
    """The file of maximised inputs that the configuration asks for."""
    wanted = config.maximize
    options = ("--layer", wanted.layer, "--neuron", wanted.neuron, "--letter", wanted.letter)
    return Artifact("maximize", FILE, maximize_facts(config), (*options, "--subset", config.subset))


STAGE = Stage(
    name="maximize",
    facts=maximize_facts,
    keys=("subset", "maximize"),
    inputs=lambda config: {"features": UTTERANCES, **weights(config)},
    work=work,
)
