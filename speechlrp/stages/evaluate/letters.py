"""evaluate, task=letters: letter and word error rates of any weights on any split."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from speechlrp.config.schema import configure, options
from speechlrp.data.dataset import Spoken, dataset
from speechlrp.data.network import Recogniser, network
from speechlrp.errors import SpeechLRPError
from speechlrp.letters import DECODERS
from speechlrp.letters.decoding import Decoded
from speechlrp.letters.error_rates import ErrorCounts, count_errors
from speechlrp.pipeline.places import UTTERANCES, network_facts, weights
from speechlrp.pipeline.progress import progress
from speechlrp.pipeline.stage import Context, Stage
from speechlrp.training.intervals import speaker_bootstrap

DRAWS = 1000


def work(context: Context) -> None:
    """Write `evaluation.json`, `utterances.csv`, and tables per speaker and part."""
    config = context.config
    spoken = dataset(context)
    recogniser = network(context, spoken)
    rows = spoken.rows(config.subset)
    texts = _recognise(context, spoken, recogniser)
    table = spoken.table.iloc[rows][["id", "speaker", "part", "transcript", "seconds"]]
    table = table.rename(columns={"transcript": "said"}).reset_index(drop=True)
    table.insert(4, "recognised", [texts[row] for row in rows])
    errors = [count_errors([a], [b]) for a, b in zip(table.said, table.recognised, strict=True)]
    table = pd.concat([table, pd.DataFrame(map(_columns, errors))], axis=1)
    total = sum(errors, ErrorCounts())
    summary = _columns(total) | _intervals(table, config.seed)
    context.write(evaluation=summary, utterances=table)
    context.write(**{f"per_{name}": _per(table, errors, name) for name in ("speaker", "part")})
    context.note("summary", summary)
    context.say(
        f"letter errors {total.letter_error_rate:.2%}, word errors {total.word_error_rate:.2%} "
        f"of {total.utterances:,} utterances (95 % by bootstrap over utterances: letters "
        f"{summary['letter_low']:.2%} to {summary['letter_high']:.2%}, words "
        f"{summary['word_low']:.2%} to {summary['word_high']:.2%})"
    )


def _recognise(context: Context, spoken: Spoken, recogniser: Recogniser) -> dict[int, str]:
    """The text of each utterance by its row, one at a time: so nothing depends on a batch."""
    reading: dict[str, Any] = {"max_frames": int(spoken.table.frames.max()), "max_utterances": 1}
    reading |= {"input_scale": recogniser.scale, "shuffle": False, "every": True}
    batches = spoken.batches(context.config.subset, **reading)
    name, texts = context.config.decoding["name"], {}
    settings = options(context.config.decoding, "name")
    for batch in progress(batches.epoch(0), "evaluate", batches.examples):
        scores = recogniser.scores(batch.inputs)
        said = configure(f"decoding {name}", DECODERS[name], settings, scores, None)
        if not (isinstance(said, list) and len(said) == 1 and isinstance(said[0], Decoded)):
            raise SpeechLRPError(
                f"decoding {name} gives {type(said).__name__}; it must give a list of Decoded, "
                "one for each utterance"
            )
        texts[int(batch.rows[0])] = said[0].text
    return texts


def _columns(errors: ErrorCounts) -> dict[str, float]:
    columns: dict[str, float] = {"utterances": errors.utterances}
    for name, edits in (("letter", errors.letters), ("word", errors.words)):
        columns |= {
            f"{name}s": edits.length,
            f"{name}_substitutions": edits.substitutions,
            f"{name}_deletions": edits.deletions,
            f"{name}_insertions": edits.insertions,
            f"{name}_error_rate": edits.rate,
        }
    return columns


def _intervals(table: pd.DataFrame, seed: int) -> dict[str, float]:
    """Where 95 % of the rates of as many utterances, drawn with replacement, lie."""
    ends: dict[str, float] = {}
    for name in ("letter", "word"):
        kinds = [f"{name}_{kind}" for kind in ("substitutions", "deletions", "insertions")]
        edits, said = table[kinds].sum(axis=1).to_numpy(), table[f"{name}s"].to_numpy()
        low, high = speaker_bootstrap(edits, said, seed=seed, draws=DRAWS)
        ends |= {f"{name}_low": low, f"{name}_high": high}
    return ends


def _per(table: pd.DataFrame, errors: Sequence[ErrorCounts], name: str) -> pd.DataFrame:
    """Errors of each speaker, or of each part of the corpus."""
    groups = table.groupby(name).indices
    rows = [
        {name: key, **_columns(sum((errors[place] for place in places), ErrorCounts()))}
        for key, places in sorted(groups.items())
    ]
    return pd.DataFrame(rows)


STAGE = Stage(
    name="evaluate",
    facts=lambda config: network_facts(
        config, decoding="" if config.decoding["name"] == "greedy" else config.decoding["name"]
    ),
    keys=("subset", "decoding", "seed"),
    inputs=lambda config: {"features": UTTERANCES, **weights(config)},
    work=work,
)
