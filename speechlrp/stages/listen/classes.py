"""listen, tasks of classes: recordings with only what speaks for their class, or only against."""

from contextlib import AbstractContextManager
from functools import partial

import h5py
import numpy as np
import pandas as pd
import torch

from speechlrp.artifacts.hdf5 import open_artifact, read_table
from speechlrp.artifacts.relevance import RELEVANCE, Maps
from speechlrp.audio.reading import read
from speechlrp.audio.resampling import mono, resample
from speechlrp.data.dataset import dataset
from speechlrp.data.network import Classifier, network
from speechlrp.data.recordings import explored, name_of
from speechlrp.data.seen import section_of
from speechlrp.errors import SpeechLRPError, about
from speechlrp.pipeline.places import FEATURES, explanation, explanation_facts, plain, weights
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.report.listen import HEARD
from speechlrp.stages.listen.making import WHOLE, Sound, listen, sides


def work(context: Context) -> None:
    """Write WAV files, `sounds.csv` with what the network says of each, and `index.html`."""
    with _relevance(context) as file:
        classifier = network(context, dataset(context)).seen(section_of(file))
        table, predicted = read_table(file), file["output"][:].argmax(1)
        target = file["target"][:]
    clean = np.flatnonzero(table.get("condition", pd.Series("", table.index)) == "")
    if not len(clean):
        raise SpeechLRPError(
            f"subset={context.config.subset} holds copies with sound mixed in, whose recordings "
            "alone cannot be heard as the network did; listen to subset=test"
        )
    known, count = table.iloc[clean].reset_index(drop=True), context.config.listen.examples
    rows = clean[explored(known, predicted[clean], count)]
    units = [partial(_heard, context, classifier, table.iloc[i], i, target[i]) for i in rows]
    _say(context, listen(context, units))


def _relevance(context: Context) -> AbstractContextManager[h5py.File]:
    return open_artifact(context.inputs["relevance"], RELEVANCE, context.made_by["relevance"])


def _heard(
    context: Context, classifier: Classifier, one: pd.Series, row: int, target: int
) -> list[Sound]:
    """An example whole, with only what speaks for the class explained, and only against."""
    examples = classifier.dataset
    settings = examples.feature_settings
    with _relevance(context) as file:
        relevance = Maps(file)[row][0]
    with about(one.path):
        wave, rate = read(one.path)
    whole = resample(mono(wave, settings.channel), rate, settings.rate, settings.lowpass_width)
    begin = round(one.start_s * settings.rate)
    segment = whole[begin : begin + round(one.duration_s * settings.rate)]
    facts = ("recordings", WHOLE, examples.classes[target], name_of(one))
    sound = Sound(plain(one.id), *facts, segment, settings.rate)
    axes = examples.frequency, examples.time - one.onset_s
    said = partial(_said, classifier, one.onset_s, target)
    return sides(sound, relevance, axes, context.config.listen, said)


def _said(
    classifier: Classifier, onset_s: float, target: int, wave: torch.Tensor
) -> tuple[str, float]:
    """What the network says of a sound at its place in the window: its class, and a probability."""
    settings = classifier.dataset.feature_settings
    window = torch.zeros(settings.length)
    onset = round(onset_s * settings.rate)
    window[onset : onset + len(wave)] = wave[: settings.length - onset]
    with torch.inference_mode():
        features = settings.transform(window[None]).numpy()
    probability = classifier.predict(classifier.inputs(features))[1][0]
    return classifier.dataset.classes[int(probability.argmax())], float(probability[target])


def _say(context: Context, index: pd.DataFrame) -> None:
    medians = index.groupby("what").score.median().dropna()  # of silence nothing is said
    parts = [f"{words} {medians[what]:.1%}" for what, words in HEARD.items() if what in medians]
    context.say(
        f"probability of the class explained, median of {index.place.nunique()} recordings: "
        f"{', '.join(parts)}; open index.html"
    )


STAGE = Stage(
    name="listen",
    facts=explanation_facts,
    keys=("subset", "listen.examples", "listen.share", "listen.floor_db", "listen.peak"),
    inputs=lambda config: {
        "features": FEATURES,
        "relevance": explanation(config, "relevance.h5"),
        **weights(config),
    },
    work=work,
)
