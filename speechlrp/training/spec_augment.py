"""SpecAugment: masked bands and frames (Park et al. 2019), without time warping.

Shapes: B utterances, F bands, T frames of the longest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from speechlrp.audio.backend import load_torchaudio
from speechlrp.errors import SpeechLRPError
from speechlrp.training.seeding import derive

MASKS = 2  # stream of random numbers, beside those in `seeding`


@dataclass(frozen=True)
class SpecAugment:
    """Masks drawn for each utterance; masked values become 0, the mean of z-normalised ones.

    An utterance's masks follow from the seed, the epoch and its number alone, whatever
    batch or rank it is in, and lie within its own frames: padding is never counted. As
    torchaudio draws them, no mask covers the last band or the last frame.

    Raises:
        SpeechLRPError: a value is out of its range.
    """

    band_masks: int = 2  # ranges of bands to mask
    band_width: int = 27  # each is up to so many bands wide, this number excluded
    frame_masks: int = 2  # ranges of frames to mask
    frame_width: int = 64  # each is up to so many frames long, this number excluded
    frame_share: float = 0.2  # and at most this share of the utterance, each
    seed: int = 0  # of the masks, 0 or more

    def __post_init__(self) -> None:
        for name in ("band_masks", "band_width", "frame_masks", "frame_width", "seed"):
            if getattr(self, name) < 0:
                raise SpeechLRPError(f"{name} is {getattr(self, name)}; it must be 0 or more")
        if not 0 <= self.frame_share <= 1:
            raise SpeechLRPError(f"frame_share is {self.frame_share}; it must be from 0 to 1")

    def __call__(
        self,
        inputs: torch.Tensor,
        frames: Sequence[int] | torch.Tensor,
        rows: Sequence[int] | torch.Tensor,
        *,
        epoch: int,
    ) -> torch.Tensor:
        """Give masked inputs; those that come in, and the generators, stay as they are.

        Inputs are [B, F, T] on any device; `frames` [B] counts each utterance's own, `rows` [B] are
        their numbers in the data set; epochs count from 0.
        """
        keep = torch.ones(inputs.shape, dtype=torch.bool)
        pairs = zip(torch.as_tensor(frames).tolist(), torch.as_tensor(rows).tolist(), strict=True)
        with torch.random.fork_rng(devices=[]):
            for index, (count, row) in enumerate(pairs):
                torch.default_generator.manual_seed(derive(self.seed, epoch, MASKS, row))
                bands, times = self._draw(inputs.shape[1], count)
                keep[index, :, :count] = bands & times
        return inputs * keep.to(inputs.device)

    def _draw(self, bands: int, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Give what is kept of the bands, bool [F, 1], and of the frames, bool [1, T_i]."""
        mask = load_torchaudio().functional.mask_along_axis
        kept = [torch.ones(bands, 1), torch.ones(1, frames)]
        widths = min(self.band_width, bands), min(self.frame_width, frames)
        shares = 1.0, self.frame_share
        for axis, times in enumerate((self.band_masks, self.frame_masks)):
            for _ in range(times):
                kept[axis] = mask(kept[axis], widths[axis], 0.0, axis, p=shares[axis])
        return kept[0] > 0, kept[1] > 0
