"""What the units of a bench are made of: explainers with a reference, and networks."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from speechlrp.config.names import names_in
from speechlrp.config.schema import Config
from speechlrp.data.dataset import Windows, dataset
from speechlrp.data.explaining import check
from speechlrp.data.network import Classifier, network
from speechlrp.data.seen import VIEW
from speechlrp.errors import SpeechLRPError, about
from speechlrp.explainers import EXPLAINERS
from speechlrp.flipping import FILL_INS
from speechlrp.flipping.fill_ins import Surroundings
from speechlrp.measures import SCORES
from speechlrp.pipeline.inputs import known_fingerprint
from speechlrp.pipeline.stage import Context
from speechlrp.stages.bench.networks import Member
from speechlrp.stages.compare.subject import choose


@dataclass(frozen=True)
class Explained:
    """An explainer that measures inputs from a reference."""

    name: str  # of both, such as ``lrp_mean``; from its own reference it is the explainer's
    explainer: str  # of `bench.explainers`
    reference: str  # what inputs are measured from; ``""`` where that changes nothing
    section: Mapping[str, Any]  # its section of the configuration


def explained(config: Config) -> list[Explained]:
    """Every explainer from every reference.

    Raises:
        SpeechLRPError: an explainer that there is not, a setting out of its range, or two of one
            name.
    """
    every = []
    view = {key: config.explainer[key] for key in VIEW}  # maps are compared on the same axes
    for explainer in names_in(config.bench.explainers):
        section = {**config.bench.settings[explainer], **view}
        with about(explainer):
            check(section)
            if EXPLAINERS[section["kind"]].uses_reference:
                for reference in names_in(config.bench.references):
                    usual = reference == section["reference"]
                    name = explainer if usual else f"{explainer}_{reference}"
                    measured = {**section, "reference": reference}
                    every.append(Explained(name, explainer, reference, measured))
            else:
                every.append(Explained(explainer, explainer, "", section))
    if not every:
        raise SpeechLRPError("bench.explainers names no explainer; such as lrp,random")
    if len(names := {one.name: one.explainer for one in every}) < len(every):
        name = next(one.name for one in every if names[one.name] != one.explainer)
        raise SpeechLRPError(
            f"bench.explainers: two are called {name}, as each is tried from all of "
            f"bench.references; leave {names[name]} out"
        )
    return every


def check_asked(config: Config) -> None:
    """Look for all that the networks will be asked, before these are trained.

    Raises:
        SpeechLRPError: as `explained`; a measure or fill-in that there is not.
    """
    explained(config)
    for names, known in ((config.bench.measures, SCORES), (config.bench.baselines, FILL_INS)):
        for name in names_in(names):
            known[name]


class Bench:
    """A network of known truth, and the recordings that explainers are tried on."""

    def __init__(self, context: Context, member: Member) -> None:
        self.member, self.config = member, context.config
        self._context = member.context(context)
        rows = self.examples.rows(member.config.subset)
        limit, size = self.config.bench.examples, self.config.bench.batch_size
        rows = choose(self.examples.table, rows, limit, member.config.data_seed)
        self.units = [rows[i : i + size] for i in range(0, len(rows), size)]
        self.ids = self.examples.table.id.iloc[rows].astype(str).tolist()

    @cached_property
    def examples(self) -> Windows:
        """The dataset, as it is stored."""
        return dataset(self._context)

    @cached_property
    def network(self) -> Classifier:
        """The network, and the dataset as explainers see it."""
        return network(self._context, self.examples).seen(self.config.explainer)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What all that is computed of it follows from."""
        files = self.member.files()
        read = {name: known_fingerprint(files[name])["sha256"] for name in ("weights", "features")}
        return read | {"recordings": self.ids, "batch_size": self.config.bench.batch_size}

    @cached_property
    def surroundings(self) -> Surroundings:
        """What flipped bins may be filled in from."""
        return self.network.surroundings(self.member.config.data_seed)

    def table(self, unit: int) -> pd.DataFrame:
        """What is known of a batch of recordings."""
        return self.examples.table.iloc[self.units[unit]].reset_index(drop=True)
