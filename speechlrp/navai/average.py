"""Sums over aligned frames, for all classes and alignments in one pass, and what they are of.

Shapes: ``C`` classes, ``A`` alignments, ``F`` bands, ``D`` offsets from the key step (as
many as a window has steps), ``B`` windows.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from speechlrp.errors import SpeechLRPError
from speechlrp.navai.alignment import NO_STEP, shift
from speechlrp.navai.gathered import Gathered

_PER_BIN = ("sums", "squares", "run_squares", "run_products")
_PER_OFFSET = ("counts", "runs", "run_counts", "keys")


class Averages(Gathered):
    """Sums and counts of frames; its memory does not depend on how many there are.

    Windows that follow each other and have one class (a run) are nearly the same window,
    so they are no independent frames. For standard errors that know it, the sums
    ``s_r`` over the ``n_r`` windows of each run are kept as ``sum s_r^2``,
    ``sum n_r s_r`` and ``sum n_r^2``; see `speechlrp.navai.pattern`.

    Args:
        classes: their names.
        alignments: their names.
        bands: ``F``.
        width: ``W`` steps of a window.
        crop: see `speechlrp.navai.alignment.place`.
        by_run: whether runs are kept apart; twice the memory, which is 32 or
            16 bytes x C x A x F x D.
        device: where the sums are.
        groups: ``G`` groups of utterances whose sums are kept apart too, for errors by leaving
            one of them out; 0: none. 8 bytes x G x C x A x F x D more.

    Attributes:
        arrays: by name. ``sums`` of the values and ``squares`` of their squares, with runs
            ``run_squares`` (``sum s_r^2``) and ``run_products`` (``sum n_r s_r``), all
            ``[C, A, F, D]`` float64. ``counts`` of the frames that reach an offset, ``runs``
            of them and ``run_counts`` (``sum n_r^2``), all ``[C, A, D]`` int64. ``keys``:
            frames whose key step is this step of the window ``[C, A, W]`` int64.
            ``frames``: of each class, with a key step or without ``[C]`` int64. With groups
            ``group_sums`` ``[G, C, A, F, D]`` and ``group_counts`` ``[G, C, A, D]``.
    """

    def __init__(
        self,
        classes: Sequence[str],
        alignments: Sequence[str],
        bands: int,
        width: int,
        crop: str = "symmetric",
        by_run: bool = True,
        device: torch.device | str = "cpu",
        groups: int = 0,
    ) -> None:
        self.classes, self.alignments = tuple(classes), tuple(alignments)
        self.bands, self.width, self.crop = bands, width, crop
        self.by_run, self.device, self.groups = by_run, device, groups
        panels = (len(self.classes), len(self.alignments))
        bins, whole = (*panels, bands, width), (*panels, width)
        real: dict[str, Any] = {"dtype": torch.float64, "device": device}
        integer: dict[str, Any] = {"dtype": torch.int64, "device": device}
        names = _PER_BIN if by_run else _PER_BIN[:2]
        sums = {name: torch.zeros(bins, **real) for name in names}
        sums |= {name: torch.zeros(whole, **integer) for name in _PER_OFFSET}
        sums["frames"] = torch.zeros(panels[0], **integer)
        if groups:
            sums["group_sums"] = torch.zeros((groups, *bins), **real)
            sums["group_counts"] = torch.zeros((groups, *whole), **integer)
        super().__init__(sums)

    @property
    def edges(self) -> Tensor:
        """Frames whose key step is the window's first or last ``[C, A]``."""
        keys = self.arrays["keys"]
        return keys[..., 0] + keys[..., -1]

    @property
    def without(self) -> Tensor:
        """Frames that an alignment left out, as it found no key step ``[C, A]``."""
        return self.arrays["frames"][:, None] - self.arrays["keys"].sum(2)

    def add(
        self,
        windows: Tensor,
        classes: Tensor,
        steps: Mapping[str, Tensor],
        runs: Tensor | None = None,
        groups: Tensor | None = None,
    ) -> None:
        """Add a batch to all its classes and alignments.

        Args:
            windows: ``[B, F, W]``.
            classes: ``[B]`` int64.
            steps: alignment -> key steps ``[B]``.
            runs: which windows are one run ``[B]``; None: each is one. A run must not be
                spread over batches.
            groups: of each window's utterance ``[B]``; one for all of a run.

        Raises:
            SpeechLRPError: windows of another size, or not finite.
        """
        size = self.bands, self.width
        if windows.shape[1:] != size or not windows.sum(dtype=torch.float64).isfinite():
            raise SpeechLRPError(
                f"frames to average must be finite and [B, {self.bands}, {self.width}]; "
                f"found {list(windows.shape)}"
            )
        windows, classes = windows.detach().to(self.device), classes.to(self.device)
        if runs is None or not self.by_run:
            runs = torch.arange(len(windows))
        runs = runs.to(self.device).unique(return_inverse=True)[1]
        self.arrays["frames"].index_add_(0, classes, torch.ones_like(classes))
        group = None
        if self.groups:
            groups = torch.zeros_like(classes) if groups is None else groups.to(self.device)
            group = _first(runs, groups)
        for column, name in enumerate(self.alignments):
            self._add(column, windows, classes, steps[name].to(self.device), runs, group)

    def _add(
        self,
        column: int,
        windows: Tensor,
        classes: Tensor,
        steps: Tensor,
        runs: Tensor,
        group: Tensor | None,
    ) -> None:
        values, kept = shift(windows, steps, self.crop)
        # in float64: an error of rounding that grows with the frames would look like a pattern;
        # copied, since squares are taken in place below
        values, kept = values.to(torch.float64, copy=True), kept.long()
        of_run = _first(runs, classes)
        reach, total = _by(runs, kept), _by(runs, values)
        if group is not None:  # groups and classes are one index of a flat view
            place = group * len(self.classes) + of_run
            self.arrays["group_sums"].flatten(0, 1)[:, column].index_add_(0, place, total)
            self.arrays["group_counts"].flatten(0, 1)[:, column].index_add_(0, place, reach)
        self._put("sums", column, of_run, total)
        if self.by_run:
            self._put("run_products", column, of_run, total * reach[:, None])
            self._put("run_squares", column, of_run, total.square_())
        self._put("squares", column, classes, values.square_())
        self._put("counts", column, of_run, reach)
        self._put("runs", column, of_run, (reach > 0).long())
        self._put("run_counts", column, of_run, reach.square())
        aligned = steps != NO_STEP
        self.arrays["keys"][:, column].index_put_(
            (classes[aligned], steps[aligned]), torch.ones_like(steps[aligned]), accumulate=True
        )

    def _put(self, name: str, column: int, classes: Tensor, values: Tensor) -> None:
        self.arrays[name][:, column].index_add_(0, classes, values)


