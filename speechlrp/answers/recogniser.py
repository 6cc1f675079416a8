"""A recogniser, asked about one recording: its letters, when each is heard, what they rest on."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from speechlrp.answers.answer import Answer
from speechlrp.data.network import Recogniser
from speechlrp.errors import SpeechLRPError, about
from speechlrp.pipeline.stage import Context
from speechlrp.stages.explain.letter_frames import along, check_letters, letter_explaining


def answer_letters(context: Context, network: Recogniser, wave: Tensor, name: str) -> Answer:
    """Recognise and explain a recording; see ``Run.explain``.

    Raises:
        SpeechLRPError: it is shorter than the network's window, or no letter is heard in it.
    """
    section = context.config.explainer
    check_letters(section)
    settings = network.dataset.feature_settings
    with about(name), torch.inference_mode():
        features = settings.transform(wave).values.numpy()
    search = letter_explaining(context, network)
    if len(features) < search.width:
        needed = search.width * network.dataset.clock.hop_s
        raise SpeechLRPError(
            f"{name}: {len(wave) / settings.rate:.2f} s is shorter than the network's window of "
            f"{needed:.2f} s"
        )
    facts = pd.Series({"id": name, "speaker": "", "transcript": "", "seconds": 0.0})
    arrays, row, frames = along(features, search, facts, 0)
    grouped = frames.assign(run=(frames.start.diff() > 2 * network.model.stride).cumsum())
    grouped = grouped.groupby([(frames.letter != frames.letter.shift()).cumsum(), "run"])
    letters = grouped.agg(
        letter=("letter", "first"), time_s=("time_s", "median"), probability=("probability", "max")
    )
    return Answer(
        name=name,
        label=str(row["recognised"]),
        probability=float(letters.probability.mean()),
        probabilities={},
        target="every letter",
        relevance=arrays["relevance"].T,
        features=features.T,
        frequencies=network.dataset.frequency,
        times=network.dataset.clock.seconds(np.arange(len(features))),
        units="share of a letter frame's absolute relevance",
        feature_units=network.dataset.units,
        explainer=section["name"],
        bands_hz=tuple(section["bands_hz"]),
        samples=wave.numpy(),
        rate=settings.rate,
        letters=letters.reset_index(drop=True),
    )
