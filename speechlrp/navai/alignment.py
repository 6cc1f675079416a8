"""Where in a window does its letter occur? The key step, and the frame moved to it.

Shapes: ``B`` windows, ``F`` bands, ``W`` steps of a window; ``D = W`` offsets from the key
step, from ``-(W // 2)`` on: the key step is at ``D = W // 2``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from speechlrp.errors import SpeechLRPError, unknown
from speechlrp.navai import ALIGNMENTS, CROPS

OVER = ("bin", "sum")
NO_STEP = -1


@dataclass(frozen=True)
class Alignment:
    """The time of an extreme value of an explanation.

    K 3.6 takes "the maximum position from LRP" and, of sensitivity, "both the maximum and
    minimum value position"; the section does not say whether bands are added first. We read
    "value position" as the one bin (band and step) of the extreme value, and take its
    time; ``over="sum"`` adds the bands of each step first. Of equal values the first in
    time counts. K shows sensitivity as signed values, so the minimum is the most negative.
    """

    source: str | None  # the explainer whose map is searched; None for the window's centre
    largest: bool = True  # whether the maximum is searched, or the minimum
    over: str = "bin"  # ``"bin"`` or ``"sum"``

    def steps(self, maps: Mapping[str, Tensor], windows: Tensor) -> Tensor:
        """Find the key step of each window, ``[B]`` int64, 0 to W - 1.

        ``NO_STEP`` where the map is the same everywhere and so names none.

        Args:
            maps: explainer -> explanation of the predicted class's score ``[B, F, W]``.
            windows: ``[B, F, W]``, for their number and length.

        Raises:
            SpeechLRPError: there is no such map, it has another shape or is not finite.
        """
        batch, _, width = windows.shape
        if self.source is None:
            return torch.full((batch,), width // 2, device=windows.device)
        values = _checked(self.source, maps, windows)
        extreme = torch.amax if self.largest else torch.amin
        over_time = values.sum(1) if self.over == "sum" else extreme(values, 1)
        steps = over_time.argmax(1) if self.largest else over_time.argmin(1)
        same = (over_time == over_time[:, :1]).all(1)
        # extremes of all steps may be equal although the map is not: its other bins decide. Only
        # those windows are looked at again, as a whole map costs as much as the search
        if self.over == "bin" and same.any():
            first = values[same][:, :1, :1]
            same[same.clone()] = (values[same] == first).flatten(1).all(1)
        return steps.masked_fill(same, NO_STEP)


def _checked(source: str, maps: Mapping[str, Tensor], windows: Tensor) -> Tensor:
    if source not in maps:
        raise unknown("source of an alignment", source, maps)
    values = maps[source]
    if values.shape != windows.shape or not values.sum(dtype=torch.float64).isfinite():
        raise SpeechLRPError(
            f"the {source} map that frames are aligned by must be finite and of shape "
            f"{list(windows.shape)}; found {list(values.shape)}"
        )
    return values


NONE = Alignment(None)
MIN_SENS = Alignment("sensitivity", largest=False)
MAX_SENS = Alignment("sensitivity")
MAX_LRP = Alignment("lrp")


def named(name: str, over: str = "bin") -> Alignment:
    """An alignment by its name: of the table or one's own, or ``min-`` or ``max-`` any explainer.

    Such as ``"min-sens"``, ``"package.module:Name"`` or ``"max-occlusion"``; `over` as of
    `Alignment`.
    """
    if over not in OVER:
        raise unknown("search of an alignment", over, OVER)
    which, _, source = name.partition("-")
    if name in ALIGNMENTS or which not in ("min", "max") or not source:
        return replace(ALIGNMENTS[name], over=over)
    return Alignment(source, which == "max", over)


def place(steps: Tensor, width: int, crop: str = "symmetric") -> tuple[Tensor, Tensor]:
    """Say which step of a window comes to which offset from its key step.

    K 3.6: "crops the spectrogram frames on one side, such that the determined positions are
    in the center". ``"symmetric"`` is that: of the longer side as much is kept as there
    is on the other. ``"shift"`` keeps of the longer side what fits into W offsets. Nothing
    is put where a window has ended.

    Of key steps ``[B]`` (with ``NO_STEP`` nothing of the window is kept), gives steps ``[B, D]``,
    some of them outside the window, and whether they are kept ``[B, D]``.
    """
    if crop not in CROPS:
        raise unknown("crop of frames", crop, CROPS)
    offsets = torch.arange(width, device=steps.device) - width // 2
    index = steps[:, None] + offsets
    before, after = steps[:, None], width - 1 - steps[:, None]
    if crop == "symmetric":  # an even width has one step more before its centre than after it
        before, after = (
            torch.minimum(before, after + (1 - width % 2)),
            torch.minimum(after, before),
        )
    kept = (offsets >= -before) & (offsets <= after) & (steps[:, None] >= 0)
    return index, kept


def shift(windows: Tensor, steps: Tensor, crop: str = "symmetric") -> tuple[Tensor, Tensor]:
    """Move windows ``[B, F, W]`` so that their key steps ``[B]`` stand at offset 0; see `place`.

    Gives values ``[B, F, D]``, 0 where nothing is kept, and what is kept ``[B, D]``, bool.
    """
    index, kept = place(steps, windows.shape[2], crop)
    if bool(kept.all()):
        return windows, kept
    index = index.clamp(0, windows.shape[2] - 1)[:, None].expand(windows.shape)
    return windows.gather(2, index).masked_fill_(~kept[:, None], 0), kept