def _first(runs: Tensor, values: Tensor) -> Tensor:
    """What all windows of a run have, once for each run."""
    of_runs = values.new_zeros(int(runs.max()) + 1 if len(runs) else 0)
    return of_runs.index_put_((runs,), values)


def _by(runs: Tensor, values: Tensor) -> Tensor:
    count = int(runs.max()) + 1 if len(runs) else 0
    return values.new_zeros((count, *values.shape[1:])).index_add_(0, runs, values)


def counted(averages: Averages) -> pd.DataFrame:
    """Count the frames of each class and alignment.

    Returns:
        A row each: frames, with a key step or without; runs of them that reach the key step;
        without_step (the map that is searched is the same everywhere: left out);
        at_edge (the key step is the window's first or last); cut (the key step is not the
        window's centre, so that a part is cut off, and nothing put in its place); kept (the
        share of all bins of the class's frames that went into the mean); reach_start and
        reach_end, frames that reach the first and the last offset.
    """
    arrays, centre = averages.arrays, averages.width // 2
    frames = arrays["frames"][:, None].expand_as(averages.edges)
    tables = {
        "frames": frames,
        "runs": arrays["runs"][:, :, centre],
        "without_step": averages.without,
        "at_edge": averages.edges,
        "cut": arrays["keys"].sum(2) - arrays["keys"][:, :, centre],
        "kept": arrays["counts"].sum(2) / (frames * averages.width),
        "reach_start": arrays["counts"][:, :, 0],
        "reach_end": arrays["counts"][:, :, -1],
    }
    index = pd.MultiIndex.from_product(
        [averages.classes, averages.alignments], names=["class", "alignment"]
    )
    columns = {name: values.cpu().numpy().ravel() for name, values in tables.items()}
    return pd.DataFrame(columns, index=index).reset_index()
