"""A trained run, loaded to be asked."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from speechlrp.answers.answer import Answer
from speechlrp.answers.classifier import answer_class, answer_pair
from speechlrp.answers.exporting import CONF, META, WEIGHTS
from speechlrp.answers.sounds import FILES, Sound, name_of, path_of, wave_of
from speechlrp.config.composing import CONFIG_DIR, compose_config, default_outputs
from speechlrp.config.names import explainer_choice
from speechlrp.config.quoting import quoted
from speechlrp.config.schema import Config
from speechlrp.data.dataset import Spoken, dataset
from speechlrp.data.network import network
from speechlrp.data.seen import check_effect
from speechlrp.errors import SpeechLRPError
from speechlrp.pipeline.contents import RunFiles, run_files
from speechlrp.pipeline.identity import Run as Remembered
from speechlrp.pipeline.identity import read_run
from speechlrp.pipeline.inputs import find_inputs
from speechlrp.pipeline.places import FEATURES, UTTERANCES, weights
from speechlrp.pipeline.stage import Context
from speechlrp.stages import TASKS
from speechlrp.training.seeding import tf32


def load(run: str | Path, *, weights: str = "train", device: str = "auto") -> Run:
    """Load a trained run.

    Args:
        run: its folder, such as ``outputs/demo``, or its name below ``outputs``; or a folder
            that ``speechlrp export`` wrote.
        weights: as the setting: ``train``, ``aug_mean``, ..., or a ``.safetensors`` file.
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        SpeechLRPError: there is no such run, or it has no trained network.
    """
    return Run(_folder(run), weights, device)


def _folder(run: str | Path) -> Path:
    candidates = [path_of(run, "a run").expanduser()]
    if len(candidates[0].parts) == 1:
        candidates.append(default_outputs() / candidates[0])
    for folder in candidates:
        if os.path.isfile(folder / "run.json"):  # unlike a path's own, whatever was written
            return folder.resolve()
    top = candidates[-1].parent
    names = sorted(p.parent.name for p in top.glob("*/run.json")) if top.is_dir() else []
    known = f"; there are: {', '.join(names)}" if names else ""
    raise SpeechLRPError(f"there is no run {run} ({candidates[-1]}/run.json){known}")


class Run:
    """A trained network with its features, classes and explainers; see `load`.

    Attributes:
        name: of the run.
        folder: where it is; of one that was exported, all there is.
        classes: names of its classes, or a recogniser's symbols.
    """

    def __init__(self, folder: Path, weights: str, device: str) -> None:
        remembered = read_run(folder) or Remembered(folder.name)
        self._exported = (folder / WEIGHTS).is_file()
        if self._exported and weights != "train":
            raise SpeechLRPError(f"{folder} was exported with one network; leave out {weights}")
        self.folder, self.name = folder, remembered.name if self._exported else folder.name
        shipped = [f"{CONFIG_DIR}{folder / CONF}"] if (folder / CONF).is_dir() else []
        self._overrides = [
            *remembered.overrides,
            *(shipped if self._exported else []),
            f"run={self.name}",
            f"data_run={remembered.data_run or self.name}",
            f"paths.outputs={quoted(str(folder.parent))}",
            f"weights={quoted(str(weights))}",
            f"device={device}",
        ]
        self._contexts: dict[str, Context] = {}
        self._dataset = dataset(self._context())
        self._network = network(self._context(), self._dataset)
        self.classes: list[str] = list(self._dataset.classes)

    def __repr__(self) -> str:
        return f"<Run {self.name} in {self.folder}: {', '.join(self.classes)}>"

    @tf32(False)
    def explain(
        self,
        recording: Sound | Sequence[Sound] | Iterator[Sound],
        *,
        explainer: str | None = None,
        target: str | None = None,
        against: str | None = None,
        settings: Sequence[str] = (),
    ) -> Any:
        """Explain what the network says of a recording.

        Args:
            recording: a file; or samples ``[N]``, ``[C, N]`` or ``[N, C]`` and their rate; or
                several, in a list, tuple or iterator.
            explainer: a configuration of ``conf/explainer``, such as ``lrp_gamma``; by default
                the one that the run's experiment names.
            target: the class to explain; by default the one that the network gives.
            against: explain why it is the target and not this class: relevance of the
                difference of the two logits.
            settings: of the explainer, as on the command line: ``["explainer.view=stft"]`` shows
                what a network of waveforms hears in time x frequency.

        Returns:
            An `Answer`, or a list of them for several recordings.

        Raises:
            SpeechLRPError: a recording, class or explainer that there is not or that cannot be.
        """
        if isinstance(recording, Iterator):
            recording = list(recording)
        kinds = (*FILES, tuple)
        several = isinstance(recording, tuple) and all(isinstance(one, kinds) for one in recording)
        if several or isinstance(recording, list):
            return [
                self.explain(
                    one, explainer=explainer, target=target, against=against, settings=settings
                )
                for one in cast(Sequence[Sound], recording)
            ]
        sound = cast(Sound, recording)
        context, name = self._context(explainer, settings), name_of(sound)
        wave = wave_of(sound, name, self._dataset.feature_settings)
        if self.recogniser:
            if target is not None or against is not None:
                raise SpeechLRPError(
                    "a recogniser is asked about every letter that it writes; leave out target "
                    "and against"
                )
            from speechlrp.answers.recogniser import answer_letters  # and its verb

            return answer_letters(context, self._network, wave, name)
        return answer_class(context, self._network, wave, name, target=target, against=against)

    @tf32(False)
    def explain_pair(
        self,
        first: Sound,
        second: Sound,
        *,
        explainer: str | None = None,
        settings: Sequence[str] = (),
    ) -> tuple[Answer, Answer]:
        """Explain why two voices are taken for one: the similarity of their embeddings.

        Args:
            first: a recording.
            second: another.
            explainer: as of `explain`.
            settings: likewise.

        Returns:
            An answer for each, whose relevance is that of the cosine of both embeddings.

        Raises:
            SpeechLRPError: the network has no embeddings, or a recording cannot be used.
        """
        context, sounds = self._context(explainer, settings), (first, second)
        names = [name_of(sound, number) for number, sound in enumerate(sounds, 1)]
        settings = self._dataset.feature_settings
        waves = [wave_of(s, n, settings) for s, n in zip(sounds, names, strict=True)]
        return answer_pair(context, self._network, waves, names)

    @tf32(False)
    def explain_func(
        self,
        model: Any,
        inputs: Any,
        targets: Any,
        *,
        explainer: str | None = None,
        settings: Sequence[str] = (),
        **_: Any,
    ) -> Any:
        """Explain in the form that Quantus asks for: arrays in, relevance out.

        Args:
            model: a torch module, usually `model` of this run, or a copy that Quantus changed.
            inputs: ``[B, ...]``, as the network takes them.
            targets: classes ``[B]``.
            explainer: as of `explain`; Quantus hands it on from ``explain_func_kwargs``.
            settings: as of `explain`; a view is left out.

        Returns:
            Relevance, a numpy array shaped like the inputs.

        Raises:
            SpeechLRPError: the run is a recogniser, whose letters are not classes of its inputs.
        """
        import torch

        from speechlrp.data.explaining import explainer as made
        from speechlrp.data.network import Shifted

        if self.recogniser:
            raise SpeechLRPError("a recogniser has no classes that a measure could ask about")
        section = self._context(explainer, settings).config.explainer
        reference = self._network.baseline(section["reference"])
        values = torch.as_tensor(inputs, dtype=torch.float32).to(reference.device) - reference
        classes = torch.as_tensor(targets).long().to(reference.device)
        asked = made(section, self._network.meta["loss"])
        relevance = asked.explain(Shifted(model, reference).eval(), values, classes)[1]
        return relevance.detach().cpu().numpy()

    @cached_property
    def model(self) -> Any:
        """The network, a torch module in evaluation mode; it takes scaled features."""
        return self._network.model

    @property
    def recogniser(self) -> bool:
        """Whether it writes letters, and gives no class."""
        return isinstance(self._dataset, Spoken)

    @property
    def config(self) -> Config:
        """Its settings, with those of its own explainer."""
        return self._context().config

    @property
    def inputs(self) -> dict[str, Path]:
        """The files that it was loaded from: features, weights and meta."""
        return self._context().inputs

    @property
    def files(self) -> RunFiles:
        """What its stages have left; nothing, where it was exported."""
        return run_files(self.config)

    def _context(self, explainer: str | None = None, settings: Sequence[str] = ()) -> Context:
        settings = [settings] if isinstance(settings, str) else settings
        asked = [*(explainer_choice(explainer) if explainer else []), *settings]
        key = " ".join(asked)
        if key not in self._contexts:
            config = compose_config("explain", [*self._overrides, *asked])
            check_effect(settings, config.explainer)
            self._contexts[key] = self._made(config)
        return self._contexts[key]

    def _made(self, config: Config) -> Context:
        hints = (f"run={self.name}",)
        features = UTTERANCES if config.task.name in TASKS else FEATURES
        if self._exported:
            kept = next(self.folder.glob("*.h5"), None)
            if kept is None:
                raise SpeechLRPError(
                    f"{self.folder} has no .h5, which says what the features are; export it again"
                )
            inputs = {"features": kept, "weights": self.folder / WEIGHTS}
            inputs, made_by = inputs | {"meta": self.folder / META}, dict.fromkeys(inputs, "")
        else:
            asked = {"features": features, **weights(config)}
            inputs, made_by = find_inputs("explain", asked, config, hints)
        return Context(config, self.folder, self.folder, inputs, made_by, hints)
