"""Which neurons maximize is asked for, and K's choice among them (K 4.1)."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from speechlrp.config.names import names_in
from speechlrp.data.dataset import Spoken
from speechlrp.data.network import Recogniser
from speechlrp.errors import SpeechLRPError
from speechlrp.letters.vocabulary import LETTERS, SYMBOLS
from speechlrp.models.wav2letter import Wav2Letter
from speechlrp.navai.frame_classes import Letters
from speechlrp.navai.frames import LetterFrames
from speechlrp.neurons.layers import Sight, before_activation, find_layer, pick_channels, sight
from speechlrp.neurons.neurons import Activity
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context


@dataclass(frozen=True)
class Layer:
    """A layer that was asked for."""

    name: str  # as it was asked for
    path: str  # of its module
    target: str  # of the module whose output is maximised
    sight: Sight  # what a step of it sees
    output: bool  # whether its channels are the symbols


def layers_asked(context: Context, spoken: Spoken, model: Wav2Letter) -> list[Layer]:
    """The layers of `maximize.layer`, with what a step of each sees."""
    config = context.config.maximize
    shape = len(spoken.frequency), model.receptive_field
    last = find_layer(model, "output")
    layers = []
    for name in dict.fromkeys(part.strip() for part in config.layer.split(",")):
        path = find_layer(model, name)
        target = before_activation(model, path) if config.before_relu else path
        seen = sight(model, target, shape)
        if config.over == "time":
            seen = seen._replace(step=-1, first=0, frames=shape[1])
        layers.append(Layer(name, path, target, seen, path == last))
    return layers


def neurons_asked(
    context: Context, spoken: Spoken, recogniser: Recogniser, layers: list[Layer]
) -> dict[str, dict[int, list[str]]]:
    """The neurons of `maximize.neuron`: by layer, channels and whom each was chosen for."""
    config = context.config.maximize
    if config.neuron == "chosen":
        return _chosen(context, spoken, recogniser, layers)
    neurons: dict[str, dict[int, list[str]]] = {}
    for layer in layers:
        names = spoken.classes if layer.output else ()
        letters = config.neuron == "letters" and layer.output
        wanted = ",".join(LETTERS) if letters else config.neuron
        channels = pick_channels(wanted, layer.name, layer.sight.channels, names)
        neurons[layer.name] = {channel: [] for channel in channels}
    return neurons


def _chosen(
    context: Context, spoken: Spoken, recogniser: Recogniser, layers: list[Layer]
) -> dict[str, dict[int, list[str]]]:
    """K's choice: the most active on average over time, for frames predicted as a letter."""
    neurons: dict[str, dict[int, list[str]]] = {layer.name: {} for layer in layers}
    for letter in names_in(context.config.maximize.letter, LETTERS, "letter"):
        symbol = SYMBOLS.index(letter)
        hidden = [layer for layer in layers if not layer.output]
        activity = _activity(context, spoken, recogniser, hidden, letter) if hidden else None
        for layer in layers:
            channel = symbol
            if activity is not None and not layer.output:
                best = {neuron.layer: neuron.channel for neuron in activity.most_active(symbol)}
                channel = best[layer.path]
            neurons[layer.name].setdefault(channel, []).append(letter)
    return neurons


def _activity(
    context: Context, spoken: Spoken, recogniser: Recogniser, layers: list[Layer], letter: str
) -> Activity:
    config, subset = context.config.maximize, context.config.subset
    activity, model = Activity([layer.path for layer in layers]), recogniser.model
    left = config.frames
    letters = Letters({SYMBOLS.index(letter): letter})
    stream = _read(context, spoken, recogniser.scale, letter)
    for batch in LetterFrames(stream, model, letters, config.batch):
        activity.add(model, batch.windows[:left])
        left -= len(batch.windows)
        if left <= 0:
            break
    if left == config.frames:
        raise SpeechLRPError(
            f"no frame of the split {subset!r} is predicted as {letter!r}, so no neuron can be "
            "chosen for it; take --subset train, another --letter, or --neuron, or train longer "
            "(`speechlrp train trainer.epochs=...`)"
        )
    context.note(f"frames_{letter}", config.frames - max(left, 0))
    return activity


def _read(
    context: Context, spoken: Spoken, scale: float, letter: str
) -> Iterator[tuple[str, torch.Tensor]]:
    rows = spoken.rows(context.config.subset)
    with spoken.features() as file:
        for row in progress(rows, f"frames of {letter!r}", len(rows)):
            features = torch.from_numpy(file.read(int(row)).T.copy())
            yield str(spoken.table.id.iloc[row]), features * scale
